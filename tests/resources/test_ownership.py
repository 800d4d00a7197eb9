"""What AWS itself made under our name is ours; what somebody else made is not, and is named as AWS names it."""

import json
from types import SimpleNamespace

import pytest

from embedded_aws.testing import eventually
from runbook_lib.aws.client import Aws
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.errors import NotOwned
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.stacks.stack import Stack, in_order
from tests.resources.cases_compute import CASES as COMPUTE
from tests.resources.cases_data import database, errors, parameter_group, subnet_group
from tests.resources.cases_network import CASES as NETWORK

FLOW_LOGS = LogGroup(name="flow-logs", path="/runbook/test/flow-logs", days=7)
PROFILE = COMPUTE["instance profile"][0]
ROLE = NETWORK["role"][0]


def test_a_log_group_that_rds_wrote_again_is_taken_over(engine, aws):
    """It comes back untagged, without retention, after the database and its groups are gone."""
    logs, stack = aws.client("logs"), Stack("s", it=errors)
    logs.create_log_group(logGroupName=errors.path)
    (change,) = engine.plan(stack).todo
    assert (change.action, set(change.fields)) == (Action.UPDATE, {"days", "tags"})
    engine.apply(stack)
    (group,) = logs.describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == errors.days
    tags = logs.list_tags_for_resource(resourceArn=group["arn"].removesuffix(":*"))["tags"]
    assert tags["runbook:key"] == errors.key


def test_a_destroy_removes_a_log_group_that_rds_wrote_again(engine, aws):
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=errors.path)
    engine.destroy(Stack("s", it=errors))
    assert logs.describe_log_groups()["logGroups"] == []


@pytest.fixture
def watched(aws, journal):
    """An engine that runs an action after each answer to an operation, and the actions by operation."""
    actions = {}

    def record(event, operation="", **data):
        actions.get(operation, lambda: None)()

    door = Aws(
        env="test", region="us-west-2", account="123456789012", connection=aws.connection, on_call=record
    )  # fmt: skip
    yield SimpleNamespace(engine=Engine(door, journal), actions=actions)
    aws.control("pace", 0)


def test_a_log_group_that_rds_writes_again_during_a_destroy_is_deleted_again(watched, aws):
    logs, stack = aws.client("logs"), Stack("s", it=errors)
    watched.engine.apply(stack)
    deletions = []

    def write_again():
        deletions.append(1)
        if len(deletions) == 1:
            logs.create_log_group(logGroupName=errors.path)

    watched.actions["DeleteLogGroup"] = write_again
    watched.engine.destroy(stack)
    assert logs.describe_log_groups()["logGroups"] == []
    assert len(deletions) == 2


def test_what_rds_writes_after_a_destroy_is_taken_over_by_the_next_apply(watched, aws):
    """The last log events of a deleted database arrive when its log group is gone, too."""
    logs, data = aws.client("logs"), Stack("data", all=(errors, subnet_group, parameter_group, database))
    watched.engine.apply(Stack("all", all=in_order([database])))
    aws.control("pace", 0.02)
    watched.actions["DeleteDBInstance"] = lambda: aws.control("pace", 10)  # what begins later takes minutes
    watched.engine.destroy(data)
    assert logs.describe_log_groups()["logGroups"] == []
    aws.control("pace", 0)
    (group,) = eventually(lambda: logs.describe_log_groups()["logGroups"])
    arn = group["arn"].removesuffix(":*")
    assert (group["logGroupName"], "retentionInDays" in group) == (errors.path, False)
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    watched.engine.apply(data)
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"]["runbook:key"] == errors.key
    watched.engine.destroy(data)
    assert logs.describe_log_groups()["logGroups"] == []


def test_a_tagged_log_group_of_somebody_else_is_left_alone(engine, aws):
    aws.client("logs").create_log_group(logGroupName=errors.path, tags={"team": "other"})
    with pytest.raises(NotOwned):
        engine.apply(Stack("s", it=errors))
    assert [change.action for change in engine.plan(Stack("s", it=errors)).todo] == [Action.BLOCKED]


def _log_group(aws):
    aws.client("logs").create_log_group(logGroupName="/runbook/test/flow-logs")


def _secret(aws):
    aws.client("secretsmanager").create_secret(Name="test/web/session", SecretString="x")


def _role(aws):
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws.client("iam").create_role(RoleName=f"test-{ROLE.name}", AssumeRolePolicyDocument=document)


def _profile(aws):
    aws.client("iam").create_instance_profile(InstanceProfileName=f"test-{PROFILE.name}")


@pytest.mark.parametrize(
    ("resource", "make", "name"),
    [
        (FLOW_LOGS, _log_group, "/runbook/test/flow-logs"),
        (RandomSecret(name="web/session", random="key"), _secret, "test/web/session"),
        (ROLE, _role, f"test-{ROLE.name}"),
        (PROFILE, _profile, f"test-{PROFILE.name}"),
    ],
)
def test_what_is_not_ours_is_named_as_aws_names_it(engine, aws, resource, make, name):
    """Also a role or profile outside of our path: names are unique in the account."""
    make(aws)
    (change,) = engine.plan(Stack("s", it=resource)).todo
    assert change.action is Action.BLOCKED
    assert f"the name {name} is taken" in change.reason
    with pytest.raises(NotOwned, match=f"the name {name} is taken"):
        engine.apply(Stack("s", it=resource))
