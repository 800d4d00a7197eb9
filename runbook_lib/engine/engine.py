"""Survey, plan, apply, wait until ready, destroy: the actions on a stack.

Only what AWS shows counts; there is no state file.  Each change follows the same cycle: observe,
send what is missing, observe again.  So a run continues the same way after it was killed, and
after a response was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from math import inf

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from ..journal.journal import Journal
from ..resources.base import ObservedState, Resource, ids_of
from ..stacks.stack import Stack, in_order
from .apply import ApplyResource
from .context import Clock, Context, OnProgress, RequireApproval
from .dependencies import missing_dependencies, require_dependencies
from .destroy import DestroyResources
from .guards import require_owned
from .identity import find_lost, name_users
from .observe import observe_all
from .plan import Action, Change, Plan, dependencies_of, make_plan

REPLAN_AGE = 30.0
"""Seconds after which a snapshot is no longer used by a run that changes something."""


class Engine:
    """Brings one account from its observed state to the desired state.

    Args:
        ensure_lock: Called before every write; see :class:`Context`.
        keep_lock: Called while something is waited for; raises when the lock was lost.
        snapshot_age: Seconds for which a snapshot is reused; infinite for a run that only plans.
        dependencies_pending: Whether another notebook of the same run may still create what is
            missing of earlier stacks.
        side_by_side: How many resources a survey looks at at once.
    """

    def __init__(
        self,
        aws: Aws,
        journal: Journal,
        *,
        ensure_lock: Callable[..., None] = lambda **k: None,
        keep_lock: Callable[[], None] = lambda: None,
        snapshot_age: float = REPLAN_AGE,
        dependencies_pending: Callable[[], bool] = lambda: False,
        side_by_side: int = 1,
        clock: Clock | None = None,
    ) -> None:
        self.aws = aws
        self._context = Context(aws, journal, clock or Clock(), ensure_lock, keep_lock=keep_lock)
        self._clock = self._context.clock
        self._snapshot_age, self._dependencies_pending = snapshot_age, dependencies_pending
        self._side_by_side = side_by_side
        self._snapshot, self._snapshot_taken = Snapshot(aws, unowned={}), -inf

    @property
    def scope(self) -> str:
        """Environment, account and region that a plan of this engine is for."""
        return f"{self.aws.env}/{self.aws.account}/{self.aws.region}"

    @property
    def snapshot(self) -> Snapshot:
        """What the last survey has read: who reads it again costs no call."""
        return self._snapshot

    def survey(self, stack: Iterable[Resource], *, refresh: bool = False) -> ObservedState:
        """Observe the stack and all its dependencies.  Reads only.

        What may be somebody else's is in the result, with the reason why nothing is written to it.

        Args:
            refresh: Whether to read again what an earlier survey has read a moment ago.
        """
        now = self._clock.now()
        if refresh or now - self._snapshot_taken > self._snapshot_age:
            self._snapshot, self._snapshot_taken = Snapshot(self.aws, unowned={}), now
        return self._observe(stack, self._snapshot)

    def plan(
        self, stack: Stack, *, present: bool = True, refresh: bool = False, orphans: Collection[Resource] = ()
    ) -> Plan:
        """What an apply, or with *present* false a destroy, would do now.

        Args:
            orphans: What the parameters no longer ask for; the plan deletes it.
        """
        if not present and self.aws.adopted:  # a destroy takes nothing for ours that no apply has tagged
            observed_state = self._observe(stack, Snapshot(self.aws, unowned={}, adopted={}))
        else:
            observed_state = self.survey([*stack, *orphans], refresh=refresh)
        if not present:
            return make_plan(stack, observed_state, present=False, scope=self.scope)
        plan = make_plan(stack, observed_state, scope=self.scope, orphans=orphans)
        return self._foresee_refusals(plan, observed_state)

    def apply(
        self,
        stack: Stack,
        *,
        require_approval: RequireApproval = lambda change: None,
        on_progress: OnProgress = lambda *a: None,
    ) -> Plan:
        """Create and update what differs, and delete orphans, in the plan's order; returns the plan carried out.

        Returns as soon as AWS has accepted everything; :meth:`wait_until_ready` waits for it.

        Raises:
            RunbookError: What stopped it.  Changes made so far remain, and the next apply continues from there.
        """
        context = replace(self._context, on_progress=on_progress, require_approval=require_approval)
        observed_state = self._survey_with_dependencies(stack, on_progress)
        require_owned(observed_state)
        plan = self._foresee_refusals(make_plan(stack, observed_state, scope=self.scope), observed_state)
        plan.raise_if_blocked()
        for change in plan.todo:
            require_approval(change)
        for change in plan.todo:
            self._expire_snapshot()
            if change.action is Action.DELETE:
                DestroyResources(context, (change,), observed_state).run()
                continue
            with context.journal.step("change", **change.as_dict()) as details:
                apply = ApplyResource(context, change, observed_state)
                try:
                    observed = apply.run()
                finally:
                    details |= dependencies_of(change.resource) | apply.timings
                details |= {"id": observed.id, "ready": observed.ready}
                if not observed.ready:
                    context.unready.add(change.resource)
        return plan

    def wait_until_ready(
        self,
        resources: Iterable[Resource],
        observed_state: ObservedState,
        on_progress: OnProgress = lambda *a: None,
    ) -> None:
        """Wait until all of them are ready, and update *observed_state*.

        Raises:
            Failed: AWS reports one as failed.
            WaitTimeout: One is not ready within its ``wait_timeout``.
        """
        replace(self._context, on_progress=on_progress).wait_until_ready(resources, observed_state)

    def destroy(
        self,
        stack: Stack,
        *,
        require_approval: RequireApproval = lambda change: None,
        on_progress: OnProgress = lambda *a: None,
    ) -> Plan:
        """Delete what the stack owns, dependents first; returns the plan when all of it is gone.

        Raises:
            RunbookError: What stopped it.  The next destroy continues from there.
        """
        observed_state = self.survey(stack, refresh=True)
        plan = make_plan(stack, observed_state, present=False, scope=self.scope)
        require_owned(observed_state)
        for change in plan.todo:
            require_approval(change)
        for change in plan.changes:
            if change.action is Action.KEEP:
                assert change.observed, "a plan to destroy has only what exists"
                self._context.record_remainder(change.resource, change.observed)
        DestroyResources(replace(self._context, on_progress=on_progress), plan.todo, observed_state).run()
        self._expire_snapshot()
        return plan

    def _observe(self, stack: Iterable[Resource], snapshot: Snapshot) -> ObservedState:
        observed_state = observe_all(in_order(stack), snapshot, self._side_by_side)
        for resource, observed in observed_state.items():
            self._context.record_ready(resource, observed)
        name_users(observed_state)
        return observed_state

    def _survey_with_dependencies(self, stack: Stack, on_progress: OnProgress) -> ObservedState:
        """Survey a stack; wait for dependencies that another notebook of the run is still creating."""
        began = self._clock.now()
        while missing := missing_dependencies(stack, observed_state := self.survey(stack)):
            require_owned(observed_state)
            seconds = self._clock.now() - began
            # Ask first, then survey: what is created in between is observed.
            if not self._dependencies_pending() or seconds > sum(need.wait_timeout for need in missing):
                observed_state = self.survey(stack, refresh=True)
                require_dependencies(stack, observed_state)
                return observed_state
            for need in missing:
                on_progress(need, "awaited", seconds)
            self._context.pause(seconds)
            self._expire_snapshot()
        return observed_state

    def _foresee_refusals(self, plan: Plan, observed_state: ObservedState) -> Plan:
        """The plan, with the changes blocked that AWS would refuse; what is kept costs no call."""
        ids = ids_of(observed_state)

        def check(change: Change) -> Change:
            if change.action is Action.CREATE and (lost := find_lost(self._snapshot, change, observed_state)):
                return lost
            if change.action not in (Action.CREATE, Action.UPDATE):
                return change
            observed = change.observed if change.action is Action.UPDATE else None
            refusal = change.resource.foresee_refusal(self._snapshot, ids, observed, change.fields.keys())
            return change.block(refusal) if refusal else change

        return replace(plan, changes=tuple(map(check, plan.changes)))

    def _expire_snapshot(self) -> None:
        """Make the next survey read everything again."""
        self._snapshot_taken = -inf
