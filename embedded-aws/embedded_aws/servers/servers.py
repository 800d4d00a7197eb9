"""Private servers that follow the account: one for each database or cache, behind a port of its own."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from embedded_aws.servers.ca import HOST, Authority, system_roots, write_private
from embedded_aws.servers.port_forwarder import Forwarder, Loop
from embedded_aws.servers.processes import Children, Start
from embedded_aws.servers.server import end_left_over
from embedded_aws.servers.supervisor import Keeper


class Installed(Protocol):
    """The programs of a server."""

    @property
    def title(self) -> str:
        """For people."""


Programs = TypeVar("Programs", bound=Installed)
Kind = TypeVar("Kind", bound=Keeper[Any, Any])


@dataclass(frozen=True)
class ServerStatus:
    """One server, for people: where it is, how it is, and what it really is."""

    name: str
    status: str
    endpoint: str
    what: str


@dataclass
class Kept(Generic[Kind]):
    """What has a server, and the way to it."""

    keeper: Kind
    forwarder: Forwarder
    way: int | None = None  # changes in the account when connections are to break
    taken: int = 0  # the port of the last time, where somebody else had it


class PrivateServers(ABC, Generic[Programs, Kind]):
    """Holds what a service has in the account, as moto has it, and the servers of this machine together.

    Args:
        lock: Held by whoever touches moto's backends; `tick` is called under it.
        folder: For the servers' files.
        allowed: Whether the security groups let the application's servers reach one of moto's.
        start: Starts a process and writes it down, as the ledger does.
        path: Where to look for a server; the environment's PATH otherwise.
        authority: Vouches for the servers; one of its own otherwise.
    """

    homes: ClassVar[str]  # the folder of the servers' folders
    waking: ClassVar[str]  # what an available one is until its server answers again
    absent: ClassVar[str]  # what people are told where none is installed

    def __init__(
        self,
        lock: RLock,
        folder: Path,
        allowed: Callable[[Any], bool] = lambda _: True,
        start: Start | None = None,
        path: str | None = None,
        authority: Authority | None = None,
    ) -> None:
        self._lock, self._folder, self._allowed = lock, folder.resolve(), allowed
        self._start = start or Children().start
        self.programs = self._find(path)
        self._homes = self._folder / self.homes
        for one in (self._folder, self._homes):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
            one.chmod(0o700)
        self.authority = authority or Authority(self._folder / "authority")
        self._trust = self._folder / "roots.pem"
        self._kept: dict[str, Kept[Kind]] = {}
        self._leaving: list[Kind] = []
        self._seen: set[str] = set()
        self._loop: Loop | None = None

    @abstractmethod
    def _find(self, path: str | None) -> Programs | None:
        """What this machine has installed, if any."""

    @abstractmethod
    def _found(self) -> Mapping[str, Any]:
        """All that can be servers of this machine, by what no other ever has."""

    @abstractmethod
    def _keeper(self, folder: Path, one: Any) -> Kind:
        """Whoever keeps a new server."""

    @abstractmethod
    def _follow(self, identity: str, one: Any) -> bool:
        """Let the server know of the account, and the account of the server; True when it changed the account."""

    @abstractmethod
    def _remove(self, keeper: Kind, identity: str) -> None:
        """It is not in the account any more: have its keeper leave."""

    def start(self) -> None:
        """Have the servers of the account start, without waiting for them; what belongs to none of it goes."""
        write_private(self._trust, f"{system_roots()}\n{self.authority.pem()}".encode())
        self._loop = Loop()
        with self._lock:
            found = self._found()
            known = {identity.lower() for identity in found}
            for left in self._homes.iterdir():
                end_left_over(left)
                if left.name not in known:
                    shutil.rmtree(left, ignore_errors=True)
            for one in found.values():
                if self.programs and one.status == "available":
                    one.status = self.waking
            self.tick()

    def stop(self) -> None:
        """End all servers; their data stays."""
        with self._lock:
            kept, self._kept = list(self._kept.values()), {}
            loop, self._loop = self._loop, None  # no tick from now on
        for one in kept:
            one.keeper.stop()
        for keeper in [*(one.keeper for one in kept), *self._leaving]:
            keeper.join()
        for one in kept:
            one.forwarder.close()
        if loop:
            loop.stop()

    def tick(self) -> bool:
        """Compare the account with the servers; True when it changed the account."""
        if not self._loop:
            return False
        found = self._found()
        changed = any([self._follow(identity, one) for identity, one in found.items()])
        for identity in {*self._seen, *self._kept} - set(found):
            self._release(identity)
        self._seen = set(found)
        self._leaving = [keeper for keeper in self._leaving if not keeper.gone]
        return changed

    def environment(self) -> dict[str, str]:
        """What a machine's processes need: the trust in our authority."""
        return {"SSL_CERT_FILE": str(self._trust)} if self.programs else {}

    def _home(self, identity: str) -> Path:
        folder = self._homes / identity.lower()
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def _serve(self, identity: str, one: Any) -> Kept[Kind]:
        """The server of one, with a way to it: a new server where there is none."""
        if identity not in self._kept:
            keeper, before = self._keeper(self._home(identity), one), self._last_port(identity)
            forwarder = self._forwarder(identity, keeper)
            self._kept[identity] = Kept(keeper, forwarder, taken=before if before != forwarder.port else 0)
        return self._kept[identity]

    def _forwarder(self, identity: str, keeper: Kind) -> Forwarder:
        """On the port that it had before, so that the application's configuration stays true."""
        assert self._loop
        forwarder = Forwarder(self._loop, self._last_port(identity), lambda: keeper.port)
        write_private(self._home(identity) / "port", str(forwarder.port).encode())
        return forwarder

    def _last_port(self, identity: str) -> int:
        file = self._home(identity) / "port"
        before = file.read_text() if file.exists() else ""
        return int(before) if before.isdecimal() else 0

    def _release(self, identity: str) -> None:
        kept = self._kept.pop(identity, None)
        if not kept:
            shutil.rmtree(self._home(identity), ignore_errors=True)
            return
        kept.forwarder.close()
        self._remove(kept.keeper, identity)
        self._leaving.append(kept.keeper)

    def _endpoint(self, identity: str) -> tuple[str, int] | None:
        """Where the application finds it; None while there is no way yet."""
        kept = self._kept.get(identity)
        return (HOST, kept.forwarder.port) if kept else None

    def _status(self, name: str, status: str, identity: str) -> ServerStatus:
        kept, there, what = self._kept.get(identity), self._endpoint(identity), self.absent
        if self.programs:
            what = (kept.keeper.why if kept else "") or f"{self.programs.title}, a private server of this machine"
        if kept and kept.taken:
            what += f"; port {kept.taken} was taken: the next apply tells the application the new one"
        return ServerStatus(name, status, "{}:{}".format(*there) if there else "", what)
