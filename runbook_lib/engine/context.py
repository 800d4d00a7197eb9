"""What all actions of the engine share: the account, the journal, the clock, the lock and the callbacks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from ..journal.journal import Journal
from ..resources.base import Observed, ObservedState, Resource, ids_of
from .observe import failed_error, is_ready, observe, status_text, timeout_error
from .plan import Change

OnProgress = Callable[[Resource, str, float], None]
"""Called with a resource, its status, and the seconds since work on it began."""
RequireApproval = Callable[[Change], None]
"""Raises unless the change is approved."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
"""Seconds between two observations of what is waited for."""
PAUSE_SHARE = 1 / 40
"""The share of the time waited so far that a pause may take: so much later than it happens is a state observed."""


@dataclass(frozen=True)
class Clock:
    """The source of time, in seconds; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Context:
    """What every action works with.

    Args:
        ensure_lock: Called before every write; raises when another run holds the lock.  With ``deletes_bucket=True``
            before the deletion of the bucket that holds it.
        keep_lock: Called in every pause of waiting; raises when the lock was lost.
        unready: Resources that AWS has accepted and that have not been observed to be ready yet.
    """

    aws: Aws
    journal: Journal
    clock: Clock
    ensure_lock: Callable[..., None]
    on_progress: OnProgress = lambda resource, status, seconds: None
    require_approval: RequireApproval = lambda change: None
    keep_lock: Callable[[], None] = lambda: None
    unready: set[Resource] = field(default_factory=set)

    def snapshot(self) -> Snapshot:
        """A new, empty cache of reads."""
        return Snapshot(self.aws)

    def pause(self, waited: float) -> None:
        """Sleep for a share of the seconds *waited* so far; raises when the lock was lost meanwhile."""
        # A wait makes 4 turns a second at first (fewer where AWS answers slowly), 150 in its first 150 s, and 6 a
        # minute after 400 s.  A turn makes each list call once.  That is well below what AWS allows an account: 40
        # reads of load balancers at once and 10 a second; of EC2, 100 of each kind at once and 20 a second.
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
        # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
        self.clock.sleep(min(max(waited * PAUSE_SHARE, SHORTEST_PAUSE), LONGEST_PAUSE))
        self.aws.reads.expire()
        self.keep_lock()

    def wait_until_ready(
        self,
        resources: Iterable[Resource],
        observed_state: ObservedState,
        is_enough: Callable[[Observed], bool] = lambda observed: observed.ready,
    ) -> None:
        """Wait until all resources are ready, with one snapshot per turn, and update *observed_state*.

        Args:
            is_enough: Whether one that exists is ready enough.

        Raises:
            Failed: AWS reports one as failed.
            WaitTimeout: One is not ready within its ``wait_timeout``.
        """
        began = self.clock.now()
        waiting = [r for r in resources if not is_ready(observed_state.get(r), is_enough)]
        while waiting:
            snapshot, seconds = self.snapshot(), self.clock.now() - began
            for resource in waiting:
                observed = observed_state[resource] = observe(resource, snapshot, ids_of(observed_state))
                if observed and observed.failed:
                    raise failed_error(resource, observed)
                self.on_progress(resource, status_text(observed), seconds)
                self.record_ready(resource, observed)
                if not is_ready(observed, is_enough) and seconds >= resource.wait_timeout:
                    raise timeout_error(resource, observed)
            waiting = [r for r in waiting if not is_ready(observed_state[r], is_enough)]
            if waiting:
                self.pause(seconds)

    def record_remainder(self, resource: Resource, observed: Observed) -> None:
        """Record in the journal what remains of a resource that is destroyed, or retained by a destroy."""
        if remainder := resource.left_behind(observed):
            self.journal.write("left", key=resource.key, id=remainder.id, reason=remainder.reason)

    def record_ready(self, resource: Resource, observed: Observed | None) -> None:
        """Record in the journal the first time that a changed resource is observed to be ready."""
        if resource in self.unready and is_ready(observed):
            self.unready.discard(resource)
            self.journal.write("settled", key=resource.key)
