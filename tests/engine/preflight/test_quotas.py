"""What changes take of a quota, and what a row says of it."""

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.engine.preflight.quotas import VCPUS, check_quotas, count_demands
from runbook_lib.engine.preflight.row import FAILED, NOT_ASKED, PASSED
from runbook_lib.engine.preflight.usage import COUNTS
from runbook_lib.resources.auto_scaling_group import AutoScalingGroup
from runbook_lib.resources.instance import Instance
from runbook_lib.resources.vpc import Vpc
from runbook_lib.stacks.compute import compute
from runbook_lib.stacks.environment import whole
from runbook_lib.stacks.network import network
from tests.engine.preflight.answers import Answers, changes, params
from tests.support.stack_runs import PARAMS

STANDARD = "quota: vCPUs of standard instances on demand"


def test_each_resource_to_create_takes_its_share():
    """The rules of each group, and the gateways of each zone, for themselves."""
    demands = {(quota.name, where): count for (quota, where), count in count_demands(changes(whole(PARAMS))).items()}
    rules = {where: count for (name, where), count in demands.items() if name.startswith("inbound")}
    rest = {key: count for key, count in demands.items() if key[1] not in rules}
    assert rest == {
        ("VPCs", ""): 1, ("internet gateways", ""): 1, ("Elastic IP addresses", ""): 1, ("security groups", ""): 4,
        ("NAT gateways in {}", "us-west-2a"): 1, ("application load balancers", ""): 1, ("target groups", ""): 1,
        ("DB instances", ""): 1, ("storage of DB instances", ""): PARAMS.data.storage_gb,
    }  # fmt: skip
    assert {key: count for key, count in rules.items() if key != "security_group.alb"} == {
        "security_group.bastion": 1, "security_group.web": 2, "security_group.db": 1,
    }  # fmt: skip


def test_each_quota_is_asked_for_by_its_codes():
    """https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html links those of each service."""
    found = {quota.name: (quota.service, quota.code, quota.unit) for quota, _ in count_demands(changes(whole(PARAMS)))}
    assert found == {
        "VPCs": ("vpc", "L-F678F1CE", ""), "internet gateways": ("vpc", "L-A4707A72", ""),
        "NAT gateways in {}": ("vpc", "L-FE5A380F", ""), "security groups": ("vpc", "L-E79EC296", ""),
        "inbound rules of {}": ("vpc", "L-0EA8095F", ""), "Elastic IP addresses": ("ec2", "L-0263D0A3", ""),
        "application load balancers": ("elasticloadbalancing", "L-53DA6B97", ""),
        "target groups": ("elasticloadbalancing", "L-B22855CB", ""), "DB instances": ("rds", "L-7B6409FD", ""),
        "storage of DB instances": ("rds", "L-7ADDB58A", " GB"),
    }  # fmt: skip
    assert {quota.code for quota, _ in count_demands(changes(whole(PARAMS)))} == set(COUNTS)


@pytest.mark.parametrize("action", [each for each in Action if each is not Action.CREATE])
def test_what_is_not_created_takes_nothing(action):
    assert not count_demands(changes(whole(PARAMS), action))
    assert [*check_quotas(Answers(), changes(whole(PARAMS), action))] == []


def rows(resources, *, limit=100, used=(), action=Action.CREATE, **fields):
    types = [{"InstanceType": name, "VCpuInfo": {"DefaultVCpus": count}} for name, count in
             (("t4g.small", 2), ("t4g.nano", 2), ("m5.large", 2), ("p3.2xlarge", 8))]  # fmt: skip
    account = Answers(
        describe_instance_types=types, get_service_quota={"Quota": {"Value": limit}}, describe_vpcs=[*used],
    )  # fmt: skip
    return {row.name: row for row in check_quotas(account, changes(resources, action, **fields))}


def of_kind(kind, **sections):
    return [*compute(params(**sections)).every(kind)]


def test_up_to_the_quota_there_is_room():
    vpc = [*network(PARAMS).every(Vpc)]
    row = rows(vpc, limit=5, used=range(4))["quota: VPCs"]
    assert (row.result, row.finding, row.fix) == (PASSED, "4 in use, 1 more planned, the quota is 5", "")
    row = rows(vpc, limit=5, used=range(5))["quota: VPCs"]
    assert (row.result, row.finding) == (FAILED, "5 in use, 1 more planned, the quota is 5")
    assert row.fix == (
        "Request a higher quota: aws service-quotas request-service-quota-increase --service-code vpc "
        "--quota-code L-F678F1CE --desired-value 6. Or delete what nobody uses."
    )


def test_a_quota_that_nobody_knows_stops_nothing():
    account = Answers()
    (row,) = check_quotas(account, changes(network(PARAMS).every(Vpc)))
    assert (row.name, row.result) == ("quota: VPCs", NOT_ASKED)
    assert row.finding == "Service Quotas does not know L-F678F1CE of vpc"
    code = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    assert account.requests("get_service_quota") == account.requests("get_aws_default_service_quota") == [code]


def test_the_default_counts_where_none_was_ever_set():
    account = Answers(get_aws_default_service_quota={"Quota": {"Value": 5.0}})
    (row,) = check_quotas(account, changes(network(PARAMS).every(Vpc)))
    assert row.finding.endswith("the quota is 5")


def test_servers_count_at_their_most_and_with_all_types_of_the_quota():
    two = of_kind(Instance) + of_kind(AutoScalingGroup, compute={"max_per_zone": 3})
    found = rows(two)
    assert [*found] == [STANDARD]
    assert found[STANDARD].finding.startswith("0 in use, 14 more planned")  # six servers and the bastion, of two each
    other = of_kind(AutoScalingGroup, compute={"instance_type": "p3.2xlarge"})
    assert [*rows(of_kind(Instance) + other)] == [STANDARD, "quota: vCPUs of P instances on demand"]


@pytest.mark.parametrize(
    ("before", "more"), [(1, "6 more planned"), (3, "2 more planned"), (4, ""), (9, ""), (None, "8 more planned")]
)
def test_a_group_that_may_grow_takes_what_it_may_grow_by(before, more):
    found = rows(of_kind(AutoScalingGroup), action=Action.UPDATE, most=(before, 4))
    assert [row.finding.split(", ")[1] for row in found.values()] == ([more] if more else [])


def test_another_change_of_a_group_takes_nothing():
    assert rows(of_kind(AutoScalingGroup), action=Action.UPDATE, least=(1, 2)) == {}
    assert rows(of_kind(Instance), action=Action.UPDATE, most=(1, 2)) == {}


def test_a_family_without_a_known_quota_is_told():
    found = rows(of_kind(AutoScalingGroup, compute={"instance_type": "mac2.metal"}))
    row = found["quota: vCPUs of mac2.metal"]
    assert (row.result, row.finding) == (NOT_ASKED, "no quota is known for the family mac")


@pytest.mark.parametrize(
    ("code", "name", "families"),
    [
        ("L-1216C47A", "standard", "a c d h i im is m r t z"), ("L-74FC7D96", "F", "f"),
        ("L-DB2E81BA", "G and VT", "g gr vt"), ("L-417A185B", "P", "p"), ("L-7295265B", "X", "x"),
        ("L-1945791B", "Inf", "inf"),
    ],
)  # fmt: skip
def test_each_family_has_its_quota(code, name, families):
    """https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html"""
    assert {family for family, quota in VCPUS.items() if quota.code == code} == set(families.split())
    assert all(VCPUS[family].name == f"vCPUs of {name} instances on demand" for family in families.split())
    assert all(VCPUS[family].service == "ec2" for family in families.split())
