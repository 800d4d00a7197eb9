"""What AWS removes late keeps subnets, groups and the internet gateway: they wait for it, and say what it is."""

from types import SimpleNamespace

import pytest

from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.errors import RequestRejected
from runbook_lib.stacks.stack import Stack, in_order
from tests.resources.cases_network import CASES

GATEWAY, SUBNET, GROUP = (CASES[name][0] for name in ("internet gateway", "subnet", "security group"))


@pytest.fixture
def time():
    """The engine's own time, and what happens in it."""
    return SimpleNamespace(now=0.0, later=[])


@pytest.fixture
def engine(door, journal, time):
    def sleep(seconds):
        time.now += seconds
        for moment, action in [due for due in time.later if due[0] <= time.now]:
            time.later.remove((moment, action))
            action()

    return Engine(door, journal, clock=Clock(now=lambda: time.now, sleep=sleep))


@pytest.fixture
def interface(engine, aws):
    """A load balancer's, with a public address, in the subnet and the group; a function removes it."""
    ec2, everything = aws.client("ec2"), Stack("s", all=in_order([GATEWAY, SUBNET, GROUP]))
    engine.apply(everything)
    ids = {resource: seen.id for resource, seen in engine.survey(everything, refresh=True).items()}
    made = ec2.create_network_interface(
        SubnetId=ids[SUBNET], Groups=[ids[GROUP]], Description="ELB app/test-web/0a1b2c3d4e5f6071"
    )["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    mapped = ec2.associate_address(AllocationId=address, NetworkInterfaceId=made)["AssociationId"]

    def remove():
        ec2.disassociate_address(AssociationId=mapped)
        ec2.delete_network_interface(NetworkInterfaceId=made)

    return SimpleNamespace(id=made, remove=remove)


@pytest.mark.parametrize(
    "resource", [GATEWAY, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in (SUBNET, GROUP))]
)
def test_it_waits_until_aws_has_removed_the_interfaces(engine, time, interface, resource):
    """Up to twenty minutes after the load balancer is gone; meanwhile it says for what."""
    heard = set()
    time.later.append((time.now + 1100, interface.remove))
    engine.destroy(Stack("s", it=resource), on_progress=lambda which, status, seconds: heard.add(status))
    assert f"still in use by {interface.id} (ELB app/test-web/0a1b2c3d4e5f6071)" in heard
    assert time.now >= 1100


@pytest.mark.exhaustive
def test_an_interface_that_stays_is_named(engine, interface):
    with pytest.raises(RequestRejected, match=rf"still used by {interface.id} \(ELB app/test-web") as caught:
        engine.destroy(Stack("s", it=SUBNET))
    assert "destroy again later" in caught.value.fix
