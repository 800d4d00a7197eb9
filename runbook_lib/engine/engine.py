"""Survey, apply, verify, destroy: the only loop in the library.

Nothing is believed but what AWS shows.  Every change is carried out by the same
small cycle: look, do the one thing that is missing, look again.  So a run that was
killed anywhere, and one whose answer was lost on the way, go on the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from ..journal.journal import Journal
from ..resources.base import Observed, ObservedState, Resource
from ..stacks.stack import Stack, in_order
from .apply import ApplyResource, dependencies_of
from .destroy import DestroyResources
from .observe import OnProgress, RequireApproval, failed_error, is_ready, observe, status_text, timeout_error
from .plan import Plan, ids_of, make_plan, missing_dependencies, require_dependencies

REPLAN_AGE = 30.0
"""Seconds after which a sighting is no longer believed where something is changed."""


@dataclass(frozen=True)
class Clock:
    """Where time comes from; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Engine:
    """Moves one account from what is there to what is wanted.

    Args:
        hold: Called before every write; raises when the lock is not, or no longer, ours.
        fresh: Seconds for which a look at the account is shared; infinite for a run that only plans.
        coming: Whether what is missing of earlier layers may still be on its way, made by
            another notebook of the same run.
    """

    def __init__(
        self,
        aws: Aws,
        journal: Journal,
        *,
        hold: Callable[[], None] = lambda: None,
        fresh: float = REPLAN_AGE,
        coming: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        self.aws, self.journal = aws, journal
        self.hold, self.clock = hold, clock or Clock()
        self._fresh, self._coming = fresh, coming
        self._settling: set[Resource] = set()
        self._look, self._looked = Snapshot(aws), -inf

    @property
    def scope(self) -> str:
        """What a plan of this engine is about."""
        return f"{self.aws.env}/{self.aws.account}/{self.aws.region}"

    def survey(self, stack: Iterable[Resource], *, afresh: bool = False) -> ObservedState:
        """Look up the stack and all that it needs.  Reads only."""
        now = self.clock.now()
        if afresh or now - self._looked > self._fresh:
            self._look, self._looked = Snapshot(self.aws), now
        seen: ObservedState = {}
        for resource in in_order(stack):
            seen[resource] = observe(resource, self._look, ids_of(seen))
            self._note(resource, seen[resource])
        return seen

    def plan(self, stack: Stack, *, present: bool = True, afresh: bool = False) -> Plan:
        """What an apply, or with *present* false a destroy, would do now."""
        return make_plan(stack, self.survey(stack, afresh=afresh), present=present, scope=self.scope)

    def apply(
        self, stack: Stack, *, allow: RequireApproval = lambda change: None, watch: OnProgress = lambda *a: None
    ) -> Plan:
        """Close the gap, needs first; returns the plan that was carried out.

        Returns as soon as AWS has accepted everything; :meth:`wait_until_ready` waits for it.

        Raises:
            RunbookError: What stopped it; what was done stays done, and the next apply goes on from there.
        """
        seen = self._standing(stack, watch)
        plan = make_plan(stack, seen, scope=self.scope)
        plan.raise_if_blocked()
        for change in plan.todo:
            allow(change)
        for change in plan.todo:
            self._looked = -inf
            with self.journal.step("change", **change.as_dict()) as more:
                deed = ApplyResource(self, change, seen, allow, watch)
                try:
                    now = deed.run()
                finally:
                    more |= dependencies_of(change.resource) | deed.timings
                more |= {"id": now.id, "ready": now.ready}
                self._settling |= set() if now.ready else {change.resource}
        return plan

    def _standing(self, stack: Stack, watch: OnProgress) -> ObservedState:
        """The survey of a stack whose needs are there, or have come meanwhile."""
        began, pause = self.clock.now(), 0.5
        while missing := missing_dependencies(stack, seen := self.survey(stack)):
            took = self.clock.now() - began
            # Asked first, looked last: what comes in between is seen.
            if not self._coming() or took > sum(need.wait_timeout for need in missing):
                require_dependencies(stack, seen := self.survey(stack, afresh=True))
                return seen
            for need in missing:
                watch(need, "awaited", took)
            pause = self.pause(pause)
            self._looked = -inf
        return seen

    def wait_until_ready(
        self, resources: Iterable[Resource], seen: ObservedState, watch: OnProgress = lambda *a: None
    ) -> None:
        """Wait until all of them are ready, side by side, looking once per turn for all of them.

        Raises:
            Failed: When AWS says that one never will be.
            WaitTimeout: When one is not within its patience.
        """
        began, pause = self.clock.now(), 0.5
        waiting = [r for r in resources if not is_ready(seen.get(r))]
        while waiting:
            look, took = Snapshot(self.aws), self.clock.now() - began
            for resource in waiting:
                now = seen[resource] = observe(resource, look, ids_of(seen))
                if now and now.failed:
                    raise failed_error(resource, now)
                watch(resource, status_text(now), took)
                self._note(resource, now)
                if not is_ready(now) and took >= resource.wait_timeout:
                    raise timeout_error(resource, now)
            waiting = [r for r in waiting if not is_ready(seen[r])]
            if waiting:
                pause = self.pause(pause)

    def destroy(
        self, stack: Stack, *, allow: RequireApproval = lambda change: None, watch: OnProgress = lambda *a: None
    ) -> Plan:
        """Remove what is there and ours, what needs it first; returns when all of it is gone."""
        seen = self.survey(stack, afresh=True)
        plan = make_plan(stack, seen, present=False, scope=self.scope)
        for change in plan.todo:
            allow(change)
        DestroyResources(self, plan.todo, seen, watch).run()
        self._looked = -inf
        return plan

    def _note(self, resource: Resource, now: Observed | None) -> None:
        """Write down when something that was changed is first seen to be ready."""
        if resource in self._settling and is_ready(now):
            self._settling.discard(resource)
            self.journal.write("settled", key=resource.key)

    def pause(self, seconds: float) -> float:
        """Sleep; returns for how long to sleep next time."""
        self.clock.sleep(seconds)
        return min(1.5 * seconds, 10.0)


__all__ = ["REPLAN_AGE", "Clock", "Engine", "OnProgress"]
