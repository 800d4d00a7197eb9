"""What the tests of the overlays stand on."""

import pytest

from services.balancer import Balancer
from services.network import Network
from services.web import Web


@pytest.fixture
def web(aws):
    """A network of two zones with a target group and a launch template, but no Auto Scaling group yet."""
    return Web(aws)


@pytest.fixture
def network(aws):
    """A VPC with two subnets, a security group and an internet gateway."""
    return Network(aws)


@pytest.fixture
def balancer(network):
    """A load balancer over the network, with a target group but no listener."""
    return Balancer(network)
