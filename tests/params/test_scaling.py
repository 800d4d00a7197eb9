"""Scaling, scheduled sizes, alarms and the ways in and out: what is taken, and what is told at which line."""

from __future__ import annotations

import pytest

from runbook_lib.params import load
from tests.params.parameter_files import at, problems, written

SCALING, SCHEDULES, TOPIC = "  scaling: null ", "  schedules: [] ", "  topic: null "
DAY = {"name": "day", "recurrence": "0 7 * * MON-FRI", "minimum": "2", "maximum": "6"}


def scaling(text):
    return SCALING, f"  scaling: {text} "


def schedules(*changed):
    rows = [", ".join(f'{key}: "{value}"' if key != "minimum" and key != "maximum" else f"{key}: {value}"
                      for key, value in (DAY | one).items()) for one in changed]  # fmt: skip
    return SCHEDULES, f"  schedules: [{', '.join(f'{{{row}}}' for row in rows)}] "


def test_what_the_file_suggests_is_taken(tmp_path):
    path = written(
        tmp_path,
        scaling("{metric: requests_per_target, target: 1000, minimum: 2, maximum: 6}"),
        schedules({}, {"name": "night", "time_zone": "Europe/Zurich", "recurrence": "*/15 20,22 1-5 JAN sun"}),
        (TOPIC, "  topic: arn:aws:sns:us-west-2:123456789012:alerts "),
        ("dashboard: false", "dashboard: true "),
        ("  bastion: ssh ", "  bastion: none "),
        ("  nat: single ", "  nat: none "),
    )
    found = load(path)
    assert (found.compute.scaling.target, found.compute.scaling.maximum) == (1000, 6)
    assert [each.time_zone for each in found.compute.schedules] == ["UTC", "Europe/Zurich"]
    assert (found.compute.bastion, found.network.nat, found.dashboard) == ("none", "none", True)


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [
        ("{metric: cpu}", ".target", "missing; see the comments in another file of params/"),
        ("{metric: memory, target: 5}", ".metric", "write 'cpu' or 'requests_per_target'"),
        ("{metric: cpu, target: 120}", ".target", "is in percent; write at most 100"),
        ("{metric: cpu, target: 0}", ".target", "write more than 0"),
        ('{metric: cpu, target: "50"}', ".target", "write a number"),
        ("{metric: cpu, target: 50, minimum: 1}", ".minimum", "is less than one server in each of the 2 zones"),
        ("{metric: cpu, target: 50, maximum: 1}", ".maximum", "is less than the minimum of 2"),
        ("{metric: cpu, target: 50, minimum: 9}", ".minimum", "is more than max_per_zone allows: 4"),
        ("{metric: cpu, target: 50, minimum: 5, maximum: 4}", ".maximum", "is less than the minimum of 5"),
        ("{metric: cpu, target: 50, maximal: 4}", ".maximal", "did you mean maximum?"),
    ],
)
def test_a_mistake_in_scaling_is_told_at_its_line(tmp_path, text, field, why):
    path = written(tmp_path, scaling(text))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, '  scaling: ')} compute.scaling{field}: ")
    assert why in line


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({"recurrence": "7 o'clock"}, "recurrence", "write five fields"),
        ({"recurrence": "0 24 * * *"}, "recurrence", "24 is no hour; write 0 to 23"),
        ({"recurrence": "0 7 * * MON-FRY"}, "recurrence", "MON-FRY is no day of the week"),
        ({"recurrence": "0 7 31-1 * *"}, "recurrence", "31-1 is no day of the month"),
        ({"recurrence": "0  7 * * *"}, "recurrence", "write five fields"),
        ({"recurrence": "0 7 * * */0"}, "recurrence", "*/0 is no day of the week"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "not a time zone"),
        ({"minimum": "1"}, "minimum", "is less than one server in each of the 2 zones"),
        ({"minimum": "7"}, "maximum", "is less than the minimum of 7"),
        ({"name": "Day 1"}, "name", "write a name of lower-case letters"),
    ],
)
def test_a_mistake_in_a_schedule_is_told_at_its_line(tmp_path, changed, field, why):
    path = written(tmp_path, schedules(changed))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, '  schedules: ')} compute.schedules.0.{field}: ")
    assert why in line


def test_two_schedules_have_two_names(tmp_path):
    (line,) = problems(written(tmp_path, schedules({}, {})))
    assert "compute.schedules.1.name: day – is the name of another schedule" in line


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("alerts", "write the ARN of an SNS topic"),
        ("arn:aws:sns:eu-west-1:123456789012:alerts", "is not in us-west-2, where this environment is"),
    ],
)
def test_a_wrong_topic_is_told_at_its_line(tmp_path, topic, why):
    path = written(tmp_path, (TOPIC, f"  topic: {topic} "))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, '  topic: ')} alarms.topic: ")
    assert why in line


def test_without_a_way_out_nothing_comes_from_github(tmp_path):
    given = "  github: {repository: o/n, commit: " + 40 * "c" + "}\n  configuration"
    path = written(
        tmp_path, ("  nat: single ", "  nat: none "), ("source: s3 ", "source: github "), ("  configuration", given)
    )
    (line,) = problems(path)
    assert line.startswith(f"{at(path, '  nat: ')} network.nat: none – leaves no way to GitHub")
