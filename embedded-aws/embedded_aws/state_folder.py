"""The folder `.runbook/local/` of a root: where the embedded AWS says how to reach it, and keeps its state."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from embedded_aws.settings import ACCESS_KEY, SECRET_KEY
from runbook_lib.aws.connection import Connection
from runbook_lib.errors import LocalError


@dataclass(frozen=True)
class Process:
    """One process of this machine, told apart from a later one with the same number by when it began."""

    pid: int
    began: float  # seconds since the epoch, as the kernel counts them

    @classmethod
    def current(cls) -> Process:
        """The process that asks."""
        return cls(os.getpid(), psutil.Process().create_time())

    def running(self) -> psutil.Process | None:
        """The process, if it is still this one and not a zombie."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.began) < 1  # the clock may have been set since
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class Address:
    """How to reach a running embedded AWS, and the token that opens its control door."""

    port: int
    token: str
    code: str
    process: Process
    notice: str = ""  # what the operator should know about this start

    @property
    def url(self) -> str:
        """The endpoint for AWS clients."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> Connection:
        """The endpoint with the only credentials meant for it."""
        return Connection(self.url, ACCESS_KEY, SECRET_KEY)


class Folder:
    """The files of one embedded AWS. They are readable by their owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.path = self.root / ".runbook" / "local"
        self.log = self.path / "server.log"
        self.state = self.path / "state.pickle"
        self.faults = self.path / "faults.json"
        self.unsaved = self.path / "unsaved"
        self.pace = self.path / "pace"
        self.start_lock = self.path / "start.lock"
        self.server_lock = self.path / "server.lock"
        self._address = self.path / "address.json"
        self._port = self.path / "port"

    def create(self) -> None:
        """Make the folder, closed to others: it holds a token and, in the state, the emulator's secrets.

        Raises:
            LocalError: It cannot be made.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise LocalError(
                f"{self.path} cannot be written: {error.strerror}",
                fix="make it a folder of yours, or set RUNBOOK_ROOT to one that can hold it",
            ) from None

    def read_address(self) -> Address | None:
        """What the last server wrote when it was ready, whether or not it still runs."""
        found = _read_json(self._address)
        try:
            return Address(**{**found, "process": Process(**found["process"])}) if found else None
        except (KeyError, TypeError):  # written by another version of us
            return None

    def write_address(self, address: Address) -> None:
        """Say that the server is ready; its port is asked for again after a restart."""
        self.write(self._address, json.dumps(asdict(address)).encode())
        self.write(self._port, str(address.port).encode())

    def clear_address(self) -> None:
        """Say that no server is ready."""
        self._address.unlink(missing_ok=True)

    def last_port(self) -> int:
        """The port of the last server, 0 when there was none."""
        try:
            return int(self._port.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def read_pace(self) -> float:
        """The pace that was asked for last, 0 when none was."""
        try:
            return float(self.pace.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0

    def write_pace(self, pace: float) -> None:
        """Keep a pace for the next start, too."""
        self.write(self.pace, f"{pace:g}".encode())

    def read_holder(self) -> Process | None:
        """Who wrote itself into the server's lock: a server that runs, starts, or has died."""
        found = _read_json(self.server_lock)
        try:
            return Process(**found) if found else None
        except TypeError:
            return None

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file in one step, so that no reader and no crash sees half of it."""
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        with open(draft, "wb", opener=_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):  # not there, not ours to read, or cut short
        return None
    return found if isinstance(found, dict) else None
