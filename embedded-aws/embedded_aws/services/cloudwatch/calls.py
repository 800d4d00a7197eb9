"""Operations on alarms that behave differently in moto than in CloudWatch."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

from embedded_aws.patching import Method, patch
from embedded_aws.services.cloudwatch import states
from embedded_aws.services.cloudwatch.evaluation import INSUFFICIENT_DATA
from embedded_aws.services.cloudwatch.history import record

# Attributes that an alarm keeps when it is put again.
STATE = (
    *("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "state_transitioned_timestamp"),
    *("acted_at", "held_until"),
)


@patch(CloudWatchBackend, "put_metric_alarm")
def put_metric_alarm(moto: Method, backend: Any, *args: Any, **kwargs: Any) -> Any:
    """Start a new alarm with INSUFFICIENT_DATA (moto: OK), and keep the state of an existing one.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    former = backend.alarms.get(kwargs.get("name") or args[0])
    alarm = moto(backend, *args, **kwargs)
    if alarm.rule is not None:
        return alarm
    if former is None:
        alarm.state_value = INSUFFICIENT_DATA
        alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    else:
        alarm.__dict__.update({name: value for name, value in vars(former).items() if name in STATE})
    done, kind = ("created", "Create") if former is None else ("updated", "Update")
    record(backend, alarm.name, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', {"version": "1.0", "type": kind})
    return alarm


@patch(CloudWatchBackend, "delete_alarms")
def delete_alarms(moto: Method, backend: Any, alarm_names: list[str]) -> None:
    """Delete alarms, but keep their history.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    for name in (name for name in alarm_names if name in backend.alarms):
        record(backend, name, "ConfigurationUpdate", f'Alarm "{name}" deleted', {"version": "1.0", "type": "Delete"})
    moto(backend, alarm_names)


@patch(CloudWatchBackend, "set_alarm_state")
def set_alarm_state(moto: Method, backend: Any, alarm_name: str, reason: str, reason_data: str, value: str) -> None:
    """Set a state and run its actions; the next evaluation restores the actual state.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
    """
    alarm = backend.alarms.get(alarm_name)
    if alarm is None or alarm.rule is not None:
        moto(backend, alarm_name, reason, reason_data, value)
        return
    before = {name: vars(alarm)[name] for name in STATE if name in vars(alarm)}
    moto(backend, alarm_name, reason, reason_data, value)  # validates the parameters
    alarm.__dict__.update(before)
    states.hold(alarm)
    states.change(backend, alarm, value, reason, reason_data or "")
