"""The first process of an instance: starts, watches and restarts its services as systemd does.

It runs as a process of its own (:mod:`.systemctl`).  `systemctl`, `journalctl` and `ss` on the instance ask it over a
socket (:mod:`.init_client`).  It knows the services of :mod:`.unit_file`; users, limits and
hardening need root and are ignored, `notify` and `forking` are started like `simple`.
https://www.freedesktop.org/software/systemd/man/latest/systemctl.html
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from embedded_aws.hosts.init_client import AGENT_MISSING, ENVIRONMENT
from embedded_aws.hosts.unit_file import RESTARTS, Command, UnitError, UnitFile, expand, read_environment, read_unit
from embedded_aws.hosts.unit_processes import UnitProcesses
from embedded_aws.process_registry import OWNER_VARIABLE, REGISTRY_VARIABLE

ENABLED = "enabled.json"
JOURNAL = "journal"
UNITS = Path("etc", "systemd", "system")
PYTHON = re.compile(r"python3(\.\d+)?")
POLL_SECONDS = 0.05
# https://www.freedesktop.org/software/systemd/man/latest/systemd-system.conf.html#DefaultStartLimitIntervalSec=
LIMIT_STARTS, LIMIT_SECONDS = 5, 10.0

AGENT = "codedeploy-agent.service"


class SystemctlError(Exception):
    """What `systemctl` prints when it fails."""


@dataclass
class Service:
    """A loaded unit and its processes."""

    unit: UnitFile
    state: str = "inactive"
    """`inactive`, `activating`, `active`, `deactivating` or `failed`."""
    main: subprocess.Popen[bytes] | None = None
    code: int = 0
    restarts: int = 0
    stopping: bool = False
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=LIMIT_STARTS))
    lock: threading.RLock = field(default_factory=threading.RLock)


class Init:
    """The services of one instance."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._root = folder, folder / "root"
        # By this mark the registry finds every process of the instance, when it has to end them.
        mark = {REGISTRY_VARIABLE: os.environ[REGISTRY_VARIABLE]}
        self._environment: dict[str, str] = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8")) | mark
        self.processes = UnitProcesses(os.environ[OWNER_VARIABLE].partition(" ")[0], mark[REGISTRY_VARIABLE])
        self._services: dict[str, Service] = {}
        self.ended = threading.Event()

    def boot(self) -> None:
        """Start what is enabled."""
        for name in self._enabled():
            with suppress(SystemctlError):
                self.start(name)

    def load(self, name: str) -> Service:
        """The unit, read again when nothing of it runs.

        Raises:
            SystemctlError: There is no such unit, or it cannot be read.
        """
        known = self._services.get(name)
        if known and known.state != "inactive" and known.state != "failed":
            return known
        try:
            unit = read_unit(self._root / UNITS, name)
        except UnitError as error:
            raise SystemctlError(f"Failed to load unit {name}: {error}") from error
        if unit is None:
            raise SystemctlError(f"Failed to load unit {name}: Unit {name} not found.")
        if known:
            known.unit = unit
        return self._services.setdefault(name, Service(unit))

    def start(self, name: str) -> None:
        """Start a unit, after what it requires and instead of what it conflicts with.

        Raises:
            SystemctlError: Its process did not start, or a `oneshot` or an `ExecStartPre` failed.
        """
        service = self.load(name)
        with service.lock:
            if service.state in ("active", "activating"):
                return
            for other in service.unit.requires:
                if other.endswith(".service") and (self._root / UNITS / other).exists():
                    self.start(other)
            for other, running in list(self._services.items()):
                if other in service.unit.conflicts or name in running.unit.conflicts:
                    self.stop(other)
            service.stopping = False
            service.restarts = 0  # NRestarts counts the automatic ones since the last start by hand
            self._spawn(service)

    def stop(self, name: str) -> None:
        """Stop a unit; what has not ended in its time is killed."""
        service = self._services.get(name)
        if service is None:
            self.load(name)
            return
        service.stopping = True
        with service.lock:
            service.state = "deactivating"
            for command in service.unit.stop:
                self._run(service, command)
            self._end(service)
            service.state, service.main = "inactive", None

    def is_active(self, name: str) -> str:
        """The unit's state, as `systemctl is-active` prints it."""
        if name == AGENT:
            return "inactive" if (self._folder / AGENT_MISSING).exists() else "active"
        service = self._services.get(name)
        return service.state if service else "inactive"

    def get(self, name: str) -> Service | None:
        """The unit, if it was loaded."""
        return self._services.get(name)

    def names(self, pattern: str) -> list[str]:
        """The loaded units that match a pattern, or the one unit of that name."""
        full = pattern if pattern.endswith((".service", ".target", ".timer")) else f"{pattern}.service"
        if "*" not in pattern:
            return [full]
        return [name for name in self._services if fnmatchcase(name, full)]

    def enable(self, name: str) -> None:
        """Start a unit at each boot.

        Raises:
            SystemctlError: There is no such unit.
        """
        self.load(name)
        self._write_enabled([*(each for each in self._enabled() if each != name), name])

    def disable(self, name: str) -> None:
        """Start a unit at a boot no longer."""
        self._write_enabled([each for each in self._enabled() if each != name])

    def reset_failed(self, name: str) -> None:
        """Forget how often a unit was started, so that it may be started again."""
        if service := self._services.get(name):
            service.starts.clear()

    def is_enabled(self, name: str) -> bool:
        """Whether a unit starts at each boot."""
        return name in self._enabled()

    def shut_down(self) -> None:
        """Stop everything."""
        for name in list(self._services):
            self.stop(name)
        self.ended.set()

    def _enabled(self) -> list[str]:
        try:
            return list(json.loads((self._folder / ENABLED).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return []

    def _write_enabled(self, names: list[str]) -> None:
        (self._folder / ENABLED).write_text(json.dumps(names), encoding="utf-8")

    def _spawn(self, service: Service) -> None:
        unit, service.state = service.unit, "activating"
        service.starts.append(time.monotonic())
        for command in unit.start_before:
            self._run_or_fail(service, command)
        if unit.kind == "oneshot":
            for command in unit.start:
                self._run_or_fail(service, command)
            service.state = "active" if unit.stays else "inactive"
            return
        try:
            service.main = self._popen(service, unit.start[0])
        except OSError as error:
            self._fail(service, 203, f"Failed to execute {unit.start[0].words[0]}: {error.strerror}")
        service.state = "active"
        threading.Thread(target=self._watch, args=(service, service.main), daemon=True).start()

    def _run_or_fail(self, service: Service, command: Command) -> None:
        if (code := self._run(service, command)) and not command.may_fail:
            self._fail(service, code, f"Control process exited, code=exited, status={code}")

    def _fail(self, service: Service, code: int, reason: str) -> None:
        service.state, service.code = "failed", code
        self._note(service, reason)
        if service.unit.restart in RESTARTS and service.unit.kind != "oneshot":
            service.state = "activating"
            threading.Thread(target=self._restart, args=(service, service.main), daemon=True).start()
        raise SystemctlError(
            f"Job for {service.unit.name} failed because the control process exited with error code.\n"
            f'See "systemctl status {service.unit.name}" and "journalctl -xeu {service.unit.name}" for details.'
        )

    def _watch(self, service: Service, main: subprocess.Popen[bytes]) -> None:
        """Wait for the end of the main process, and start it again where the unit says so."""
        code = main.wait()
        with service.lock:
            if service.stopping or service.main is not main:
                return
            service.code = code
            self._note(service, f"Main process exited, status={code}")
            self._end(service)
            unit = service.unit
            again = unit.restart == "always" or (unit.restart in RESTARTS and code != 0)
            service.state = "activating" if again else "failed" if code else "inactive"
        if again:
            self._restart(service, main)

    def _restart(self, service: Service, ended: subprocess.Popen[bytes] | None) -> None:
        """Start a service again after its pause, unless it was started meanwhile, or too often."""
        time.sleep(service.unit.restart_seconds)
        with service.lock:
            if service.stopping or service.main is not ended or service.state != "activating":
                return
            recent = [each for each in service.starts if time.monotonic() - each < LIMIT_SECONDS]
            if len(recent) >= LIMIT_STARTS:
                service.state = "failed"
                self._note(service, "Start request repeated too quickly.")
                return
            service.restarts += 1
            with suppress(SystemctlError):
                self._spawn(service)

    def _end(self, service: Service) -> None:
        """End the processes of a unit: all at once, or the main one and then the rest."""
        unit, main = service.unit, service.main
        deadline = time.monotonic() + unit.stop_seconds
        if main is not None and main.poll() is None:
            main.terminate()
        if unit.stop_all:
            self.processes.signal(unit.name, signal.SIGTERM)
        while main is not None and main.poll() is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        while unit.stop_all and self.processes.of(unit.name) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        while self.processes.of(unit.name):
            self.processes.signal(unit.name, signal.SIGKILL)
            time.sleep(POLL_SECONDS)

    def _run(self, service: Service, command: Command) -> int:
        try:
            return self._popen(service, command).wait()
        except OSError as error:
            self._note(service, f"Failed to execute {command.words[0]}: {error.strerror}")
            return 203

    def _popen(self, service: Service, command: Command) -> subprocess.Popen[bytes]:
        unit = service.unit
        environment = {**self._environment, **self._variables(unit), OWNER_VARIABLE: self.processes.owner(unit.name)}
        if service.main is not None:
            environment["MAINPID"] = str(service.main.pid)
        words = [self._local(word) for word in expand(command.words, environment)]
        words[0] = sys.executable if PYTHON.fullmatch(Path(words[0]).name) else words[0]
        folder = self._path(unit.folder) if unit.folder else self._root
        with self._output(unit).open("ab") as output:
            return subprocess.Popen(
                words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def _variables(self, unit: UnitFile) -> dict[str, str]:
        variables = dict(unit.environment)
        for name in unit.environment_files:
            path = self._path(name.lstrip("-"))
            if path.exists() or not name.startswith("-"):
                variables |= read_environment(path.read_text(encoding="utf-8"))
        return variables

    def last_lines(self, name: str, lines: int) -> list[str]:
        """The last lines that a unit has written."""
        path = self._output(self.load(name).unit)
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] if path.exists() else []

    def _output(self, unit: UnitFile) -> Path:
        path = self._path(unit.output) if unit.output else self._folder / JOURNAL / f"{unit.name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _note(self, service: Service, text: str) -> None:
        with self._output(service.unit).open("a", encoding="utf-8") as output:
            output.write(f"systemd[1]: {service.unit.name}: {text}\n")

    def _local(self, word: str) -> str:
        """A path on the instance as a path on this machine, where the instance has it."""
        return str(self._path(word)) if word.startswith("/") and self._path(word).exists() else word

    def _path(self, inside: str) -> Path:
        return self._root / inside.lstrip("/")
