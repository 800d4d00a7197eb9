"""Private servers that follow the account: one for each database or cache, behind a port of its own."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from embedded_aws.event_loop import LoopThread
from embedded_aws.files import write_atomically
from embedded_aws.servers.ca import HOST, CertificateAuthority, system_roots
from embedded_aws.servers.port_forwarder import PortForwarder
from embedded_aws.servers.processes import ChildProcesses, StartProcess
from embedded_aws.servers.server import end_leftover
from embedded_aws.servers.supervisor import Supervisor


class InstalledPrograms(Protocol):
    """The programs of a server that are installed on this machine."""

    @property
    def title(self) -> str:
        """Name and version."""


Programs = TypeVar("Programs", bound=InstalledPrograms)
Kind = TypeVar("Kind", bound=Supervisor[Any, Any])


@dataclass(frozen=True)
class ServerStatus:
    """One server as `runbook local status` shows it."""

    name: str
    status: str
    endpoint: str
    what: str


@dataclass
class ManagedServer(Generic[Kind]):
    """The supervisor of a resource's server, and the forwarder in front of it."""

    supervisor: Kind
    forwarder: PortForwarder
    endpoint_version: int | None = None  # changes in the account when connections have to break
    taken_port: int = 0  # the earlier port, when another process has it now


class PrivateServers(ABC, Generic[Programs, Kind]):
    """Keeps the servers of this machine in line with a service's resources in the account.

    Args:
        lock: Held by every user of moto's backends; `tick` is called with it held.
        folder: For the servers' files.
        is_allowed: Whether the security groups let the application's hosts reach a resource.
        start_process: Starts a process, and adds it to the process registry.
        path: Where to look for programs; by default the environment's PATH.
        authority: Signs the servers' certificates; by default an authority in `folder`.
    """

    folder_name: ClassVar[str]  # of the folder that holds one folder for each server
    starting_state: ClassVar[str]  # what an available resource shows after a start, until its server is ready
    not_installed: ClassVar[str]  # the message where no server is installed

    def __init__(
        self,
        lock: RLock,
        folder: Path,
        is_allowed: Callable[[Any], bool] = lambda _: True,
        start_process: StartProcess | None = None,
        path: str | None = None,
        authority: CertificateAuthority | None = None,
    ) -> None:
        self._lock, self._folder, self._is_allowed = lock, folder.resolve(), is_allowed
        self._start_process = start_process or ChildProcesses().start
        self.programs = self._find_programs(path)
        self._server_folders = self._folder / self.folder_name
        for each in (self._folder, self._server_folders):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
            each.chmod(0o700)
        self.authority = authority or CertificateAuthority(self._folder / "authority")
        self._roots_file = self._folder / "roots.pem"
        self._servers: dict[str, ManagedServer[Kind]] = {}
        self._ending: list[Kind] = []
        self._known: set[str] = set()
        self._loop: LoopThread | None = None

    @abstractmethod
    def _find_programs(self, path: str | None) -> Programs | None:
        """Return the installed programs; None where there are none."""

    @abstractmethod
    def _resources(self) -> Mapping[str, Any]:
        """Return the account's resources that can be servers of this machine, by an id that is never used again."""

    @abstractmethod
    def _create_supervisor(self, folder: Path, resource: Any) -> Kind:
        """Create the supervisor of a new server."""

    @abstractmethod
    def _sync(self, identity: str, resource: Any) -> bool:
        """Pass a resource's desired state to its server, and the server's state to it; True when it changed."""

    @abstractmethod
    def _remove_server(self, supervisor: Kind, identity: str) -> None:
        """Remove the server of a resource that is no longer in the account."""

    def start(self) -> None:
        """Start the servers of the account without waiting for them; remove the files of all others."""
        write_atomically(self._roots_file, f"{system_roots()}\n{self.authority.pem()}")
        self._loop = LoopThread("forwarders")
        self._loop.start()
        with self._lock:
            resources = self._resources()
            known = {identity.lower() for identity in resources}
            for folder in self._server_folders.iterdir():
                end_leftover(folder)
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
            for resource in resources.values():
                if self.programs and resource.status == "available":
                    resource.status = self.starting_state
            self.tick()

    def stop(self) -> None:
        """End all servers; their data stays."""
        with self._lock:
            servers, self._servers = list(self._servers.values()), {}
            loop, self._loop = self._loop, None  # ticks do nothing from now on
        for server in servers:
            server.supervisor.stop()
        for supervisor in [*(server.supervisor for server in servers), *self._ending]:
            supervisor.join()
        for server in servers:
            server.forwarder.close()
        if loop:
            loop.stop()

    def tick(self) -> bool:
        """Bring servers and account in line; returns True when it changed the account."""
        if not self._loop:
            return False
        resources = self._resources()
        changed = any([self._sync(identity, resource) for identity, resource in resources.items()])
        for identity in {*self._known, *self._servers} - set(resources):
            self._release(identity)
        self._known = set(resources)
        self._ending = [supervisor for supervisor in self._ending if not supervisor.has_ended]
        return changed

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which a host's processes trust our authority."""
        return {"SSL_CERT_FILE": str(self._roots_file)} if self.programs else {}

    def _server_folder(self, identity: str) -> Path:
        folder = self._server_folders / identity.lower()
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _ensure_server(self, identity: str, resource: Any) -> ManagedServer[Kind]:
        """Return the server of a resource; a new one where there is none."""
        if identity not in self._servers:
            supervisor = self._create_supervisor(self._server_folder(identity), resource)
            before = self._last_port(identity)
            forwarder = self._create_forwarder(identity, supervisor)
            taken_port = before if before != forwarder.port else 0
            self._servers[identity] = ManagedServer(supervisor, forwarder, taken_port=taken_port)
        return self._servers[identity]

    def _create_forwarder(self, identity: str, supervisor: Kind) -> PortForwarder:
        """Forward from the port of the last start, so that the application's configuration stays valid."""
        assert self._loop
        forwarder = PortForwarder(self._loop, self._last_port(identity), lambda: supervisor.port)
        write_atomically(self._server_folder(identity) / "port", str(forwarder.port))
        return forwarder

    def _last_port(self, identity: str) -> int:
        file = self._server_folder(identity) / "port"
        text = file.read_text() if file.exists() else ""
        return int(text) if text.isdecimal() else 0

    def _release(self, identity: str) -> None:
        server = self._servers.pop(identity, None)
        if not server:
            shutil.rmtree(self._server_folder(identity), ignore_errors=True)
            return
        server.forwarder.close()
        self._remove_server(server.supervisor, identity)
        self._ending.append(server.supervisor)

    def _endpoint(self, identity: str) -> tuple[str, int] | None:
        """Return host and port for the application; None while there are none."""
        server = self._servers.get(identity)
        return (HOST, server.forwarder.port) if server else None

    def _status(self, name: str, status: str, identity: str) -> ServerStatus:
        server, endpoint, what = self._servers.get(identity), self._endpoint(identity), self.not_installed
        if self.programs:
            reason = server.supervisor.reason if server else ""
            what = reason or f"{self.programs.title}, a private server of this machine"
        if server and server.taken_port:
            what += f"; port {server.taken_port} was taken: the next apply gives the application the new port"
        return ServerStatus(name, status, "{}:{}".format(*endpoint) if endpoint else "", what)
