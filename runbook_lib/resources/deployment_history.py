"""The deployments of a group to all of its servers: which revisions worked, and which one to go back to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ..aws.snapshot import ApiObject, Snapshot
from .stored_bundle import FOLDER, key

USER = "user"  # a deployment's creator
BY_CODEDEPLOY = "codeDeployRollback"
WHOLE = (USER, BY_CODEDEPLOY)
"""The creators of deployments to all servers of a group."""
ROLLBACK = "rollback"
"""A word of the descriptions of our own deployments that go back to an earlier revision."""
LOOKED_AT = 100
"""Deployments, the newest first."""
_AT_ONCE = 25
_DIGEST = "sha256 "
_SHORTEST = 7  # characters of a digest or a commit, as git shows them


@dataclass(frozen=True)
class Deployed:
    """A deployment to all servers of a group.

    Args:
        revision: As a plan shows it.
        completed: When it ended; empty while it runs.
        has_succeeded: Whether CodeDeploy calls it a success.
        has_worked: Whether every server also got it: CodeDeploy calls it a success when only enough of them did.
            https://docs.aws.amazon.com/codedeploy/latest/userguide/instances-health.html
        goes_back: Whether it was a rollback, CodeDeploy's or ours.
    """

    id: str
    revision: str
    completed: str
    has_succeeded: bool
    has_worked: bool
    goes_back: bool

    @property
    def name(self) -> str:
        """The revision as ``deploy.revision`` takes it."""
        return self.revision.removeprefix(_DIGEST)

    @property
    def is_ours(self) -> bool:
        """Whether a release can deploy it: a bundle by its digest, or a commit."""
        return not self.revision.startswith(("s3://", "{"))

    @classmethod
    def of(cls, info: ApiObject) -> Deployed:
        """Read CodeDeploy's description."""
        by, overview = info.get("creator", USER), info.get("deploymentOverview") or {}
        has_succeeded = info["status"] == "Succeeded"
        missed = sum(number for status, number in overview.items() if status != "Succeeded")
        goes_back = by == BY_CODEDEPLOY or f"; {ROLLBACK};" in (info.get("description") or "")
        completed = f"{at:%Y-%m-%d %H:%M %Z}" if (at := info.get("completeTime")) else ""
        return cls(
            info["deploymentId"], revision_text(info["revision"]), completed, has_succeeded,
            has_succeeded and not missed, goes_back,
        )  # fmt: skip


def read_history(snapshot: Snapshot, application: str, group: str) -> list[Deployed]:
    """The last deployments of a group, the newest first, without those to single servers."""
    names = {"applicationName": application, "deploymentGroupName": group}
    gone = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")
    if snapshot.get("codedeploy", "get_deployment_group", missing=gone, **names) is None:
        return []
    ids = snapshot.all("codedeploy", "list_deployments", "deployments", **names)
    whole = (info for info in find_deployments(snapshot, ids) if info.get("creator", USER) in WHOLE)
    return [Deployed.of(info) for info in islice(whole, LOOKED_AT)]


def last_working(history: Iterable[Deployed]) -> Deployed | None:
    """The deployment to go back to: the last one that every server got, of another revision than the bad one.

    The bad revision is that of the last deployment, even if it worked once before.  A last deployment that is a
    rollback itself is the one to go back to, unless it has failed.
    """
    deployments = [*history]
    if not deployments:
        return None
    newest = deployments[0]
    if newest.goes_back and (newest.has_worked or not newest.completed):
        return newest
    return next((each for each in deployments if each.has_worked and each.revision != newest.revision), None)


def matching(history: Iterable[Deployed], revision: str) -> Iterator[Deployed]:
    """The newest success of each revision that a digest, a commit, or the beginning of one names."""
    wanted, seen = revision.strip().lower().removeprefix(_DIGEST), set()
    for each in history:
        commit = each.name.rpartition("@")[2]
        begins = len(wanted) >= _SHORTEST and (each.name.startswith(wanted) or commit.startswith(wanted))
        if (begins or each.name.lower() == wanted) and each.has_succeeded and each.revision not in seen:
            seen.add(each.revision)
            yield each


def find_deployment(snapshot: Snapshot, brief: ApiObject | None) -> ApiObject | None:
    """CodeDeploy's description of a deployment; ``None`` when there is none."""
    if not brief:
        return None
    missing = ("DeploymentDoesNotExistException",)
    answer = snapshot.get("codedeploy", "get_deployment", missing=missing, deploymentId=brief["deploymentId"])
    return answer["deploymentInfo"] if answer else None


def find_deployments(snapshot: Snapshot, ids: Iterable[object]) -> Iterator[ApiObject]:
    """CodeDeploy's descriptions of deployments, in the order of the ids.

    One call describes up to 25: an environment whose servers come and go has a deployment for each of them.
    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_BatchGetDeployments.html
    """
    left = iter(ids)
    while some := [str(each) for each in islice(left, _AT_ONCE)]:
        answer = snapshot.get("codedeploy", "batch_get_deployments", deploymentIds=some) or {}
        found = {info["deploymentId"]: info for info in answer.get("deploymentsInfo", ())}
        yield from (found[each] for each in some if each in found)


def revision_text(location: ApiObject) -> str:
    """A revision as a plan shows it."""
    if s3 := location.get("s3Location"):
        digest = s3.get("key", "").removeprefix(f"{FOLDER}/").removesuffix(".zip")
        return f"{_DIGEST}{digest}" if key(digest) == s3.get("key") else f"s3://{s3.get('bucket')}/{s3.get('key')}"
    if github := location.get("gitHubLocation"):
        return f"{github.get('repository')}@{github.get('commitId')}"
    return json.dumps(location, default=str, sort_keys=True)
