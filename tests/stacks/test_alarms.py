"""The alarms that the parameters ask for: what they watch, and from where on they speak."""

from __future__ import annotations

import pytest

from runbook_lib.params import Params
from runbook_lib.resources.alarm import Alarm
from runbook_lib.stacks.alarms import most_connections
from runbook_lib.stacks.environment import whole
from tests.support.stack_runs import PARAMS, THIRD

TOPIC = "arn:aws:sns:us-west-2:123456789012:alerts"


def alarms(**changed):
    raw = PARAMS.model_dump(mode="json") | {"alarms": {"topic": TOPIC}}
    for section, fields in changed.items():
        raw[section] = {**raw[section], **fields}
    return {each.name: each for each in whole(Params.model_validate(raw)).every(Alarm)}


def test_each_nat_gateway_and_each_node_of_a_cache_has_its_own():
    zones = {**PARAMS.model_dump(mode="json")["network"]["zones"], **THIRD}
    sessions = {"store": "elasticache", "replicas": 2}
    found = alarms(network={"nat": "per_zone", "zones": zones}, data={"sessions": sessions})
    assert len([name for name in found if name.startswith("nat-")]) == 6
    assert sorted(name for name in found if name.startswith("cache-") and name.endswith("-cpu")) == [
        "cache-1-cpu", "cache-2-cpu", "cache-3-cpu"
    ]  # fmt: skip
    assert not [name for name in alarms(network={"nat": "none"}) if name.startswith("nat-")]


def test_without_a_topic_there_are_none():
    assert not list(whole(PARAMS).every(Alarm))


def test_what_fills_up_is_told_while_a_tenth_is_left():
    assert alarms(data={"storage_gb": 100})["database-storage"].threshold == 10 * 1024**3


@pytest.mark.parametrize(
    ("instance_class", "accepted"),
    [
        ("db.t4g.micro", 85),
        ("db.t4g.medium", 341),
        ("db.m7g.large", 682),
        ("db.r6g.2xlarge", 5461),
        ("db.x2g.xlarge", 5461),
    ],
)
def test_connections_are_told_before_mysql_refuses_them(instance_class, accepted):
    """By default MySQL accepts the memory of the class / 12582880, and RDS needs up to a quarter of it."""
    assert 0.65 * accepted < most_connections(instance_class) < 0.75 * accepted


def test_a_notification_says_what_to_do():
    for each in alarms().values():
        assert each.why.endswith(".")
        assert 20 < len(each.why) < 160
