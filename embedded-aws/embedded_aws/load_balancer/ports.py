"""Local ports for the listeners' ports; they are saved, so that an address stays valid."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path
from threading import Lock

from embedded_aws.files import write_atomically
from embedded_aws.ports import ADDRESS

# Below the ranges that systems take ports for outgoing connections from: 443 becomes 10443, 11443, ...
OFFSETS = range(10_000, 20_000, 1000)

log = logging.getLogger(__name__)


class ListenerPorts:
    """The local ports, in a file of the load balancers' folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ports.json"
        self._lock = Lock()  # ports are bound in the proxy's loop, and reserved by any thread
        try:
            self._ports: dict[str, int] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            self._ports = {}

    def bind(self, balancer: str, port: int) -> socket.socket:
        """Return a listening socket for a listener: on its last port, on a similar one, or on any.

        Raises:
            OSError: No port is free.
        """
        name = f"{balancer}:{port}"
        with self._lock:
            for candidate in (self._ports.get(name), *[port + offset for offset in OFFSETS], 0):
                if candidate is None or candidate > 65_535 or candidate in self._ports_of_others(name):
                    continue
                try:
                    bound = socket.create_server((ADDRESS, candidate), backlog=256)
                except OSError:
                    log.info("port %s is taken", candidate)
                    continue
                self._save(name, bound.getsockname()[1])
                return bound
            raise OSError("no free port")

    def reserve(self, balancer: str, port: int) -> int:
        """Return the local port that a listener will get, unless another process takes it first."""
        if (reserved := self._ports.get(f"{balancer}:{port}")) is not None:
            return reserved
        with self.bind(balancer, port) as bound:
            return int(bound.getsockname()[1])

    def _ports_of_others(self, name: str) -> set[int]:
        return {port for other, port in self._ports.items() if other != name}

    def _save(self, name: str, port: int) -> None:
        if self._ports.get(name) != port:
            self._ports[name] = port
            write_atomically(self._file, json.dumps(self._ports, indent=2) + "\n")
