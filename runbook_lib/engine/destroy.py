"""Many resources removed: each as soon as nothing that needs it is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..aws.snapshot import Snapshot
from ..errors import RequestRejected
from ..resources.base import ObservedState, Resource
from .apply import dependencies_of
from .observe import CONSISTENCY_TIMEOUT, OnProgress, observe, status_text, timeout_error
from .plan import Change, ids_of

if TYPE_CHECKING:
    from .engine import Engine

_USED = {
    "DependencyViolation", "DeleteConflict", "ResourceInUse", "ResourceInUseException", "InvalidIPAddress.InUse",
    "InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState", "ScalingActivityInProgress", "IncorrectState",
    "InvalidDBInstanceState", "AuthFailure.InUse", "BucketNotEmpty", "CacheSubnetGroupInUse",
    "InvalidReplicationGroupState",
}  # fmt: skip
"""By these AWS says that something still uses what is to go: often only its own tardy bookkeeping."""


class DestroyResources:
    """Many resources removed: each as soon as nothing that needs it is left."""

    def __init__(self, engine: Engine, changes: tuple[Change, ...], seen: ObservedState, watch: OnProgress) -> None:
        self._engine, self._seen, self._watch = engine, seen, watch
        self._pending = {c.resource: c for c in changes}
        self._began = engine.clock.now()
        self._going: dict[Resource, float] = {}
        self._refused: dict[Resource, RequestRejected] = {}
        self._accepted: set[Resource] = set()

    def run(self) -> None:
        pause = 0.5
        while self._pending or self._going:
            look = Snapshot(self._engine.aws)
            gone = self._gone(look)
            begun = [self._begin(r, look) for r in list(self._pending) if not self._users(r)]
            pause = 0.5 if gone or any(begun) else self._engine.pause(pause)

    def _users(self, resource: Resource) -> bool:
        """Whether something that needs it is still there."""
        return any(resource in other.dependencies for other in (*self._pending, *self._going) if other != resource)

    def _begin(self, resource: Resource, look: Snapshot) -> bool:
        """Send its deletion; whether AWS took it."""
        change = self._pending.pop(resource)
        found = self._seen[resource] = observe(resource, look, ids_of(self._seen))
        began = self._going.setdefault(resource, self._engine.clock.now())
        took = self._engine.clock.now() - began
        if found is None or found.deleting:
            self._engine.journal.write("gone", key=resource.key)
            return True
        self._watch(resource, "deleting", took)
        self._engine.hold()
        try:
            resource.delete(self._engine.aws, ids_of(self._seen), found)
        except RequestRejected as error:
            self._again(change, error, took)
            return False
        self._refused.pop(resource, None)
        told = dependencies_of(resource) | self._times(resource)
        self._engine.journal.write("change", ok=True, **change.as_dict(), **told, ready=False)
        self._accepted.add(resource)
        return True

    def _times(self, resource: Resource) -> dict[str, float]:
        """As a deed has them: until it was its turn, until AWS took it."""
        now = self._engine.clock.now()
        moments = {"waited": self._going[resource], "sent": now, "took": now}
        return {name: round(moment - self._began, 3) for name, moment in moments.items()}

    def _again(self, change: Change, error: RequestRejected, took: float) -> None:
        """Try again later, unless it is gone by now or AWS means it."""
        resource = change.resource
        if observe(resource, Snapshot(self._engine.aws), ids_of(self._seen)) is None:
            self._engine.journal.write("gone", key=resource.key)
            return  # somebody else was faster, or the answer was lost: gone is gone
        if (
            not (error.passing or error.code in _USED | resource.eventual_errors)
            or took > resource.wait_timeout + CONSISTENCY_TIMEOUT
        ):
            told = dependencies_of(resource) | self._times(resource)
            self._engine.journal.write("change", ok=False, error=str(error), **change.as_dict(), **told)
            raise error.about(resource.key) from None
        self._refused[resource] = error
        self._pending[resource] = change

    def _gone(self, look: Snapshot) -> bool:
        """Take note of what is gone; whether anything is."""
        clock, gone = self._engine.clock, []
        for resource, began in list(self._going.items()):
            now = self._seen[resource] = observe(resource, look, ids_of(self._seen))
            took = clock.now() - began
            if now is None:
                gone.append(resource)
                self._watch(resource, "gone", took)
                continue
            self._watch(resource, status_text(now) if resource not in self._refused else "still in use", took)
            # Of what AWS refuses to delete, its last refusal tells more.
            if took > resource.wait_timeout + CONSISTENCY_TIMEOUT and resource not in self._refused:
                raise timeout_error(resource, now)
        for resource in gone:
            if resource in self._accepted:
                self._engine.journal.write("settled", key=resource.key)
            del self._going[resource]
            self._pending.pop(resource, None)
        return bool(gone)
