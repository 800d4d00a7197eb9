"""A private server is started on a port that is free, waited for, and leaves no process and no password."""

import pytest

from embedded_aws.servers.server import ServerFailed, end_leftover
from servers.fake import ANSWERS, PORT_TAKEN, SILENT


def test_a_port_that_somebody_took_is_not_the_end(server):
    """It is tried again on another."""
    server.run(PORT_TAKEN, ANSWERS)
    assert server.running
    assert server.port == server.ports[-1]
    assert len(server.ports) == 2


def test_it_is_not_tried_for_ever(server):
    """And whatever else is wrong is told at once, in the server's own words."""
    with pytest.raises(ServerFailed, match="the server ended: the address is already in use"):
        server.run(*[PORT_TAKEN] * 4)
    assert len(server.ports) == 3
    with pytest.raises(ServerFailed, match="the server ended: no room"):
        server.run("print('no room')", ANSWERS)
    assert len(server.ports) == 4


def test_nobody_waits_for_what_is_given_up(server):
    """Its process ends, and the file of its password goes."""
    server.cancelled.set()
    with pytest.raises(ServerFailed, match="nobody waits"):
        server.run(SILENT)
    assert not server.running
    assert not {"password", "process.json"} & {file.name for file in server.folder.iterdir()}


def test_what_a_killed_emulator_left_is_ended(server):
    """Two servers on one folder would write over each other."""
    server.run(ANSWERS)
    assert server.running
    end_leftover(server.folder)
    assert not server.running
