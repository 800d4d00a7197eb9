"""The state of an alarm: changed by an evaluation or by SetAlarmState, acted upon, and written down."""

from __future__ import annotations

import json
import time
from typing import Any

from embedded_aws.services.cloudwatch import actions
from embedded_aws.services.cloudwatch.history import record

# How long SetAlarmState holds: until the next evaluation, which on AWS comes "often within seconds".
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
HELD_SECONDS = 2.0


def change(backend: Any, alarm: Any, state: str, reason: str, reason_data: str) -> None:
    """Give an alarm a state; where it is another one than before, that is recorded and the actions are run.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """
    before = _described(alarm)
    alarm.update_state(reason, reason_data, state)
    alarm.history.clear()  # ours is kept with the account, and survives the alarm
    if before["stateValue"] == state:
        return
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    data = {"version": "1.0", "oldState": before, "newState": _described(alarm)}
    record(backend, alarm.name, "StateUpdate", f"Alarm updated from {before['stateValue']} to {state}", data)
    actions.run(backend, alarm, before["stateValue"], reason_data)


def hold(alarm: Any) -> None:
    """Keep the state that was just set from outside for a moment."""
    alarm.held_until = time.time() + HELD_SECONDS


def is_held(alarm: Any) -> bool:
    """Whether its state was set from outside a moment ago."""
    return time.time() < float(vars(alarm).get("held_until", 0.0))


def _described(alarm: Any) -> dict[str, Any]:
    reasons = {"stateReason": alarm.state_reason, "stateReasonData": json.loads(alarm.state_reason_data or "{}")}
    return {"stateValue": alarm.state_value, **reasons}
