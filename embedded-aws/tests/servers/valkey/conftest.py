"""One emulator for the tests of a worker, with an empty account for each."""

import pytest

from embedded_aws.testing import eventually
from servers.valkey.simulation import PATIENCE, Simulation
from tests.support.programs import require


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The emulator, as the last test left it; at the end no server is left."""
    require("valkey-server")
    made = Simulation(tmp_path_factory.mktemp("rehearsal of caches"))
    try:
        yield made
    finally:
        made.stop()
        assert not made.servers()


@pytest.fixture
def simulation(shared):
    """The emulator without caches, servers and files."""
    shared.aws.control("empty")
    eventually(lambda: not shared.servers() and not shared.files(), PATIENCE)
    yield shared
    for left in (*shared.root.glob("closed-*"), *shared.root.glob("path")):
        left.unlink()
        shared.aws.control("again")
