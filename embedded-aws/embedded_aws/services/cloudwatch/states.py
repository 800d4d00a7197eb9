"""The state of an alarm: changed by an evaluation or by SetAlarmState, recorded, and followed by actions."""

from __future__ import annotations

import json
import time
from typing import Any

from embedded_aws.services.cloudwatch import actions
from embedded_aws.services.cloudwatch.history import record

# How long a state set by SetAlarmState is kept: until the next evaluation, which on AWS comes "often within seconds".
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
HOLD_SECONDS = 2.0


def change(backend: Any, alarm: Any, state: str, reason: str, reason_data: str) -> None:
    """Set the state of an alarm; if it has changed, record that and run the actions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """
    before = _describe(alarm)
    alarm.update_state(reason, reason_data, state)
    alarm.history.clear()  # our own history is saved with the account, and outlives the alarm
    if before["stateValue"] == state:
        return
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    data = {"version": "1.0", "oldState": before, "newState": _describe(alarm)}
    record(backend, alarm.name, "StateUpdate", f"Alarm updated from {before['stateValue']} to {state}", data)
    actions.run(backend, alarm, before["stateValue"], reason_data)


def hold(alarm: Any) -> None:
    """Keep a state that was set by SetAlarmState for `HOLD_SECONDS`."""
    alarm.held_until = time.time() + HOLD_SECONDS


def is_held(alarm: Any) -> bool:
    """Return whether the state was set by SetAlarmState within `HOLD_SECONDS`."""
    return time.time() < float(vars(alarm).get("held_until", 0.0))


def _describe(alarm: Any) -> dict[str, Any]:
    reasons = {"stateReason": alarm.state_reason, "stateReasonData": json.loads(alarm.state_reason_data or "{}")}
    return {"stateValue": alarm.state_value, **reasons}
