"""The pace: AWS's durations are data, and transitions continue after a restart."""

import pytest

from embedded_aws import pace
from embedded_aws.client import process
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import LocalAws, eventually
from services.network import Network


@pytest.fixture
def set_pace():
    """Set the pace; it is restored after the test."""
    before = pace.current_factor()
    yield pace.set_factor
    pace.set_factor(before)


def test_durations_are_those_of_aws_times_the_factor(set_pace):
    set_pace(1)
    assert (pace.duration("nat_gateway"), pace.duration("nat_gateway", "delete")) == (110, 50)
    set_pace(0.02)
    assert pace.duration("db_instance") == pytest.approx(5.7)
    set_pace(0)
    assert pace.duration("db_instance") == 0


def test_pace_0_completes_transitions(set_pace):
    """A slower pace applies to those that start after it."""
    set_pace(1)
    before = pace.instant_until()
    set_pace(0.5)
    assert pace.instant_until() == before
    set_pace(0)
    set_pace(1)
    assert pace.instant_until() > before


def test_the_pace_is_deleted_with_the_account(tmp_path):
    folder = StateFolder(tmp_path)
    folder.create()
    folder.write_pace(0.02)
    assert folder.read_pace() == 0.02
    process.forget(tmp_path)
    assert folder.read_pace() == 0


@pytest.mark.exhaustive
def test_transitions_continue_after_a_restart(tmp_path):
    """At the same pace; nothing completes early."""

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
