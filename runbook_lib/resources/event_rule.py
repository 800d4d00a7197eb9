"""A rule of EventBridge that calls a Lambda function."""

from __future__ import annotations

import json
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_change, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from ..errors import RequestRejected
from .base import Ids, Observed, Resource, Unknown, is_owned, kind
from .lambda_function import LambdaFunction
from .tagging import Tagging

_ON = "events:rule/{env}-{self.name}"
_ON_FUNCTION = "lambda:function:{env}-{self.function.name}"
_GONE = "ResourceNotFoundException"
_TARGET = "function"
_SERVICE = "events.amazonaws.com"
_MAY, _MAY_NOT = "may call it", "may not call it"


@kind
class EventRule(Resource):
    """A rule of the default bus, with a function as its only target, and the right to call that function.

    Args:
        source, detail_type: What an event must have, e.g. ``aws.codedeploy``.
        detail: Names of fields of the event's detail, each with the values that it may have.
    """

    function: LambdaFunction
    source: str
    detail_type: str
    detail: tuple[tuple[str, tuple[str, ...]], ...] = ()

    needs = (
        to_look("events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", on=_ON),
        to_look("lambda:GetPolicy", on=_ON_FUNCTION),
        to_apply("events:PutRule", "events:PutTargets", "events:TagResource", on=_ON),
        to_apply("lambda:AddPermission", on=_ON_FUNCTION),
        to_change("events:RemoveTargets", on=_ON),
        to_change("lambda:RemovePermission", on=_ON_FUNCTION),
        to_destroy("events:DeleteRule", on=_ON),
    )

    @property
    def _pattern(self) -> str:
        detail = {name: sorted(values) for name, values in self.detail}
        return json.dumps({"source": [self.source], "detail-type": [self.detail_type], "detail": detail})

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect the pattern, the function as the only target, and that the rule may call it."""
        target = frozenset({ids.get(self.function, Unknown(self.function.key))})
        return {"pattern": self._pattern, "status": "ENABLED", "targets": target, "permission": _MAY}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the rule by its name, its tags and targets, and the function's policy."""
        name = snapshot.aws.name(self)
        rule = snapshot.get("events", "describe_rule", missing=_GONE, Name=name)
        if rule is None:
            return None
        tags = snapshot.get("events", "list_tags_for_resource", missing=_GONE, ResourceARN=rule["Arn"])
        if not is_owned(snapshot, self, tags):
            return None
        answer = snapshot.get("events", "list_targets_by_rule", missing=_GONE, Rule=name) or {}
        targets = {target["Id"]: target["Arn"] for target in answer.get("Targets", [])}
        state = {
            "pattern": self._pattern if _same(rule.get("EventPattern"), self._pattern) else rule.get("EventPattern"),
            "status": rule.get("State"),
            "targets": frozenset(targets.values()),
            "permission": _MAY if self._may_call(snapshot, rule["Arn"], ids) else _MAY_NOT,
        }
        tagging = Tagging.of("events", rule["Arn"], tags)
        return Observed(rule["Arn"], state, detail={"_targets": sorted(targets)}, tagging=tagging)

    def _may_call(self, snapshot: Snapshot, rule: str, ids: Ids) -> bool:
        if self.function not in ids:
            return False
        name = snapshot.aws.name(self.function)
        answer = snapshot.get("lambda", "get_policy", missing=_GONE, FunctionName=name)
        statements = json.loads(answer["Policy"])["Statement"] if answer else []
        return any(_allows(one, rule) for one in statements)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the rule; an update gives it the right to call the function, and the function as target."""
        aws.events.put_rule(Name=aws.name(self), EventPattern=self._pattern, State="ENABLED", Tags=aws.tags(self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the pattern, the permission and the target, in this order: then no event meets half a rule."""
        name = aws.name(self)
        if drift & {"pattern", "status"}:
            aws.events.put_rule(Name=name, EventPattern=self._pattern, State="ENABLED")
        if "permission" in drift:
            self._forbid(aws)
            aws.lambda_.add_permission(
                FunctionName=aws.name(self.function), StatementId=name, Action="lambda:InvokeFunction",
                Principal=_SERVICE, SourceArn=observed.id,
            )  # fmt: skip
        if "targets" in drift:
            if others := [each for each in observed.detail["_targets"] if each != _TARGET]:
                aws.events.remove_targets(Rule=name, Ids=others)
            aws.events.put_targets(Rule=name, Targets=[{"Id": _TARGET, "Arn": ids[self.function]}])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Remove the targets and the permission, and delete the rule."""
        if observed.detail["_targets"]:
            aws.events.remove_targets(Rule=aws.name(self), Ids=observed.detail["_targets"])
        self._forbid(aws)
        aws.events.delete_rule(Name=aws.name(self))

    def _forbid(self, aws: Aws) -> None:
        """Take back the right to call the function, if there is one."""
        try:
            aws.lambda_.remove_permission(FunctionName=aws.name(self.function), StatementId=aws.name(self))
        except RequestRejected as error:
            if error.code != _GONE:
                raise


def _allows(statement: ApiObject, rule: str) -> bool:
    """Whether a statement lets the rule call the function; Lambda writes the condition's key in its own way."""
    conditions = {key.lower(): value for key, value in statement.get("Condition", {}).get("ArnLike", {}).items()}
    called = statement.get("Action") == "lambda:InvokeFunction" and statement.get("Effect") == "Allow"
    return called and statement.get("Principal") == {"Service": _SERVICE} and conditions == {"aws:sourcearn": rule}


def _same(observed: str | None, wanted: str) -> bool:
    try:
        return bool(json.loads(observed or "null") == json.loads(wanted))
    except ValueError:
        return False
