"""An address is released when its NAT gateway is gone, which EC2 may hear of a little later."""

import time

import pytest

from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.resources.elastic_ip import ElasticIp
from runbook_lib.resources.internet_gateway import InternetGateway
from runbook_lib.resources.nat_gateway import NatGateway
from runbook_lib.resources.subnet import Subnet
from runbook_lib.resources.vpc import Vpc
from runbook_lib.stacks.stack import Stack

FACTOR = 0.1  # of the 50 seconds of a deletion, and of the 5 for which EC2 refuses the release after it

STILL_MAPPED = {
    "service": "ec2",
    "operation": "ReleaseAddress",
    "kind": "refuse",
    "code": "AuthFailure",
    "message": "You do not have permission to access the specified resource.",
    "times": 1,
}


def test_an_address_that_is_still_mapped_is_released_later(engine, aws):
    """AuthFailure is not about the credentials here, and the destroy goes on."""
    stack = Stack("address", address=ElasticIp(name="nat-a"))
    engine.apply(stack)
    aws.control("faults", STILL_MAPPED)
    plan = engine.destroy(stack)
    assert [change.action for change in plan.todo] == [Action.DELETE]
    assert aws.client("ec2").describe_addresses()["Addresses"] == []


@pytest.fixture
def network():
    """A NAT gateway with its address, and what it needs."""
    vpc = Vpc(name="main", cidr="10.20.0.0/16")
    internet = InternetGateway(name="main", vpc=vpc)
    subnet = Subnet(name="public", vpc=vpc, cidr="10.20.0.0/24", zone="us-west-2a")
    address = ElasticIp(name="nat-a")
    gateway = NatGateway(name="a", subnet=subnet, address=address, gateway=internet)
    return Stack("network", all=(vpc, internet, subnet, address, gateway))


def test_the_address_of_a_nat_gateway_goes_once_ec2_lets_it(aws, door, journal, calls, network):
    """The embedded EC2 refuses the release although the NAT gateway is deleted; the destroy tries again."""
    engine = Engine(door, journal, clock=Clock(sleep=lambda seconds: time.sleep(min(seconds, 0.02))))
    engine.apply(network)
    aws.control("pace", FACTOR)
    try:
        engine.destroy(network)
    finally:
        aws.control("pace", 0)
    errors = [call.error for call in calls if call.event == "call" and call.operation == "ReleaseAddress"]
    assert set(errors[:-1]) == {"AuthFailure"}
    assert errors[-1] is None
    assert aws.client("ec2").describe_addresses()["Addresses"] == []
