"""Observe one resource, and describe its status and its errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ..aws.snapshot import Snapshot
from ..errors import Failed, NotOwned, RequestRejected, WaitTimeout
from ..resources.base import Ids, Observed, Resource

CONSISTENCY_TIMEOUT = 90.0
"""Seconds to retry errors caused by eventual consistency or throttling."""
_NOT_FOUND = re.compile(r"NotFound|NoSuch|DoesNotExist|^404$")


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
