"""Which ports of this machine stand for the listeners' ports; they are kept, so that an address stays valid."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path
from threading import Lock

HOST = "127.0.0.1"

# Below the ranges that systems take ports for outgoing connections from: 443 becomes 10443, 11443, ...
UPWARDS = range(10_000, 20_000, 1000)

log = logging.getLogger(__name__)


class Ports:
    """The ports, in a file of the balancer's folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ports.json"
        self._guard = Lock()  # the proxy's loop binds, whoever asks for an address has it promised
        try:
            self._kept: dict[str, int] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            self._kept = {}

    def bind(self, balancer: str, port: int) -> socket.socket:
        """A listening socket: on the port of the last time, on a similar one, or on any."""
        name = f"{balancer}:{port}"
        with self._guard:
            for wanted in (self._kept.get(name), *[port + more for more in UPWARDS], 0):
                if wanted is None or wanted > 65_535 or wanted in self._others(name):
                    continue
                try:
                    found = socket.create_server((HOST, wanted), backlog=256)
                except OSError:
                    log.info("port %s is taken", wanted)
                    continue
                self._keep(name, found.getsockname()[1])
                return found
            raise OSError("no free port")

    def promised(self, balancer: str, port: int) -> int:
        """The port that will be listened on, if nobody else takes it until then."""
        if (kept := self._kept.get(f"{balancer}:{port}")) is not None:
            return kept
        with self.bind(balancer, port) as found:
            return int(found.getsockname()[1])

    def _others(self, name: str) -> set[int]:
        return {port for other, port in self._kept.items() if other != name}

    def _keep(self, name: str, port: int) -> None:
        if self._kept.get(name) != port:
            self._kept[name] = port
            draft = self._file.with_suffix(".new")
            draft.write_text(json.dumps(self._kept, indent=2) + "\n")
            draft.replace(self._file)
