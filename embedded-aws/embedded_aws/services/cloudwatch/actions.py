"""What an alarm does in its state: it tells SNS topics of a change, and has scaling policies executed."""

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
    """Run the actions of the state that an alarm has just come into."""
    alarm.acted_at = time.time()
    for arn in _wanted(alarm):
        _act(backend, alarm, arn, before, reason_data)


def repeats(alarm: Any, period: float) -> bool:
    """Whether it is time to have the scaling policies executed again."""
    acted_at = vars(alarm).get("acted_at")
    if acted_at is None or not any(map(_is_scaling, _wanted(alarm))):
        return False
    return time.time() >= float(acted_at) + min(period, REPEAT_SECONDS)


def repeat(backend: Any, alarm: Any, reason_data: str) -> None:
    """Have the scaling policies executed again: the alarm is still in its state."""
    alarm.acted_at = time.time()
    for arn in filter(_is_scaling, _wanted(alarm)):
        _act(backend, alarm, arn, alarm.state_value, reason_data)


def _wanted(alarm: Any) -> list[str]:
    by_state = {OK: alarm.ok_actions, ALARM: alarm.alarm_actions, INSUFFICIENT_DATA: alarm.insufficient_data_actions}
    return list(by_state[alarm.state_value]) if alarm.actions_enabled else []


def _is_scaling(arn: str) -> bool:
    return arn.split(":")[2] == "autoscaling"


def _act(backend: Any, alarm: Any, arn: str, before: str, reason_data: str) -> None:
    """A failure is only told by the history: CloudWatch does not look whether an action can work."""
    try:
        if _is_scaling(arn):
            triggered.execute_for_alarm(alarm, arn, reason_data)
        elif arn.split(":")[2] == "sns":
            notifications.publish(backend, alarm, arn, before)
        else:
            raise NotImplementedError("The local environment carries out SNS and Auto Scaling actions only.")
    except (ServiceException, NotImplementedError, ValueError) as error:
        why = getattr(error, "message", None) or str(error)
        data = {"actionState": "Failed", "notificationResource": arn, "error": why}
        record(backend, alarm.name, "Action", f'Failed to execute action {arn}. Received error: "{why}"', data)
    else:
        data = {"actionState": "Succeeded", "notificationResource": arn}
        record(backend, alarm.name, "Action", f"Successfully executed action {arn}", data)
