"""A private server starts on a free port, and leaves no process and no password."""

import pytest

from embedded_aws.servers.server import ServerFailed, end_leftover
from servers.fake import ANSWERS, PORT_TAKEN, SILENT


def test_a_start_is_retried_when_its_port_was_taken(server):
    """On another port."""
    server.run(PORT_TAKEN, ANSWERS)
    assert server.running
    assert server.port == server.ports[-1]
    assert len(server.ports) == 2


def test_a_start_fails_after_three_attempts(server):
    """Any other error fails it at once, with the server's log."""
    with pytest.raises(ServerFailed, match="the server ended: the address is already in use"):
        server.run(*[PORT_TAKEN] * 4)
    assert len(server.ports) == 3
    with pytest.raises(ServerFailed, match="the server ended: no room"):
        server.run("print('no room')", ANSWERS)
    assert len(server.ports) == 4


def test_a_start_can_be_cancelled(server):
    """Its process ends, and the file of its password is removed."""
    server.cancelled.set()
    with pytest.raises(ServerFailed, match="the start was cancelled"):
        server.run(SILENT)
    assert not server.running
    assert not {"password", "process.json"} & {file.name for file in server.folder.iterdir()}


def test_the_server_of_a_killed_emulator_is_ended(server):
    """Two servers in one folder would destroy each other's data."""
    server.run(ANSWERS)
    assert server.running
    end_leftover(server.folder)
    assert not server.running
