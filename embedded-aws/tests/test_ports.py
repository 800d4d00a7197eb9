"""Ports that stay the same after a restart are outside of the range for outgoing connections."""

import socket
from itertools import islice

from embedded_aws.ports import PORTS, find_free, is_free, listen


def test_the_last_port_is_tried_first():
    with listen() as first:
        port = first.getsockname()[1]
        assert not is_free(port)
        with listen(port) as second:
            assert second.getsockname()[1] != port
    with listen(port) as again:
        assert again.getsockname()[1] == port


def test_ports_are_below_those_of_outgoing_connections():
    """So no client gets one between two starts."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        by_chance = other.getsockname()[1]
    with listen() as found:
        assert found.getsockname()[1] in PORTS
        assert by_chance not in PORTS


def test_searches_begin_at_different_ports():
    """Unless a start is given; an invalid last port is skipped."""
    begins = {next(find_free()) for _ in range(8)}
    assert len(begins) > 1
    assert list(islice(find_free(99_999, start=len(PORTS) - 1), 2)) == list(islice(find_free(start=len(PORTS) - 1), 2))


def test_the_embedded_aws_uses_such_a_port(aws_server):
    """So the output of `runbook local env` stays valid."""
    assert aws_server.address.port in PORTS
