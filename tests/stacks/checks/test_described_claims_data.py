"""Claim 2, of the database's subnets, proved from what AWS would describe."""

import pytest

from runbook_lib.stacks.checks.claims_of_data import private_database
from tests.stacks.checks.described_site import ANYONE, Site, route, told

PRIVATE = ["subnet-private-a", "subnet-private-b"]


@pytest.fixture
def site():
    return Site()


def test_a_database_in_private_subnets(site):
    finding = private_database(site.account())
    assert told(finding) == ("pass", ["local-database is in 2 private subnets"])
    assert finding.looked_at == ("local-database", *PRIVATE)


def test_no_database(site):
    site.database = None
    finding = private_database(site.account())
    assert told(finding) == ("fail", ["there is no database"])
    assert finding.looked_at == ()


def test_each_subnet_of_the_group_counts(site):
    """One that is public, one of another VPC, and one that became public by a route of its table."""
    subnets = ["subnet-elsewhere", "subnet-public-a", *PRIVATE, "subnet-public-b"]
    site.database["DBSubnetGroup"] = {"Subnets": [{"SubnetIdentifier": own} for own in subnets]}
    finding = private_database(site.account())
    assert told(finding) == ("fail", [
        "subnet-elsewhere of its subnet group is not in the environment's VPC",
        "subnet-public-a of its subnet group is public",
        "subnet-public-b of its subnet group is public",
    ])  # fmt: skip
    assert finding.looked_at == ("local-database", *subnets)
    site.routes["rtb-private"][1] = route(ANYONE, "igw-1")
    _, why = told(private_database(site.account()))
    assert why[1:] == [f"{own} of its subnet group is public" for own in subnets[1:]]


def test_a_public_address(site):
    site.database["PubliclyAccessible"] = True
    assert told(private_database(site.account())) == ("fail", ["local-database is publicly accessible"])


def test_what_rds_leaves_out(site):
    """Where it does not say in which subnets the database is, nothing is proved."""
    site.database = {"DBInstanceIdentifier": "local-database"}
    assert told(private_database(site.account())) == ("fail", ["RDS names no subnet of local-database"])
