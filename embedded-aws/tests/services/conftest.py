"""What the tests of the services share."""

import pytest

from services.balancer import Balancer


@pytest.fixture
def balancer(network):
    """A load balancer over the network, with a target group but no listener."""
    return Balancer(network)
