"""Scheduled actions: moto stores them; here they set the sizes of their group when their time comes.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, attach_dict, patch
from embedded_aws.services.autoscaling.requests import find_group
from embedded_aws.services.autoscaling.scaling_policies.capacity import change_capacity
from embedded_aws.ticker import run_each

MINUTE = 60
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
RANGES: tuple[tuple[int, int, list[str]], ...] = ((0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, DAYS))


@patch(AutoScalingBackend, "put_scheduled_update_group_action")
def put_scheduled_update_group_action(moto: Method, backend: Any, **action: Any) -> Any:
    """Require the group, and at least one size.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScheduledUpdateGroupAction.html
    """
    find_group(backend, action["name"])
    if all(action[size] is None for size in ("min_size", "max_size", "desired_capacity")):
        raise ValidationError("Min, max or desired capacity should be specified")
    return moto(backend, **action)


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """Delete the actions of a group with it.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
    """
    moto(backend, group_name)
    for name, action in list(backend.scheduled_actions.items()):
        if action.auto_scaling_group_name == group_name:
            del backend.scheduled_actions[name]


def tick() -> bool:
    """Carry out the actions whose minute has begun; return whether there was any."""
    return run_each(
        [(backend, action) for backend in backends.existing("autoscaling")
         for action in list(backend.scheduled_actions.values())],
        lambda one: carry_out(*one, time.time()),
    )  # fmt: skip


def carry_out(backend: Any, action: Any, now: float) -> bool:
    """Set the sizes of the group when the time of an action has come, once a minute; return whether it had."""
    done = attach_dict(backend, "scheduled_actions_done")
    minute, key = int(now // MINUTE), (action.auto_scaling_group_name, action.scheduled_action_name)
    if not action.recurrence or done.get(key) == minute or not is_due(action.recurrence, action.time_zone, now):
        return False
    done[key] = minute
    group = backend.autoscaling_groups[action.auto_scaling_group_name]
    group.min_size = group.min_size if action.min_size is None else action.min_size
    group.max_size = group.max_size if action.max_size is None else action.max_size
    wanted = group.desired_capacity if action.desired_capacity is None else action.desired_capacity
    limits = f"min: {group.min_size}, max: {group.max_size}, desired: {wanted}"
    change_capacity(group, wanted, f"a scheduled action update of AutoScalingGroup constraints to {limits}")
    return True


def is_due(recurrence: str, time_zone: str | None, now: float) -> bool:
    """Whether the minute of *now* is one of a recurrence.

    As in cron, one of the two days is enough where both are limited.
    """
    at = datetime.fromtimestamp(now, ZoneInfo(time_zone or "UTC"))
    fields = recurrence.lower().split()
    minute, hour, day, month, weekday = (_numbers(field, *limits) for field, limits in zip(fields, RANGES, strict=True))
    is_day, is_weekday = at.day in day, at.isoweekday() % 7 in {number % 7 for number in weekday}
    either = fields[2] != "*" and fields[4] != "*"
    matches = (is_day or is_weekday) if either else (is_day and is_weekday)
    return at.minute in minute and at.hour in hour and at.month in month and matches


def _numbers(field: str, low: int, high: int, names: list[str]) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        begin = _number(first, low, names)
        end = _number(last, low, names) if last else high if step else begin
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str, low: int, names: list[str]) -> int:
    return names.index(text) + low if text in names else int(text)
