"""Observe one resource, and describe its status and its errors."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from ..aws.snapshot import Snapshot
from ..errors import Failed, NotOwned, RequestRejected, WaitTimeout
from ..resources.base import Ids, Observed, ObservedState, Resource, ids_of

CONSISTENCY_TIMEOUT = 90.0
"""Seconds to retry errors caused by eventual consistency or throttling."""
_NOT_FOUND = re.compile(r"NotFound|NoSuch|DoesNotExist|^404$")


def observe_all(resources: Sequence[Resource], snapshot: Snapshot, side_by_side: int = 1) -> ObservedState:
    """Observe resources, each after those that it depends on; of what does not exist, ``None``.

    Args:
        resources: In their order: dependencies first.
        side_by_side: How many are looked at at once.  One that needs the id of another waits for it.

    Raises:
        RunbookError: As :func:`observe`, of the first that it is raised for.
    """
    if side_by_side == 1:
        observed_state: ObservedState = {}
        for resource in resources:
            observed_state[resource] = observe(resource, snapshot, ids_of(observed_state))
        return observed_state
    looks: dict[Resource, Future[Observed | None]] = {}
    pool = ThreadPoolExecutor(side_by_side)
    try:
        for resource in resources:
            run = contextvars.copy_context().run  # a kernel sends what a cell shows in the cell's own context
            looks[resource] = pool.submit(run, observe, resource, snapshot, _AwaitedIds(looks))
        return {resource: look.result() for resource, look in looks.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interrupt does not wait until AWS answers


class _AwaitedIds(Mapping[Resource, str]):
    """The ids of what is before a resource in the order; who asks for one waits until it is known.

    The pool takes resources in their order, so what is waited for is looked at already.
    """

    def __init__(self, looks: Mapping[Resource, Future[Observed | None]]) -> None:
        self._before = dict(looks)

    def __getitem__(self, resource: Resource) -> str:
        return ids_of({resource: self._before[resource].result()})[resource]

    def __iter__(self) -> Iterator[Resource]:
        return iter(ids_of({resource: look.result() for resource, look in self._before.items()}))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def observe(resource: Resource, snapshot: Snapshot, ids: Ids) -> Observed | None:
    """The resource as AWS shows it, or ``None`` when it does not exist.

    A resource that is listed and then not found, or has lost its tags, is being created or deleted
    by another notebook or another user, so it is observed once more in a new snapshot.

    Args:
        snapshot: The one of a survey notes what may be somebody else's; any other raises an error.

    Raises:
        NotOwned: Its name or its tags are on something that may be somebody else's.
        RequestRejected: A read failed otherwise.
    """
    observed = _observe(resource, snapshot, ids)
    if observed is None or observed.tagging is None or observed.deleting or observed.unowned:
        return observed
    present, wanted = observed.tagging.tags, snapshot.aws.tag_map(resource)
    drift = {key: (present.get(key), value) for key, value in wanted.items() if present.get(key) != value}
    return replace(observed, tag_drift=drift) if drift else observed


def _observe(resource: Resource, snapshot: Snapshot, ids: Ids) -> Observed | None:
    """Observe once more in a new snapshot what was listed and then not found, or has lost its tags."""
    try:
        observed = resource.observe(snapshot, ids)
        if resource.key not in snapshot.unowned:
            return observed
    except NotOwned:
        pass
    except RequestRejected as error:
        if not _NOT_FOUND.search(error.code):
            raise
    again = snapshot.again()
    try:
        observed = resource.observe(again, ids)
    except RequestRejected as error:
        if not _NOT_FOUND.search(error.code):
            raise
        return None
    unowned = again.unowned.get(resource.key)
    return replace(observed, unowned=unowned) if observed and unowned else observed


def is_ready(
    observed: Observed | None, is_enough: Callable[[Observed], bool] = lambda observed: observed.ready
) -> bool:
    """Whether other resources can use it now.

    Args:
        is_enough: Whether one that exists is ready enough.
    """
    return observed is not None and not observed.deleting and is_enough(observed)


def status_text(observed: Observed | None) -> str:
    """AWS's own word for the state, or ours where AWS has none."""
    if observed is None:
        return "not there yet"
    return observed.status or ("ready" if observed.ready else "not ready yet")


def _names(resource: Resource, observed: Observed | None) -> str:
    """Its key, and how AWS calls it, if AWS has it under another name."""
    return f"{resource.key} ({observed.id})" if observed and observed.id != resource.key else resource.key


def failed_error(resource: Resource, observed: Observed) -> Failed:
    """The error for a resource that AWS reports as failed."""
    return Failed(f"{_names(resource, observed)} failed: {observed.failed}", fix=resource.if_failed)


def timeout_error(resource: Resource, observed: Observed | None) -> WaitTimeout:
    """The error for a resource that is not ready in time."""
    status = status_text(observed)
    return WaitTimeout(
        f"{_names(resource, observed)} was not ready within {resource.wait_timeout} s; last status: {status}.",
        fix="Look at it in the AWS console. When it is ready, run this again: it continues from there.",
    )
