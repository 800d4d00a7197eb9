"""One resource brought to what is wanted: look, send what is missing once, look again."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from ..aws.snapshot import Snapshot
from ..errors import Blocked, RequestRejected
from ..resources.base import Observed, ObservedState, Resource, drifted_fields
from .observe import CONSISTENCY_TIMEOUT, OnProgress, RequireApproval, failed_error, observe, status_text, timeout_error
from .plan import Action, Change, ids_of, plan_change

if TYPE_CHECKING:
    from .engine import Engine

_LOST = 20.0
"""Seconds for which a create whose answer was lost may still show up."""


class ApplyResource:
    """One resource brought to what is wanted."""

    def __init__(
        self, engine: Engine, change: Change, seen: ObservedState, allow: RequireApproval, watch: OnProgress
    ) -> None:
        self._engine, self._change, self._seen, self._allow, self._watch = engine, change, seen, allow, watch
        self._resource = change.resource
        self._clock = engine.clock
        self._made = False
        self._lost, self._refused = -inf, inf
        self._sent: frozenset[str] | None = None
        self._began = self._turn = self._last_sent = self._clock.now()
        self._said = "updating" if change.action is Action.UPDATE else "creating"

    @property
    def timings(self) -> dict[str, float]:
        """For how many seconds it waited for its needs, after how many it had sent all, and how long it took."""
        now = self._clock.now()
        moments = {"waited": self._turn, "sent": max(self._turn, self._last_sent), "took": now}
        return {name: round(moment - self._began, 3) for name, moment in moments.items()}

    def run(self) -> Observed:
        resource, seen = self._resource, self._seen
        self._engine.wait_until_ready(resource.ready_dependencies, seen, self._watch)
        before = self._change.seen.failed if self._change.seen else ""
        began, pause = self._clock.now(), 0.5
        self._turn = began
        while True:
            now = seen[resource] = observe(resource, Snapshot(self._engine.aws), ids_of(seen))
            took = self._clock.now() - began
            if now and now.failed not in ("", before):
                raise failed_error(resource, now)
            drift = None if now is None or now.deleting else drifted_fields(now.state, resource.desired(ids_of(seen)))
            if now and drift is not None and not drift:
                self._watch(resource, status_text(now), took)
                return now
            self._watch(resource, now.status if now and now.status and not now.ready else self._said, took)
            if took >= resource.wait_timeout + CONSISTENCY_TIMEOUT:
                raise timeout_error(resource, now)
            if (now and now.deleting) or not self._act(now, drift or frozenset()):
                pause = self._engine.pause(pause)

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
        if drift & resource.immutable:
            raise Blocked(
                f"{resource.key}: AWS cannot change {', '.join(sorted(drift & resource.immutable))} in place",
                fix="Restore the old value in params/, or destroy this part and apply again.",
            )
        sent = self._send(lambda: resource.update(aws, ids_of(self._seen), now, drift), now)
        self._sent = drift if sent else None
        return sent

    def _send(self, write: Callable[[], None], now: Observed | None, made: bool = False) -> bool:
        """Write, once; whether AWS took it.  What is worth another try is left for the next turn."""
        if not self._made:  # what a create left out was allowed with it
            self._allow(plan_change(self._resource, now, self._seen))
        self._engine.hold()
        try:
            write()
        except RequestRejected as error:
            at = self._clock.now()
            self._lost = self._lost if error.certain else at
            self._refused = min(self._refused, at)
            passing = error.passing or error.code in self._resource.eventual_errors
            if not passing or at - self._refused >= CONSISTENCY_TIMEOUT:
                raise error.about(self._resource.key) from None
            return False
        self._made, self._refused = self._made or made, inf
        self._last_sent = self._clock.now()
        return True


def dependencies_of(resource: Resource) -> dict[str, list[str]]:
    """What a change stood on, for whoever reads later why it came when it did."""
    return {
        "needs": [need.key for need in resource.dependencies],
        "after": [need.key for need in resource.ready_dependencies],
    }
