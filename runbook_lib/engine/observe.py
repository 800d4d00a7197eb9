"""One resource as AWS shows it: whether it is there, ready, or will never be."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..aws.snapshot import Snapshot
from ..errors import Failed, NotOwned, RequestRejected, WaitTimeout
from ..resources.base import Ids, Observed, Resource
from .plan import Change

OnProgress = Callable[[Resource, str, float], None]
"""Is told which resource is in what state, and for how many seconds it has been worked on."""
RequireApproval = Callable[[Change], None]
"""Raises unless a change may be made."""

CONSISTENCY_TIMEOUT = 90.0
"""Seconds for which AWS may not have heard of what was just made, or may be short of breath."""
_NOT_FOUND = re.compile(r"NotFound|NoSuch|DoesNotExist|^404$")


def observe(resource: Resource, look: Snapshot, ids: Ids) -> Observed | None:
    """The resource as AWS shows it.

    What is listed and then cannot be found, or has lost its tags, is on its way in or out: another
    notebook of the run, or somebody else, is at it.  A second, fresh look tells.
    """
    try:
        return resource.observe(look, ids)
    except NotOwned:
        return resource.observe(Snapshot(look.aws), ids)
    except RequestRejected as error:
        if not _NOT_FOUND.search(error.code):
            raise
    try:
        return resource.observe(Snapshot(look.aws), ids)
    except RequestRejected as error:
        if not _NOT_FOUND.search(error.code):
            raise
        return None


def is_ready(now: Observed | None) -> bool:
    return now is not None and now.ready and not now.deleting


def status_text(now: Observed | None) -> str:
    if now is None:
        return "not there yet"
    return now.status or ("ready" if now.ready else "not ready yet")


def failed_error(resource: Resource, now: Observed) -> Failed:
    return Failed(
        f"{resource.key} failed: {now.failed}",
        fix="Correct the cause. If it cannot recover, destroy this part; then apply again.",
    )


def timeout_error(resource: Resource, now: Observed | None) -> WaitTimeout:
    return WaitTimeout(
        f"{resource.key} did not settle within {resource.wait_timeout} s; last seen: {status_text(now)}.",
        fix="Look at it in the console. When it has settled, run this cell again: it goes on from there.",
    )
