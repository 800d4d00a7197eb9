"""One registered target: what its health check asks, and what the checks so far make of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

# Between two checks, however fast AWS's clock is turned: of a target whose state is open, and of a healthy one.
LEAST_INTERVAL, STEADY_INTERVAL = 0.25, 1.0


@dataclass(frozen=True)
class Status:
    """A target's health as Elastic Load Balancing words it.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
    """

    state: str
    reason: str | None = None
    description: str | None = None


HEALTHY = Status("healthy")
REGISTERING = Status("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Status("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
TIMEOUT = Status("unhealthy", "Target.Timeout", "Request timed out")
FAILED = Status("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
DRAINING = Status("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_REGISTERED = Status("unused", "Target.NotRegistered", "Target is not registered to the target group")
NOT_IN_USE = Status(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
OTHER_ZONE = Status(
    "unused", "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load balancer"
)


def mismatch(code: int) -> Status:
    """An answer with a code that the target group does not expect."""
    return Status("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]")


def invalid(state: str) -> Status:
    """The instance does not run."""
    return Status("unused", "Target.InvalidState", f"Target is in the {state} state")


def standing(states: Collection[str], booted: bool) -> str:
    """What is to be said of a site whose targets are in these states; nothing where it answers.

    Args:
        booted: Whether all of their machines have come up.
    """
    if "healthy" in states:
        return ""
    if "initial" in states or not booted:
        return "coming up: no target is healthy yet"
    return "out of order: no target is healthy"


@dataclass(frozen=True)
class Check:
    """How a target's health is asked for, as its target group says now."""

    unused: Status | None  # why it is not asked at all
    port: int | None  # where its application listens on this machine; None: nowhere
    reachable: bool  # whether the load balancer's packets arrive
    host: str  # what the check's Host header says: the instance's own address
    path: str
    codes: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int

    def expects(self, code: int) -> bool:
        """Whether a code is one of the matcher's: `200`, `200,202` or `200-299`."""
        spans = [span.partition("-") for span in self.codes.split(",")]
        return any(int(first) <= code <= int(last or first) for first, _, last in spans)


@dataclass(eq=False)
class Target:
    """A registered target; whoever reads or changes it holds the lock of its Health."""

    group: str
    instance: str
    check: Check
    since: float  # when it was registered
    listening_since: float | None = None  # when its application was first known to be anywhere
    status: Status = REGISTERING
    passes: int = 0
    failures: int = 0
    unhealthy_since: float | None = None
    due: float = 0.0
    asking: bool = False
    leaving_since: float | None = None
    delay: float = 0.0  # seconds that it may finish its requests in, as it leaves
    in_flight: int = 0
    turn: int = field(default=0)  # when it was given its last request, as a number

    @property
    def now(self) -> Status:
        """Its health at this moment."""
        if self.leaving_since is not None:
            return DRAINING
        return self.check.unused or self.status

    def learn(self, result: Status, now: float) -> None:
        """Take in the result of one check that has ended now.

        A new target needs one pass; later it takes as many in a row as the thresholds say to change its state.
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
        """
        passed = result is HEALTHY
        self.passes = self.passes + 1 if passed else 0
        self.failures = 0 if passed else self.failures + 1
        if self.status.state == "initial":
            self.status = CHECKING
        if passed and (self.status.state != "unhealthy" or self.passes >= self.check.healthy):
            self.status = HEALTHY
        elif not passed and (self.failures >= self.check.unhealthy or self.status.state == "unhealthy"):
            self.status = result
        if self.status.state != "unhealthy":
            self.unhealthy_since = None
        elif self.unhealthy_since is None:
            self.unhealthy_since = now

    def gone(self, now: float, pace: float) -> bool:
        """Whether it has left: the delay is over; at a faster pace, its requests are, too, or have had the whole delay.

        AWS shows it as draining for the whole delay, even when it has nothing left to answer:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
        """
        waited = now - (self.leaving_since or now)
        idle = self.in_flight == 0 or waited >= self.delay
        return waited >= self.delay * pace and idle
