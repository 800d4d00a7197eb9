"""The drift of a run: from the journal of its plans, with ids and CloudTrail's answers, recorded in the evidence."""

import re

import pytest

from runbook_lib.engine.engine import Engine
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.evidence.report.inventory import BEFORE, EVENT, build_inventory
from runbook_lib.evidence.report.page import render_report
from runbook_lib.journal.reader import of_kind, read_events
from runbook_lib.runs import drift as drift_module
from runbook_lib.runs.drift import CHANGED, MISSING, STRAY, record_drift
from runbook_lib.runs.start import aws_client
from runbook_lib.stacks.network import network
from tests.support.stack_runs import PARAMS


@pytest.fixture
def applied(aws, tmp_path, monkeypatch):
    """An applied network, and a function that plans it in a new run."""
    monkeypatch.setattr("runbook_lib.aws.endpoints.connection", lambda *_: aws.connection)
    folder = RunFolder(tmp_path / "artifacts" / PARAMS.env, "20260101T000000Z-apply-0000", "01_network")
    engine = Engine(aws_client(PARAMS, tmp_path, "20260101T000000Z-apply-0000"), folder.journal())
    stack = network(PARAMS)
    engine.apply(stack)

    def plan(run):
        journal = RunFolder(tmp_path / "artifacts" / PARAMS.env, run, "01_network").journal()
        planned = engine.plan(stack, refresh=True)
        facts = planned.as_dict() | planned.explanations | {"fingerprint": planned.fingerprint, "count": planned.count}
        journal.write("plan", present=True, **facts)
        rows = build_inventory(stack, engine.survey(stack))
        journal.write(EVENT, when=BEFORE, stack=stack.name, resources=rows)
        return {one.key: one for one in record_drift(PARAMS, tmp_path, run, ["01_network"])}

    return plan


def test_who_changed_what_is_recorded(applied, aws, tmp_path):
    assert applied("20260102T000000Z-plan-0000") == {}
    page = render_report(tmp_path / "artifacts" / PARAMS.env / "20260102T000000Z-plan-0000")
    assert "None: everything was as the parameters say." in page
    ec2 = aws.client("ec2")
    (rule,) = (
        rule for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]
        if {"Key": "runbook:key", "Value": "security_group_rule.db-mysql"} in rule["Tags"]
    )  # fmt: skip
    ec2.revoke_security_group_ingress(GroupId=rule["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    vpc = ec2.describe_vpcs(Filters=[{"Name": "tag:runbook:key", "Values": ["vpc.main"]}])["Vpcs"][0]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    aws.client("iam").attach_role_policy(RoleName="local-flow-logs", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    ours = [{"Key": "runbook:owner", "Value": "runbook"}, {"Key": "runbook:env", "Value": "local"},
            {"Key": "runbook:key", "Value": "vpc.old"}]  # fmt: skip
    ec2.create_vpc(CidrBlock="10.99.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": ours}])
    found = applied("20260103T000000Z-plan-0000")
    seen = {key: (one.what, [write.event for write in one.last.writes]) for key, one in found.items()}
    assert seen == {
        "security_group_rule.db-mysql": (MISSING, ["RevokeSecurityGroupIngress"]),
        "vpc.main": (CHANGED, ["ModifyVpcAttribute"]),
        "role.flow-logs": (CHANGED, ["AttachRolePolicy"]),
        "vpc.old": (STRAY, ["CreateVpc"]),
    }
    assert found["security_group_rule.db-mysql"].id == rule["SecurityGroupRuleId"]  # of the run before
    assert found["vpc.main"].fields == {"dns_hostnames": (False, True)}
    folder = tmp_path / "artifacts" / PARAMS.env / "20260103T000000Z-plan-0000"
    page = " ".join(re.sub(r"<[^>]+>", " ", render_report(folder)).split())
    assert f"vpc.main {vpc} changed dns_hostnames true false ModifyVpcAttribute by arn:aws:" in page
    assert f"security_group_rule.db-mysql {rule['SecurityGroupRuleId']} missing RevokeSecurityGroupIngress by" in page
    (event,) = of_kind(read_events(tmp_path / "artifacts" / PARAMS.env / "20260103T000000Z-plan-0000"), "drift")
    assert {thing["key"] for thing in event["things"]} == set(found)


def test_a_thing_that_no_run_has_seen_is_asked_by_its_name(applied, aws, monkeypatch):
    monkeypatch.setattr(drift_module, "_last_id", lambda *_: "")
    aws.client("logs").delete_log_group(logGroupName="/runbook/local/flow-logs")
    found = applied("20260103T000000Z-plan-0000")["log_group.flow-logs"]
    assert (found.what, found.id) == (MISSING, "")
    assert [write.event for write in found.last.writes] == ["DeleteLogGroup"]
