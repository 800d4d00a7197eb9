"""Ports that are to be the same after a restart lie where nobody takes one by chance."""

import socket
from itertools import islice

from embedded_aws.ports import PORTS, find_free, is_free, listen


def test_the_port_of_the_last_time_comes_first():
    """As long as nobody else has it."""
    with listen() as first:
        port = first.getsockname()[1]
        assert not is_free(port)
        with listen(port) as second:
            assert second.getsockname()[1] != port
    with listen(port) as again:
        assert again.getsockname()[1] == port


def test_they_lie_below_those_of_outgoing_connections():
    """No browser and no client gets one by chance, between two starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        by_chance = other.getsockname()[1]
    with listen() as found:
        assert found.getsockname()[1] in PORTS
        assert by_chance not in PORTS


def test_two_that_look_at_once_do_not_meet():
    """Each begins anywhere, unless it is told where; a number that is no port harms nobody."""
    begins = {next(find_free()) for _ in range(8)}
    assert len(begins) > 1
    assert list(islice(find_free(99_999, start=len(PORTS) - 1), 2)) == list(islice(find_free(start=len(PORTS) - 1), 2))


def test_the_embedded_aws_has_one_of_them(aws_server):
    """What a shell was told by `runbook local env` is right after the next start, too."""
    assert aws_server.address.port in PORTS
