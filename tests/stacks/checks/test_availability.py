"""The loss of a zone is noticed before it hurts."""

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.stacks.checks.availability import availability
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_deploy import group
from tests.resources.test_contract import bring_about, grounds


@pytest.fixture
def probe(engine, door):
    """Asks afresh whether the claim holds."""
    app = Stack("app", group=group)
    bring_about(engine, grounds(group))
    bring_about(engine, app)
    (check,) = availability(app)
    return lambda: check.probe(Snapshot(door), engine.survey(app, refresh=True))


def test_each_zone_has_a_healthy_server(probe):
    holds, found = probe()
    assert holds
    assert [len(found[f"us-west-2{zone}"]) for zone in "ab"] == [1, 1]


def test_a_zone_without_a_healthy_server_is_named(probe, aws):
    """Also when the group as a whole says that all is well."""
    elb, scaling = aws.client("elbv2"), aws.client("autoscaling")
    (listed,) = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    lost = next(i["InstanceId"] for i in listed["Instances"] if i["AvailabilityZone"] == "us-west-2b")
    (targets,) = elb.describe_target_groups()["TargetGroups"]
    elb.deregister_targets(TargetGroupArn=targets["TargetGroupArn"], Targets=[{"Id": lost}])
    holds, found = probe()
    assert not holds
    assert found["us-west-2b"] == []
    assert found["us-west-2a"][0].endswith(" healthy")
