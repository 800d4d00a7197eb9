"""The processes of an instance's units, which a control group holds on a server: here each has a mark."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress

import psutil

from embedded_aws.process_registry import OWNER_VARIABLE, REGISTRY_VARIABLE


class UnitProcesses:
    """The processes of one instance by the unit that started them, directly or not.

    Args:
        instance: Its id.
        registry: The mark of its embedded AWS: another one on this machine may have the same id.
    """

    def __init__(self, instance: str, registry: str) -> None:
        self._instance, self._registry = instance, registry

    def owner(self, name: str) -> str:
        """The mark of a unit's processes."""
        return f"{self._instance} {name}"

    def of(self, name: str) -> list[psutil.Process]:
        """All running processes of a unit."""
        return [process for process, owner in self._marked() if owner == self.owner(name)]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to all processes of a unit."""
        for process in self.of(name):
            with suppress(psutil.Error):
                process.send_signal(number)

    def unit_of(self, pid: int) -> str:
        """The unit that a process belongs to; empty for none."""
        owners = (owner for process, owner in self._marked() if process.pid == pid)
        return next(owners, "").partition(" ")[2]

    def listeners(self) -> list[tuple[int, psutil.Process]]:
        """The ports on which processes of this instance listen, and the processes."""
        found = []
        for process, _ in self._marked():
            with suppress(psutil.Error, OSError):
                connections = process.net_connections("tcp")
                ports = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
                found += [(port, process) for port in sorted(ports)]
        return found

    def _marked(self) -> Iterator[tuple[psutil.Process, str]]:
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                environment = process.environ()
                owner = environment.get(OWNER_VARIABLE, "")
                ours = (environment.get(REGISTRY_VARIABLE), owner.partition(" ")[0]) == (self._registry, self._instance)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    yield process, owner
