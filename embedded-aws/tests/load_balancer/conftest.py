"""Fixtures for tests of the load balancer."""

import pytest

from load_balancer.app import App
from load_balancer.site import Site, wired


@pytest.fixture(scope="session")
def wired_server(tmp_path_factory):
    """The one server with a load balancer of this test process."""
    with wired(tmp_path_factory.mktemp("balancer")) as server:
        yield server


@pytest.fixture
def site(wired_server):
    """A load balancer with its listeners in an empty account, but no instances."""
    wired_server.reset()
    return Site(wired_server)


@pytest.fixture
def app():
    """Return a function that starts an application; all end with the test."""
    made = []

    def make(name):
        made.append(App(name).start())
        return made[-1]

    yield make
    for found in made:
        found.stop()
