"""Rules deliver events to Lambda functions, and AWS's services publish events of their own."""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.events.models import Rule

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.services.awslambda import invocations
from embedded_aws.services.awslambda.functions import may_call


@patch(Rule, "send_to_targets")
def send_to_targets(moto: Method, rule: Any, event: Any, transform_input: bool = True) -> None:
    """Call functions, which moto does not; a rule that is disabled delivers nothing.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
    """
    if rule.state != "ENABLED" or not rule.event_pattern.matches_event(event):
        return
    functions = [target["Arn"] for target in rule.targets if target["Arn"].split(":")[2] == "lambda"]
    for arn in functions:
        _call(arn, rule.arn, event)
    others = copy.copy(rule)
    others.targets = [target for target in rule.targets if target["Arn"] not in functions]
    moto(others, event, transform_input)


def _call(arn: str, rule: str, event: Any) -> None:
    """Queue an event for a function; one that is gone, or does not allow the rule, never gets it."""
    backend = backends.backend("lambda", arn.split(":")[3])
    try:
        function = backend.get_function(arn)
    except UnknownFunctionException:
        return
    if may_call(function, "events.amazonaws.com", rule):
        at = event["time"]
        moment = at if isinstance(at, str) else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
        invocations.enqueue(backend, function.function_name, {**event, "time": moment})


def publish(region: str, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Publish an event of an AWS service on the default bus.

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """
    backend = backends.backend("events", region)
    event = {
        "version": "0", "id": str(uuid.uuid4()), "detail-type": detail_type, "source": source,
        "account": backend.account_id, "time": datetime.now(UTC).timestamp(), "region": region,
        "resources": resources, "detail": detail,
    }  # fmt: skip
    for rule in list(backend.event_buses["default"].rules.values()):
        rule.send_to_targets(event)
