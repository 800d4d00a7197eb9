"""Fixtures for the tests of the services."""

import pytest

from services.load_balancer import LoadBalancer


@pytest.fixture
def balancer(network):
    """A load balancer over the network, with a target group but no listener."""
    return LoadBalancer(network)
