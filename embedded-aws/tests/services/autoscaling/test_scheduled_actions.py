"""Scheduled actions: when they are due, and what they do to their group."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from embedded_aws.services.autoscaling import scheduled_actions
from embedded_aws.services.autoscaling.scheduled_actions import carry_out, is_due
from services.errors import raises


def at(*moment):
    return datetime(2026, 6, *moment, tzinfo=UTC).timestamp()  # the 1st is a Monday


@pytest.mark.parametrize(
    ("recurrence", "zone", "moment", "due"),
    [
        ("0 7 * * *", None, (1, 7, 0, 30), True),
        ("0 7 * * *", None, (1, 7, 1), False),
        ("0 7 * * *", "Europe/Zurich", (1, 5, 0), True),
        ("0 7 * * MON-FRI", "UTC", (5, 7, 0), True),
        ("0 7 * * MON-FRI", "UTC", (6, 7, 0), False),
        ("*/15 20,22 * JUN sun", "UTC", (7, 22, 45), True),
        ("0 0 1 * 0", "UTC", (1, 0, 0), True),  # the first, or a Sunday
        ("0 0 1 * 7", "UTC", (7, 0, 0), True),
        ("0 0 1 * 7", "UTC", (8, 0, 0), False),
    ],
)
def test_a_recurrence_is_as_cron_has_it(recurrence, zone, moment, due):
    assert is_due(recurrence, zone, at(*moment)) is due


def test_an_action_sets_the_sizes_once_in_its_minute(monkeypatch):
    asked = []
    monkeypatch.setattr(scheduled_actions, "change_capacity", lambda group, desired, why: asked.append((desired, why)))
    group = SimpleNamespace(min_size=2, max_size=4, desired_capacity=2)
    backend = SimpleNamespace(autoscaling_groups={"web": group})
    action = SimpleNamespace(
        auto_scaling_group_name="web", scheduled_action_name="day", recurrence="0 7 * * *", time_zone=None,
        min_size=3, max_size=8, desired_capacity=None,
    )  # fmt: skip
    assert [carry_out(backend, action, at(1, 7, 0, second)) for second in (0, 30)] == [True, False]
    assert (group.min_size, group.max_size) == (3, 8)
    assert [desired for desired, _ in asked] == [2]
    assert "update of AutoScalingGroup constraints to min: 3, max: 8, desired: 2" in asked[0][1]


def test_an_action_needs_its_group(aws):
    scaling = aws.client("autoscaling")
    with raises("ValidationError"):
        scaling.put_scheduled_update_group_action(
            AutoScalingGroupName="none", ScheduledActionName="day", Recurrence="0 7 * * *", MinSize=1
        )
