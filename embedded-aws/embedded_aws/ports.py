"""Find free ports of this machine, the same ones after a restart."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

ADDRESS = "127.0.0.1"

# Below the ranges from which Linux and macOS take the ports of outgoing connections:
# a free port stays free until a server listens on it, also from one start to the next.
PORTS = range(20000, 32000)


def find_free(before: int = 0, start: int | None = None) -> Iterator[int]:
    """Yield free ports: first the one that was used before, if any, then those of our range.

    Args:
        start: Where in the range to begin; by default at random, so that two searches at once find different ports.
    """
    begin = random.randrange(len(PORTS)) if start is None else start
    for port in (*([before] if before else []), *PORTS[begin % len(PORTS) :], *PORTS[: begin % len(PORTS)]):
        if is_free(port):
            yield port


def listen(before: int = 0) -> socket.socket:
    """Return a socket that listens on the port that was used before, or on another one.

    Raises:
        OSError: All ports are taken.
    """
    for port in find_free(before):
        try:
            return socket.create_server((ADDRESS, port))
        except OSError:  # another process took it first
            continue
    raise OSError("no free port")


def is_free(port: int) -> bool:
    """Whether a server could listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind((ADDRESS, port))
        except (OSError, OverflowError):
            return False
    with socket.socket() as probe:  # macOS allows a second bind beside a server that listens on all addresses
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) != 0
