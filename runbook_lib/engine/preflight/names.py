"""Whether the names that a plan needs are free, or taken by what is ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...aws.snapshot import Snapshot
from ...errors import NotOwned, ParamsError, RequestRejected
from ...resources.base import ObservedState, Resource, ids_of
from ...resources.bucket import Bucket
from ...stacks.stack import in_order
from ..observe import observe
from ..plan import Action, Change, not_ours
from .row import FAILED, NOT_ASKED, PASSED, Prerequisite

NAME = "names"
_FORBIDDEN = {"AccessDenied", "403"}


def check_names(changes: Iterable[Change]) -> Iterator[Prerequisite]:
    """One row for each name that may be somebody else's; otherwise one for all."""
    changes = list(changes)
    taken = [change for change in changes if change.observed and not_ours(change.resource, change.observed)]
    for change in taken:
        yield Prerequisite(f"name: {change.key}", FAILED, change.reason, change.fix)
    created = [change.key for change in changes if change.action is Action.CREATE]
    if created and not taken:
        yield Prerequisite(NAME, PASSED, f"none of the {len(created)} names and tags to create is somebody else's")


def explain_failure(snapshot: Snapshot, resources: Iterable[Resource]) -> Iterator[Prerequisite]:
    """Name everything that kept a plan from being made: things that cannot be looked up.

    Args:
        snapshot: Of the survey that failed: what was read already costs no call.
    """
    observed_state: ObservedState = {}
    for resource in in_order(resources):
        try:
            observed_state[resource] = observe(resource, snapshot, ids_of(observed_state))
        except NotOwned as error:
            yield Prerequisite(f"name: {resource.key}", FAILED, error.what, error.fix)
        except ParamsError as error:
            yield Prerequisite(f"parameters: {resource.key}", FAILED, error.what, error.fix)
        except RequestRejected as error:
            yield _rejected(resource, snapshot, error)


def _rejected(resource: Resource, snapshot: Snapshot, error: RequestRejected) -> Prerequisite:
    """S3 refuses what is about a bucket of another account, as it does without a permission.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """
    if isinstance(resource, Bucket) and error.code in _FORBIDDEN:
        bucket = resource.aws_name(snapshot.aws)
        finding = f"the bucket {bucket} belongs to another account, or this caller may not look at it: {error.what}"
        fix = "Look at its owner. Its name is made of the environment's, the account's and the region's: rename env."
        return Prerequisite(f"name: {resource.key}", FAILED, finding, fix)
    return Prerequisite(f"name: {resource.key}", NOT_ASKED, error.what, error.fix)
