"""One emulator for the tests of a worker, with an empty account for each."""

import pytest

from embedded_aws.testing import eventually
from servers.mysql.simulation import PATIENCE, Simulation
from tests.support.programs import require

PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """The emulator, as the last test left it; at the end no server is left."""
    require(*PROGRAMS)
    made = Simulation(tmp_path_factory.mktemp("rehearsal"))
    try:
        yield made.start()
    finally:
        made.stop()
        assert not made.servers()


@pytest.fixture
def simulation(shared):
    """The emulator without databases, servers and files."""
    for closed in shared.root.glob("closed-*"):
        closed.unlink()
    shared.aws.reset()
    eventually(lambda: not shared.servers() and not shared.files(), PATIENCE)
    return shared


@pytest.fixture
def own(tmp_path):
    """An emulator that a test can stop or kill."""
    require(*PROGRAMS)
    made = Simulation(tmp_path)
    try:
        yield made.start()
    finally:
        made.stop()
        for left in made.servers():
            left.kill()
