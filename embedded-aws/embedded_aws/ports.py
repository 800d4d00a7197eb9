"""Ports of this machine for what is to be found again where it was, after a restart, too."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

ADDRESS = "127.0.0.1"

# Below the ranges from which Linux and macOS take the ports of outgoing connections:
# a port found free stays free until somebody listens on it, and from one start to the next.
PORTS = range(20000, 32000)


def free(before: int = 0, start: int | None = None) -> Iterator[int]:
    """Free ports: the one of the last time, if there was one, then those of our range.

    Args:
        start: Where in the range to begin; without it anywhere, so that two that look at once do not meet.
    """
    begin = random.randrange(len(PORTS)) if start is None else start
    for port in (*([before] if before else []), *PORTS[begin % len(PORTS) :], *PORTS[: begin % len(PORTS)]):
        if is_free(port):
            yield port


def listen(before: int = 0) -> socket.socket:
    """A socket that listens on the port of the last time, or on another one.

    Raises:
        OSError: All ports are taken.
    """
    for port in free(before):
        try:
            return socket.create_server((ADDRESS, port))
        except OSError:  # somebody was quicker
            continue
    raise OSError("no free port")


def is_free(port: int) -> bool:
    """Whether nobody listens on a port, and one may."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: one just ended does not count
        try:
            probe.bind((ADDRESS, port))
        except (OSError, OverflowError):
            return False
    with socket.socket() as probe:  # macOS lets a second one bind beside one that listens on all addresses
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) != 0
