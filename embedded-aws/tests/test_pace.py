"""The pace of an account: AWS's durations are carried as data, and what is on its way goes on after a restart."""

import pytest

from embedded_aws import pace
from embedded_aws.client import process
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import LocalAws, eventually
from services.network import Network


@pytest.fixture
def present():
    """What a test sets is set back."""
    before = pace.current_factor()
    yield pace.set_factor
    pace.set_factor(before)


def test_durations_are_those_of_aws_times_the_factor(present):
    present(1)
    assert (pace.duration("nat_gateway"), pace.duration("nat_gateway", "delete")) == (110, 50)
    present(0.02)
    assert pace.duration("db_instance") == pytest.approx(5.7)
    present(0)
    assert pace.duration("db_instance") == 0


def test_what_was_hurried_once_is_over(present):
    """A slower pace afterwards holds for what begins after it."""
    present(1)
    before = pace.instant_until()
    present(0.5)
    assert pace.instant_until() == before
    present(0)
    present(1)
    assert pace.instant_until() > before


def test_a_pace_is_forgotten_with_the_account(tmp_path):
    """Then everything is as at the first start: at once."""
    folder = StateFolder(tmp_path)
    folder.create()
    folder.write_pace(0.02)
    assert folder.read_pace() == 0.02
    process.forget(tmp_path)
    assert folder.read_pace() == 0


def test_what_is_on_its_way_goes_on_after_a_restart(tmp_path):
    """With the pace that was set, and nothing is ready before its time."""

    def started():
        return LocalAws(tmp_path, process.ensure(tmp_path).connection)

    try:
        aws = started()
        network = Network(aws)
        address = network.address()
        process.ensure(tmp_path, 1.0)
        nat, _ = network.nat_gateway(AllocationId=address)
        process.stop(tmp_path)
        assert StateFolder(tmp_path).read_pace() == 1
        aws = started()
        ec2 = aws.client("ec2")

        def state():
            return ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"]

        assert state() == "pending"
        aws.control("pace", 0)
        eventually(lambda: state() == "available")
    finally:
        process.stop(tmp_path)
