"""One registered target: how it is checked, and its health after the checks so far."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# Minimum real seconds between two checks, whatever the pace: of a target that is not healthy yet, and of a healthy one.
MIN_INTERVAL, STEADY_INTERVAL = 0.25, 1.0


@dataclass(frozen=True)
class Status:
    """A target's health in the words of Elastic Load Balancing.

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


def code_mismatch(code: int) -> Status:
    """Return the status for a response code that the target group does not expect."""
    return Status("unhealthy", "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]")


def invalid_state(state: str) -> Status:
    """Return the status of an instance that is not running."""
    return Status("unused", "Target.InvalidState", f"Target is in the {state} state")


def describe_site(states: Collection[str], booted: bool) -> str:
    """Describe a site whose targets are in these states; empty where it answers.

    Args:
        states: The states of its targets.
        booted: Whether all of their hosts have booted.
    """
    if "healthy" in states:
        return ""
    if "initial" in states or not booted:
        return "starting: no target is healthy yet"
    return "failed: no target is healthy"


@dataclass(frozen=True)
class Check:
    """How a target's health is checked, as its target group says now."""

    unused: Status | None  # why it is not checked
    port: int | None  # the local port of its application; None where it has none
    reachable: bool  # whether the security groups let the load balancer reach it
    host: str  # the check's Host header: the instance's own address
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
    """A registered target; whoever reads or changes it holds the checker's lock."""

    group: str
    instance: str
    check: Check
    since: float  # when it was registered
    listening_since: float | None = None  # when its application first had a port
    status: Status = REGISTERING
    passes: int = 0
    failures: int = 0
    unhealthy_since: float | None = None
    due: float = 0.0
    checking: bool = False
    leaving_since: float | None = None
    delay: float = 0.0  # seconds to finish its requests after it is deregistered
    in_flight: int = 0
    last_request: int = 0  # the number of its last request

    @property
    def current_status(self) -> Status:
        """Its status at this moment."""
        if self.leaving_since is not None:
            return DRAINING
        return self.check.unused or self.status

    def record_result(self, result: Status, now: float) -> None:
        """Record the result of a check that has just ended.

        A new target needs one success; later its state changes after as many results in a row as the thresholds say.
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

    def is_drained(self, now: float, pace: float) -> bool:
        """Whether it has been deregistered for the whole delay.

        At a faster pace the delay is shorter, but requests in flight still get the whole delay. AWS shows a target as
        draining for the whole delay, even when it has no requests:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
        """
        waited = now - (self.leaving_since or now)
        idle = self.in_flight == 0 or waited >= self.delay
        return waited >= self.delay * pace and idle
