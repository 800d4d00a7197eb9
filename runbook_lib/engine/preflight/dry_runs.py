"""Whether EC2 would carry out the creates of a plan: asked with DryRun where IAM could not be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from ...aws.client import DRY_RUN, Aws
from ...aws.snapshot import Snapshot
from ...errors import RequestRejected
from ...resources.base import Ids, Resource
from ..plan import Action, Change
from .permissions import MAY_ONLY_LOOK
from .row import FAILED, NOT_ASKED, PASSED, Prerequisite

NAME = "permissions of EC2"
_REFUSED = "UnauthorizedOperation"
"""How EC2 answers a dry run that it would refuse; other errors say nothing about permissions.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun)
"""
_SAME = ("name", "tag_spec", "tags", "tag_map", "token", "env", "region", "account")
"""What a create may ask of the client beside its calls."""


def check_dry_runs(
    snapshot: Snapshot, changes: Iterable[Change], ids: Ids, *, only_plans: bool
) -> Iterator[Prerequisite]:
    """Send the create of one resource of each kind with DryRun, where all that the create names is there.

    Args:
        ids: Of what exists.
        only_plans: As for :func:`.permissions.check_permissions`.
    """
    answers: dict[str, set[str]] = {}
    for resource in _one_of_each_kind(changes):
        if answer := _ask(snapshot.aws, resource, ids):
            action, code = answer
            answers.setdefault(code, set()).add(action)
    allowed, refused = (sorted(answers.pop(code, ())) for code in (DRY_RUN, _REFUSED))
    others = "; ".join(f"{', '.join(sorted(actions))}: {code}" for code, actions in sorted(answers.items()))
    rest = f"; could not be asked: {others}" if others else ""
    if refused and only_plans and not allowed:
        yield Prerequisite(NAME, NOT_ASKED, f"this caller {MAY_ONLY_LOOK}")
    elif refused:
        fix = "Ask for these permissions: `runbook permissions` prints the policy, docs/permissions.md explains it."
        yield Prerequisite(NAME, FAILED, f"a dry run was refused: {', '.join(refused)}{rest}", fix)
    elif allowed:
        yield Prerequisite(NAME, PASSED, f"a dry run was allowed: {', '.join(allowed)}{rest}")
    elif others:
        yield Prerequisite(NAME, NOT_ASKED, others)


def _one_of_each_kind(changes: Iterable[Change]) -> Iterable[Resource]:
    kinds: dict[type[Resource], Resource] = {}
    for change in changes:
        if change.action is Action.CREATE and _is_of_ec2(change.resource):
            kinds.setdefault(type(change.resource), change.resource)
    return kinds.values()


def _is_of_ec2(resource: Resource) -> bool:
    needs = [action for need in resource.needs if "apply" in need.levels for action in need.actions]
    return any(action.startswith("ec2:") for action in needs)


def _ask(aws: Aws, resource: Resource, ids: Ids) -> tuple[str, str] | None:
    """The first call of the create and EC2's answer; ``None`` where it names what is not there, or is another's."""
    try:
        resource.create(cast(Aws, _DryAws(aws)), ids)
    except _AnswerError as answer:
        return answer.action, answer.code
    except (_OtherServiceError, KeyError):
        pass
    return None


class _AnswerError(Exception):
    """What EC2 says to a dry run, which ends the create there."""

    def __init__(self, action: str, code: str) -> None:
        self.action, self.code = action, code


class _OtherServiceError(Exception):
    """A create begins with a call that has no dry run."""


class _DryAws:
    """A client with which nothing can be written: calls of EC2 are dry runs, and there are no others."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def __getattr__(self, name: str) -> Any:
        if name == "ec2":
            return _DryEc2(self._aws.ec2)
        if name in _SAME:
            return getattr(self._aws, name)
        raise _OtherServiceError(name)


class _DryEc2:
    def __init__(self, ec2: Any) -> None:
        self._ec2 = ec2

    def __getattr__(self, operation: str) -> Callable[..., None]:
        action = "".join(word.capitalize() for word in operation.split("_"))

        def send(**request: Any) -> None:
            request.pop("ClientToken", None)  # it is that of the create itself
            try:
                getattr(self._ec2, operation)(**request, DryRun=True)
            except RequestRejected as error:
                raise _AnswerError(action, error.code) from error
            raise _AnswerError(action, "answered as if it were no dry run")

        return send
