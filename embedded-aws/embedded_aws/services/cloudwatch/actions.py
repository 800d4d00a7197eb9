"""The actions of alarms: notify SNS topics of a change, and execute scaling policies."""

from __future__ import annotations

import time
from typing import Any

from moto.core.exceptions import ServiceException

from embedded_aws.services.autoscaling.scaling_policies import triggered
from embedded_aws.services.cloudwatch import notifications
from embedded_aws.services.cloudwatch.evaluation import ALARM, INSUFFICIENT_DATA, OK
from embedded_aws.services.cloudwatch.history import record

# "For Auto Scaling actions, the alarm continues to invoke the action once per minute that the alarm remains in the
# new state"; an alarm of a shorter period does so with its period.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
REPEAT_SECONDS = 60.0


def run(backend: Any, alarm: Any, before: str, reason_data: str) -> None:
    """Run the actions of the new state of an alarm."""
    alarm.acted_at = time.time()
    for arn in _actions_of(alarm):
        _run_action(backend, alarm, arn, before, reason_data)


def is_repeat_due(alarm: Any, period: float) -> bool:
    """Return whether it is time to execute the scaling policies again."""
    acted_at = vars(alarm).get("acted_at")
    if acted_at is None or not any(map(_is_scaling, _actions_of(alarm))):
        return False
    return time.time() >= float(acted_at) + min(period, REPEAT_SECONDS)


def repeat(backend: Any, alarm: Any, reason_data: str) -> None:
    """Execute the scaling policies again, because the alarm is still in its state."""
    alarm.acted_at = time.time()
    for arn in filter(_is_scaling, _actions_of(alarm)):
        _run_action(backend, alarm, arn, alarm.state_value, reason_data)


def _actions_of(alarm: Any) -> list[str]:
    by_state = {OK: alarm.ok_actions, ALARM: alarm.alarm_actions, INSUFFICIENT_DATA: alarm.insufficient_data_actions}
    return list(by_state[alarm.state_value]) if alarm.actions_enabled else []


def _is_scaling(arn: str) -> bool:
    return arn.split(":")[2] == "autoscaling"


def _run_action(backend: Any, alarm: Any, arn: str, before: str, reason_data: str) -> None:
    """Run an action and record the result; a failure appears only in the history, as with CloudWatch."""
    try:
        if _is_scaling(arn):
            triggered.execute_for_alarm(alarm, arn, reason_data)
        elif arn.split(":")[2] == "sns":
            notifications.publish(backend, alarm, arn, before)
        else:
            raise NotImplementedError("The local environment carries out SNS and Auto Scaling actions only.")
    except (ServiceException, NotImplementedError, ValueError) as error:
        reason = getattr(error, "message", None) or str(error)
        data = {"actionState": "Failed", "notificationResource": arn, "error": reason}
        record(backend, alarm.name, "Action", f'Failed to execute action {arn}. Received error: "{reason}"', data)
    else:
        data = {"actionState": "Succeeded", "notificationResource": arn}
        record(backend, alarm.name, "Action", f"Successfully executed action {arn}", data)
