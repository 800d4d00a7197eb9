"""A new account lacks the roles of AWS's services; and what AWS refuses for good is not sent again."""

import time
from dataclasses import replace

import pytest

from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.errors import Blocked
from runbook_lib.resources.service_linked_role import linked_role_of_elasticache, linked_role_of_rds
from runbook_lib.stacks.stack import Stack, in_order

from . import cases_compute, cases_data, cases_network

FLOW_LOG, _ = cases_network.CASES["flow log"]
GROUP, _ = cases_compute.CASES["auto scaling group"]


@pytest.fixture
def pauses():
    """How long the engine slept, each time."""
    return []


@pytest.fixture
def engine(door, journal, pauses):
    """It does not really sleep, but time passes for it."""
    return Engine(
        door, journal, clock=Clock(now=lambda: time.monotonic() + sum(pauses), sleep=lambda s: pauses.append(s))
    )


@pytest.mark.parametrize(
    ("group", "role"),
    [
        (cases_data.subnet_group, linked_role_of_rds()),
        (cases_data.cache_subnet_group, linked_role_of_elasticache()),
    ],
)
def test_a_new_account_gets_the_role_before_the_subnet_group(engine, aws, calls, group, role):
    """RDS and ElastiCache refuse the subnet group without it. A destroy leaves it: others may use it."""
    whole = Stack("s", all=in_order([group]))
    engine.apply(whole)
    assert [c.operation for c in calls if c.write and c.error] == []
    assert engine.plan(whole, refresh=True).todo == ()
    engine.destroy(whole)
    aws.client("iam").get_role(RoleName=role.role)
    engine.apply(whole)
    assert [c.operation for c in calls].count("CreateServiceLinkedRole") == 1


def test_a_role_that_somebody_else_creates_at_the_same_time_is_used(engine, aws, monkeypatch):
    role, create = linked_role_of_rds(), type(linked_role_of_rds()).create

    def late(self, door, ids):
        aws.client("iam").create_service_linked_role(AWSServiceName=self.service)
        create(self, door, ids)

    monkeypatch.setattr(type(role), "create", late)
    engine.apply(Stack("s", it=role))
    assert engine.plan(Stack("s", it=role), refresh=True).todo == ()


EVENTUAL = [
    (
        cases_data.subnet_group,
        "InvalidParameterValue",
        "Missing necessary credentials. Please check http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"
        "UsingWithRDS.IAM.ServiceLinkedRoles.html",
    ),
    (cases_data.subnet_group, "InvalidParameterValue", "Some input subnets in :[subnet-0a1b2c3d] are invalid."),
    (
        cases_data.subnet_group,
        "DBSubnetGroupDoesNotCoverEnoughAZs",
        "DB Subnet Group doesn't meet availability zone coverage requirement. Please add subnets to cover at least 2"
        " availability zones. Current coverage: 1",
    ),
    (
        cases_data.cache_subnet_group,
        "ServiceLinkedRoleNotFoundFault",
        "This action cannot be completed due to insufficient permissions.",
    ),
    (
        cases_data.database,
        "InvalidParameterValue",
        "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING",
    ),
    (
        cases_data.database,
        "InvalidParameterValue",
        "Unable to create the resource. Verify that you have permission to create service linked role. Otherwise wait"
        " and try again later",
    ),
    (
        FLOW_LOG,
        "InvalidParameter",
        "Unable to assume given IAM role: 'arn:aws:iam::123456789012:role/flow-logs'",
    ),
    (
        GROUP,
        "ValidationError",
        "You must use a valid fully-formed launch template. Value (x) for parameter iamInstanceProfile.name is"
        " invalid. Invalid IAM Instance Profile name",
    ),
]
MISTAKES = [
    (cases_data.subnet_group, "InvalidParameterValue", "The parameter DBSubnetGroupName is not a valid identifier."),
    (cases_data.cache_subnet_group, "InvalidParameterValue", "The parameter CacheSubnetGroupName is not valid."),
    (cases_data.database, "InvalidParameterValue", "Invalid DB Instance class: db.zz9.foo"),
    (FLOW_LOG, "InvalidParameter", "LogGroupName and LogDestination cannot be specified together."),
    (
        GROUP,
        "ValidationError",
        "Max bound, 1, must be greater than or equal to min bound, 2",
    ),
]


@pytest.mark.parametrize(
    ("resource", "code", "message", "eventual"), [(*e, True) for e in EVENTUAL] + [(*m, False) for m in MISTAKES]
)
def test_a_code_that_means_two_things_is_told_apart_by_aws_words(resource, code, message, eventual):
    """The messages are AWS's own; the sources are beside each kind's ``eventual_errors``."""
    assert resource.is_eventual(code, message) is eventual


def test_a_wrong_instance_class_is_reported_at_once(engine, pauses):
    """RDS has the same code for it as for a role that it does not know yet, so it is asked before."""
    engine.apply(Stack("grounds", all=in_order([cases_data.database])[:-1]))
    pauses.clear()
    wrong = replace(cases_data.database, instance_class="db.zz9.foo")
    with pytest.raises(Blocked, match=r"db_instance\.database: RDS does not offer db\.zz9\.foo"):
        engine.apply(Stack("s", it=wrong))
    assert pauses == []
