"""How many addresses of a subnet a plan needs."""

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.engine.preflight.addresses import check_addresses
from runbook_lib.engine.preflight.row import FAILED, PASSED
from runbook_lib.stacks.environment import whole
from tests.engine.preflight.answers import Answers, changes, params

SMALL = {
    "us-west-2a": {"public": "10.20.0.0/28", "private": "10.20.128.0/28"},
    "us-west-2b": {"public": "10.20.16.0/28", "private": "10.20.144.0/28"},
}


def planned(resources, action=Action.CREATE, **answers):
    """Of each subnet the finding, by the subnet's name."""
    found = check_addresses(Answers(**answers), changes(resources, action))
    return {row.name.partition("addresses: subnet.")[2]: row for row in found}


def placed(kind, **sections):
    """How many addresses the resources of one class take in each subnet."""
    resources = [each for each in whole(params(**sections)) if type(each).__name__ == kind]
    assert resources
    return {name: int(row.finding.split(", ")[1].split()[0]) for name, row in planned(resources).items()}


A, B = "us-west-2a", "us-west-2b"


@pytest.mark.parametrize(
    ("kind", "addresses", "sections"),
    [
        ("NatGateway", {f"public-{A}": 1}, {}),
        ("NatGateway", {f"public-{A}": 1, f"public-{B}": 1}, {"network": {"nat": "per_zone"}}),
        ("Instance", {f"public-{A}": 1}, {}),
        ("LoadBalancer", {f"public-{A}": 8, f"public-{B}": 8}, {}),
        ("AutoScalingGroup", {f"private-{A}": 3, f"private-{B}": 3}, {"compute": {"max_per_zone": 3}}),
        ("DbInstance", {f"private-{A}": 1, f"private-{B}": 1}, {}),
        (
            "CacheReplicationGroup",
            {f"private-{A}": 1, f"private-{B}": 1},
            {"data": {"sessions": {"store": "elasticache", "replicas": 1}}},
        ),
        (
            "CacheReplicationGroup",
            {f"private-{A}": 2, f"private-{B}": 2},
            {"data": {"sessions": {"store": "elasticache", "replicas": 2}}},
        ),
        (
            "CacheReplicationGroup",
            {f"private-{A}": 2, f"private-{B}": 2},
            {"data": {"sessions": {"store": "elasticache", "replicas": 3}}},
        ),
    ],
)
def test_each_kind_takes_its_share(kind, addresses, sections):
    """Of a load balancer what AWS asks for; of a database in all its subnets, since it may fail over to any."""
    assert placed(kind, **sections) == addresses


def test_what_is_not_created_takes_none():
    for action in Action:
        assert bool(planned(whole(params()), action)) is (action is Action.CREATE)


def test_a_subnet_that_is_to_be_made_has_all_but_five():
    """https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""
    wanted = params(network={"zones": SMALL}, compute={"max_per_zone": 10})
    row = planned(whole(wanted))[f"private-{A}"]
    assert (row.result, row.finding, row.fix) == (PASSED, "11 free in 10.20.128.0/28, 11 planned", "")
    row = planned(whole(params(network={"zones": SMALL}, compute={"max_per_zone": 11})))[f"private-{B}"]
    assert (row.result, row.finding) == (FAILED, "11 free in 10.20.144.0/28, 12 planned")
    assert row.fix == "Free some by deleting what nobody uses; AWS cannot make a subnet larger."


def test_a_subnet_that_is_there_says_itself_how_many_are_free():
    subnets = [
        {"AvailableIpAddressCount": free, "Tags": [{"Key": "runbook:key", "Value": f"subnet.{name}"}]}
        for name, free in ((f"public-{B}", 7), (f"public-{A}", 20), (f"private-{B}", 1))
    ]
    found = planned(whole(params()), describe_subnets=subnets)
    assert {name: row.finding.split(" in ")[0] for name, row in found.items()} == {
        f"public-{A}": "20 free", f"public-{B}": "7 free", f"private-{A}": "4091 free", f"private-{B}": "1 free",
    }  # fmt: skip
