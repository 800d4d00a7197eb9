"""Real servers come and go with the load, and the site answers while its ways in and out change."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

from embedded_aws.client import process
from embedded_aws.testing import eventually
from tests.notebooks.operator import REPOSITORY, Crowd, Operator

pytestmark = [pytest.mark.exhaustive, pytest.mark.needs("mariadbd", "mariadb-install-db", "mariadb")]
PER_TARGET = 60
"""Requests to each server in a minute: one visitor who asks every half second is more."""


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    root = tmp_path_factory.mktemp("scaling")
    shutil.copytree(REPOSITORY / "params", root / "params")
    with pytest.MonkeyPatch.context() as patch:
        for switch in ("RUNBOOK_LOCAL_MACHINES", "RUNBOOK_LOCAL_SAVE"):
            patch.delenv(switch)
        try:
            yield Operator.of_sample(root, tmp_path_factory.mktemp("checkout"))
        finally:
            process.stop(root)


def settle(operator, **changed):
    """Apply with other parameters; it has to succeed."""
    path = operator.root / "params" / "local.yaml"
    raw = yaml.safe_load((REPOSITORY / "params" / "local.yaml").read_text())
    for section, fields in changed.items():
        raw[section] = {**raw[section], **fields} if isinstance(fields, dict) else fields
    path.write_text(yaml.safe_dump(raw))
    done = operator.runbook("apply", "--env", "local")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(operator):
    topic = operator.aws("sns").create_topic(Name="alerts")["TopicArn"]
    scaling = {"metric": "requests_per_target", "target": PER_TARGET, "maximum": 4}
    settings = {"compute": {"scaling": scaling}, "alarms": {"topic": topic}}
    settle(operator, **settings)
    return settings


def servers(operator):
    """The servers that the load balancer finds healthy."""
    return {i["id"] for i in operator.status()["instances"] if (i["state"], i["health"]) == ("InService", "healthy")}


def test_load_launches_servers_and_their_end_is_noticed_by_nobody(operator, built):
    (site,) = operator.status()["sites"]
    with Crowd(site, visitors=3, pause=0.3) as crowd:
        eventually(lambda: len(servers(operator)) == 4, within=120)
    scaling = operator.aws("autoscaling")
    causes = [a["Cause"] for a in scaling.describe_scaling_activities()["Activities"]]
    assert any("TargetTracking-local-web-AlarmHigh-" in cause for cause in causes)
    assert operator.runbook("plan", "--env", "local", "--detailed-exitcode").returncode == 0
    with Crowd(site, visitors=1, pause=2.0) as quiet:
        eventually(lambda: len(servers(operator)) == 2, within=240)
    assert set(crowd.answers) | set(quiet.answers) == {200}


@pytest.mark.timeout(1200)
def test_each_way_in_and_out_is_exchanged_while_the_site_answers(operator, built):
    """With only what it needs, nothing blocked and nothing left: the last plan shows nothing."""
    (site,) = operator.status()["sites"]
    with Crowd(site, visitors=2, pause=0.5) as crowd:
        for bastion, nat in (("ssm", "none"), ("instance_connect_endpoint", "per_zone"), ("none", "single")):
            settle(operator, compute={**built["compute"], "bastion": bastion}, network={"nat": nat}, dashboard=True)
            done = operator.runbook("verify", "--env", "local")
            assert done.returncode == 0, done.stdout + done.stderr
        settle(operator)
    assert set(crowd.answers) == {200}
    assert operator.runbook("plan", "--env", "local", "--detailed-exitcode").returncode == 0
    left = operator.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    assert json.dumps([alarm["AlarmName"] for alarm in left]) == "[]"
    assert operator.aws("ec2").describe_instance_connect_endpoints()["InstanceConnectEndpoints"] == []
