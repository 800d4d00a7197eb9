"""What AWS itself made under our name is ours; what somebody else made is not, and is named as AWS names it."""

import json

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.errors import NotOwned
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_compute import CASES as COMPUTE
from tests.resources.cases_data import errors
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


def test_a_tagged_log_group_of_somebody_else_is_left_alone(engine, aws):
    aws.client("logs").create_log_group(logGroupName=errors.path, tags={"team": "other"})
    with pytest.raises(NotOwned):
        engine.plan(Stack("s", it=errors))


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
    with pytest.raises(NotOwned, match=f"the name {name} is taken"):
        engine.plan(Stack("s", it=resource))
