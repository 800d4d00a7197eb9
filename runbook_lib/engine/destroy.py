"""Delete resources, each as soon as nothing that depends on it is left."""

from __future__ import annotations

from ..aws.snapshot import Snapshot
from ..errors import RequestRejected
from ..resources.base import ObservedState, Resource, ids_of
from .context import Context
from .observe import CONSISTENCY_TIMEOUT, observe, status_text, timeout_error
from .plan import Change, dependencies_of

_IN_USE = {
    "DependencyViolation", "DeleteConflict", "ResourceInUse", "ResourceInUseException", "InvalidIPAddress.InUse",
    "InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState", "ScalingActivityInProgress", "IncorrectState",
    "InvalidDBInstanceState", "BucketNotEmpty", "CacheSubnetGroupInUse",
    "InvalidReplicationGroupState", "InvalidCacheClusterState",
}  # fmt: skip
"""Error codes that mean "still in use"; they often pass by themselves, so the delete is retried."""


class DestroyResources:
    """Delete resources, each as soon as nothing that depends on it is left.

    Args:
        observed_state: Updated with every observation.
    """

    def __init__(self, context: Context, changes: tuple[Change, ...], observed_state: ObservedState) -> None:
        self._context, self._observed_state = context, observed_state
        self._pending = {change.resource: change for change in changes}
        self._began = context.clock.now()
        self._deleting: dict[Resource, float] = {}
        self._rejected: dict[Resource, str] = {}
        self._accepted: dict[Resource, Change] = {}

    def run(self) -> None:
        """Delete all of them; returns when none is left.

        Raises:
            RequestRejected: AWS rejects a delete, and retrying does not help.
            WaitTimeout: A resource is not gone in time.
        """
        clock = self._context.clock
        progressed = clock.now()
        while self._pending or self._deleting:
            snapshot = self._context.snapshot()
            any_gone = self._forget_gone(snapshot)
            deleted = [self._delete(r, snapshot) for r in list(self._pending) if not self._has_dependents(r)]
            if any_gone or any(deleted):
                progressed = clock.now()
            else:
                self._context.pause(clock.now() - progressed)

    def _has_dependents(self, resource: Resource) -> bool:
        """Whether something that depends on it still exists; on the lock depends every other deletion."""
        others = [other for other in (*self._pending, *self._deleting) if other != resource]
        return any(resource.holds_lock or resource in other.dependencies for other in others)

    def _delete(self, resource: Resource, snapshot: Snapshot) -> bool:
        """Send its deletion; returns whether AWS accepted it."""
        change = self._pending.pop(resource)
        observed = self._observed_state[resource] = observe(resource, snapshot, ids_of(self._observed_state))
        began = self._deleting.setdefault(resource, self._context.clock.now())
        seconds = self._context.clock.now() - began
        if observed is None or observed.deleting:
            self._context.journal.write("gone", key=resource.key)
            return True
        self._context.on_progress(resource, "deleting", seconds)
        self._context.ensure_lock(**({"deletes_bucket": True} if resource.holds_lock else {}))
        try:
            resource.delete(self._context.aws, ids_of(self._observed_state), observed)
        except RequestRejected as error:
            self._retry_later(change, error, seconds)
            return False
        self._rejected.pop(resource, None)
        details = dependencies_of(resource) | self._timings(resource)
        self._context.journal.write("change", ok=True, **change.as_dict(), **details, ready=False)
        self._context.record_remainder(resource, observed)
        self._accepted[resource] = change
        return True

    def _timings(self, resource: Resource) -> dict[str, float]:
        """As of an apply: seconds until its turn came, until AWS accepted the request, and until now."""
        now = self._context.clock.now()
        moments = {"waited": self._deleting[resource], "sent": now, "took": now}
        return {name: round(moment - self._began, 3) for name, moment in moments.items()}

    def _retry_later(self, change: Change, error: RequestRejected, seconds: float) -> None:
        """Keep it pending, unless it is gone meanwhile or retrying does not help."""
        resource, snapshot = change.resource, self._context.snapshot()
        observed = observe(resource, snapshot, ids_of(self._observed_state))
        if observed is None:
            self._context.journal.write("gone", key=resource.key)
            return  # somebody else deleted it, or our delete succeeded and its response was lost
        retryable = error.retryable or error.code in _IN_USE or resource.is_eventual(error.code, error.message)
        users = resource.users(snapshot, observed) if retryable else ""
        if not retryable or seconds > _timeout(resource):
            details = dependencies_of(resource) | self._timings(resource)
            self._context.journal.write("change", ok=False, error=str(error), **change.as_dict(), **details)
            raise (_in_use_error(error, users) if users else error).for_resource(resource.key) from None
        self._rejected[resource] = f"still in use by {users}" if users else "still in use"
        self._pending[resource] = change

    def _forget_gone(self, snapshot: Snapshot) -> bool:
        """Remove from the lists what no longer exists; returns whether anything was removed."""
        gone = []
        for resource, began in self._deleting.items():
            observed = self._observed_state[resource] = observe(resource, snapshot, ids_of(self._observed_state))
            seconds = self._context.clock.now() - began
            if observed is None:
                gone.append(resource)
                self._context.on_progress(resource, "gone", seconds)
                continue
            if observed.recreated and resource in self._accepted:
                self._pending[resource] = self._accepted[resource]
            rejected = self._rejected.get(resource, "")
            self._context.on_progress(resource, rejected or status_text(observed), seconds)
            # Where AWS rejects the delete, its last error explains more than a timeout would.
            if seconds > _timeout(resource) and not rejected:
                raise timeout_error(resource, observed)
        for resource in gone:
            if resource in self._accepted:
                self._context.journal.write("settled", key=resource.key)
            elif resource in self._pending:  # AWS refused our deletion, and somebody else's was carried out
                self._context.journal.write("gone", key=resource.key)
            del self._deleting[resource]
            self._pending.pop(resource, None)
        return bool(gone)


def _timeout(resource: Resource) -> float:
    """Seconds after which a deletion is given up."""
    return max(resource.wait_timeout, resource.delete_timeout) + CONSISTENCY_TIMEOUT


def _in_use_error(error: RequestRejected, users: str) -> RequestRejected:
    """The same error, naming what uses the resource."""
    return RequestRejected(
        f"{error.what} It is still used by {users}.",
        fix="AWS removes the interfaces of its own services some time after what they belonged to: destroy again later."
        " Delete yourself what is not this runbook's.",
        code=error.code, message=error.message, retryable=error.retryable, outcome_known=error.outcome_known,
    )  # fmt: skip
