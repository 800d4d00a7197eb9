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

from .aws import Aws
from .errors import Blocked, Failed, NotSettled, Refused
from .journal import Journal
from .look import Look
from .plan import Action, Change, Plan, Sightings, changed, compare, ids_of, missing_needs, require_needs
from .resource import Observed, Resource, differing
from .stack import Stack, in_order

Seen = dict[Resource, Observed | None]
Watch = Callable[[Resource, str, float], None]
"""Is told which resource is in what state, and for how many seconds it has been worked on."""
Allow = Callable[[Change], None]
"""Raises unless a change may be made."""

FRESH = 30.0
"""Seconds after which a sighting is no longer believed where something is changed."""
_LOST = 20.0
"""Seconds for which a create whose answer was lost may still show up."""
_UNHEARD = 90.0
"""Seconds for which AWS may not have heard of what was just made, or may be short of breath."""
_USED = {
    "DependencyViolation", "DeleteConflict", "ResourceInUse", "ResourceInUseException", "InvalidIPAddress.InUse",
    "InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState", "ScalingActivityInProgress", "IncorrectState",
    "InvalidDBInstanceState", "AuthFailure.InUse", "BucketNotEmpty",
}  # fmt: skip
"""By these AWS says that something still uses what is to go: often only its own tardy bookkeeping."""


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
        fresh: float = FRESH,
        coming: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        self.aws, self.journal = aws, journal
        self._hold, self._fresh, self._coming, self._clock = hold, fresh, coming, clock or Clock()
        self._look, self._looked = Look(aws), -inf

    @property
    def scope(self) -> str:
        """What a plan of this engine is about."""
        return f"{self.aws.env}/{self.aws.account}/{self.aws.region}"

    def survey(self, stack: Iterable[Resource], *, afresh: bool = False) -> Seen:
        """Look up the stack and all that it needs.  Reads only."""
        now = self._clock.now()
        if afresh or now - self._looked > self._fresh:
            self._look, self._looked = Look(self.aws), now
        seen: Seen = {}
        for resource in in_order(stack):
            seen[resource] = resource.observe(self._look, ids_of(seen))
        return seen

    def plan(self, stack: Stack, *, present: bool = True, afresh: bool = False) -> Plan:
        """What an apply, or with *present* false a destroy, would do now."""
        return compare(stack, self.survey(stack, afresh=afresh), present=present, scope=self.scope)

    def apply(self, stack: Stack, *, allow: Allow = lambda change: None, watch: Watch = lambda *a: None) -> Plan:
        """Close the gap, needs first; returns the plan that was carried out.

        Returns as soon as AWS has accepted everything; :meth:`settle` waits for it.

        Raises:
            RunbookError: What stopped it; what was done stays done, and the next apply goes on from there.
        """
        seen = self._standing(stack, watch)
        plan = compare(stack, seen, scope=self.scope)
        plan.raise_if_blocked()
        for change in plan.todo:
            allow(change)
        for change in plan.todo:
            self._looked = -inf
            with self.journal.step("change", **change.as_dict()) as more:
                now = _Deed(self, change, seen, allow, watch).carry_out()
                more |= {"id": now.id}
        return plan

    def _standing(self, stack: Stack, watch: Watch) -> Seen:
        """The survey of a stack whose needs are there, or have come meanwhile."""
        began, pause = self._clock.now(), 0.5
        while missing := missing_needs(stack, seen := self.survey(stack)):
            took = self._clock.now() - began
            # Asked first, looked last: what comes in between is seen.
            if not self._coming() or took > sum(need.patience for need in missing):
                require_needs(stack, seen := self.survey(stack, afresh=True))
                return seen
            for need in missing:
                watch(need, "awaited", took)
            pause = self._pause(pause)
            self._looked = -inf
        return seen

    def settle(self, resources: Iterable[Resource], seen: Seen, watch: Watch = lambda *a: None) -> None:
        """Wait until all of them are ready, side by side, looking once per turn for all of them.

        Raises:
            Failed: When AWS says that one never will be.
            NotSettled: When one is not within its patience.
        """
        began, pause = self._clock.now(), 0.5
        waiting = [r for r in resources if not _ready(seen.get(r))]
        while waiting:
            look, took = Look(self.aws), self._clock.now() - began
            for resource in waiting:
                now = seen[resource] = resource.observe(look, ids_of(seen))
                if now and now.failed:
                    raise _failed(resource, now)
                watch(resource, _state(now), took)
                if not _ready(now) and took >= resource.patience:
                    raise _unsettled(resource, now)
            waiting = [r for r in waiting if not _ready(seen[r])]
            if waiting:
                pause = self._pause(pause)

    def destroy(self, stack: Stack, *, allow: Allow = lambda change: None, watch: Watch = lambda *a: None) -> Plan:
        """Remove what is there and ours, what needs it first; returns when all of it is gone."""
        seen = self.survey(stack, afresh=True)
        plan = compare(stack, seen, present=False, scope=self.scope)
        for change in plan.todo:
            allow(change)
        _Removal(self, plan.todo, seen, watch).carry_out()
        self._looked = -inf
        return plan

    def _pause(self, seconds: float) -> float:
        self._clock.sleep(seconds)
        return min(1.5 * seconds, 10.0)


class _Deed:
    """One resource brought to what is wanted."""

    def __init__(self, engine: Engine, change: Change, seen: Seen, allow: Allow, watch: Watch) -> None:
        self._engine, self._change, self._seen, self._allow, self._watch = engine, change, seen, allow, watch
        self._resource = change.resource
        self._clock = engine._clock
        self._made = False
        self._lost, self._refused = -inf, inf
        self._sent: frozenset[str] | None = None
        self._said = "updating" if change.action is Action.UPDATE else "creating"

    def carry_out(self) -> Observed:
        resource, seen = self._resource, self._seen
        self._engine.settle(resource.must_be_ready, seen, self._watch)
        before = self._change.seen.failed if self._change.seen else ""
        began, pause = self._clock.now(), 0.5
        while True:
            now = seen[resource] = resource.observe(Look(self._engine.aws), ids_of(seen))
            took = self._clock.now() - began
            if now and now.failed not in ("", before):
                raise _failed(resource, now)
            drift = None if now is None or now.going else differing(now.state, resource.desired(ids_of(seen)))
            if now and drift is not None and not drift:
                self._watch(resource, _state(now), took)
                return now
            self._watch(resource, now.status if now and now.status and not now.ready else self._said, took)
            if took >= resource.patience + _UNHEARD:
                raise _unsettled(resource, now)
            if (now and now.going) or not self._act(now, drift or frozenset()):
                pause = self._engine._pause(pause)

    def _act(self, now: Observed | None, drift: frozenset[str]) -> bool:
        """Send what is missing, unless it was sent; whether something was."""
        resource, aws = self._resource, self._engine.aws
        if now is None:
            if self._made or self._clock.now() - self._lost < _LOST:
                return False  # AWS shows new things late; a second one would be one too many
            return self._send(lambda: resource.create(aws, ids_of(self._seen)), now, made=True)
        waiting = resource.update_when_ready and not now.ready
        if waiting or drift == self._sent:
            return False
        if drift & resource.fixed:
            raise Blocked(
                f"{resource.key}: AWS cannot change {', '.join(sorted(drift & resource.fixed))} in place",
                fix="Restore the old value in params/, or destroy this part and apply again.",
            )
        sent = self._send(lambda: resource.update(aws, ids_of(self._seen), now, drift), now)
        self._sent = drift if sent else None
        return sent

    def _send(self, write: Callable[[], None], now: Observed | None, made: bool = False) -> bool:
        """Write, once; whether AWS took it.  What is worth another try is left for the next turn."""
        if not self._made:  # what a create left out was allowed with it
            self._allow(changed(self._resource, now, self._seen))
        self._engine._hold()
        try:
            write()
        except Refused as error:
            at = self._clock.now()
            self._lost = self._lost if error.certain else at
            self._refused = min(self._refused, at)
            passing = error.passing or error.code in self._resource.catching_up
            if not passing or at - self._refused >= _UNHEARD:
                raise error.about(self._resource.key) from None
            return False
        self._made, self._refused = self._made or made, inf
        return True


class _Removal:
    """Many resources removed: each as soon as nothing that needs it is left."""

    def __init__(self, engine: Engine, changes: tuple[Change, ...], seen: Seen, watch: Watch) -> None:
        self._engine, self._seen, self._watch = engine, seen, watch
        self._pending = {c.resource: c for c in changes}
        self._going: dict[Resource, float] = {}
        self._refused: dict[Resource, Refused] = {}

    def carry_out(self) -> None:
        pause = 0.5
        while self._pending or self._going:
            look = Look(self._engine.aws)
            gone = self._gone(look)
            begun = [self._begin(r, look) for r in list(self._pending) if not self._users(r)]
            pause = 0.5 if gone or any(begun) else self._engine._pause(pause)

    def _users(self, resource: Resource) -> bool:
        """Whether something that needs it is still there."""
        return any(resource in other.needs for other in (*self._pending, *self._going) if other != resource)

    def _begin(self, resource: Resource, look: Look) -> bool:
        """Send its deletion; whether AWS took it."""
        change = self._pending.pop(resource)
        found = self._seen[resource] = resource.observe(look, ids_of(self._seen))
        began = self._going.setdefault(resource, self._engine._clock.now())
        took = self._engine._clock.now() - began
        if found is None or found.going:
            return True
        self._watch(resource, "deleting", took)
        self._engine._hold()
        try:
            resource.delete(self._engine.aws, ids_of(self._seen), found)
        except Refused as error:
            self._again(change, error, took)
            return False
        self._refused.pop(resource, None)
        self._engine.journal.write("change", ok=True, **change.as_dict())
        return True

    def _again(self, change: Change, error: Refused, took: float) -> None:
        """Try again later, unless it is gone by now or AWS means it."""
        resource = change.resource
        if resource.observe(Look(self._engine.aws), ids_of(self._seen)) is None:
            return  # somebody else was faster, or the answer was lost: gone is gone
        if not (error.passing or error.code in _USED | resource.catching_up) or took > resource.patience + _UNHEARD:
            self._engine.journal.write("change", ok=False, error=str(error), **change.as_dict())
            raise error.about(resource.key) from None
        self._refused[resource] = error
        self._pending[resource] = change

    def _gone(self, look: Look) -> bool:
        """Take note of what is gone; whether anything is."""
        clock, gone = self._engine._clock, []
        for resource, began in list(self._going.items()):
            now = self._seen[resource] = resource.observe(look, ids_of(self._seen))
            took = clock.now() - began
            if now is None:
                gone.append(resource)
                self._watch(resource, "gone", took)
                continue
            self._watch(resource, _state(now) if resource not in self._refused else "still in use", took)
            # Of what AWS refuses to delete, its last refusal tells more.
            if took > resource.patience + _UNHEARD and resource not in self._refused:
                raise _unsettled(resource, now)
        for resource in gone:
            del self._going[resource]
            self._pending.pop(resource, None)
        return bool(gone)


def _ready(now: Observed | None) -> bool:
    return now is not None and now.ready and not now.going


def _state(now: Observed | None) -> str:
    if now is None:
        return "not there yet"
    return now.status or ("ready" if now.ready else "not ready yet")


def _failed(resource: Resource, now: Observed) -> Failed:
    return Failed(
        f"{resource.key} failed: {now.failed}",
        fix="Correct the cause. If it cannot recover, destroy this part; then apply again.",
    )


def _unsettled(resource: Resource, now: Observed | None) -> NotSettled:
    return NotSettled(
        f"{resource.key} did not settle within {resource.patience} s; last seen: {_state(now)}.",
        fix="Look at it in the console. When it has settled, run this cell again: it goes on from there.",
    )


__all__ = ["FRESH", "Clock", "Engine", "Seen", "Sightings", "Watch"]
