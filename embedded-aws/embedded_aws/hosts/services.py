"""Services of an instance: the systemd units of its user data, run as plain processes."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from embedded_aws.hosts import cloud_init
from embedded_aws.hosts.cloud_init import FirstBoot, Unit
from embedded_aws.hosts.host import Host
from embedded_aws.ports import ADDRESS
from embedded_aws.process_registry import ProcessRegistry

PYTHON = re.compile(r"python3(\.\d+)?")


class Services:
    """The units of one instance, enabled at its first boot."""

    def __init__(self, host: Host, registry: ProcessRegistry) -> None:
        self._host, self._registry = host, registry
        self._enabled = host.folder / "units.json"

    def first_boot(self, boot: FirstBoot) -> None:
        """Write the files and save the units; once in an instance's life, as cloud-init does."""
        for file in boot.files:
            path = self._host.path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content, encoding="utf-8")
            path.chmod(file.mode)
        for note in boot.notes:
            self._host.write_console(note)
        port = cloud_init.find_setting(boot.files, "WEBAPP_PORT")
        self._enabled.write_text(json.dumps({"port": port, "units": [asdict(unit) for unit in boot.units]}))

    @property
    def booted_before(self) -> bool:
        """Whether the first boot is complete."""
        return self._enabled.exists()

    def start(self) -> None:
        """Start the units."""
        port, units = self._read()
        for unit in units:
            command = local_command(unit, self._host, port)
            self._host.write_console(f"starting {unit.name}")
            try:
                self._registry.start(
                    command, self._host.root, self._host.environment(), self._host.log, self._owner(unit)
                )
            except OSError as error:
                self._host.write_console(f"{unit.name} failed: {error}")

    def end_conflicting(self) -> None:
        """End the units that conflict with another service, as the bundle is about to start that service.

        On an instance, systemd does this by itself:
        https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html#Conflicts=
        """
        for unit in self._read()[1]:
            if unit.conflicts:
                self._registry.end(self._owner(unit))

    def end(self) -> None:
        """End all units."""
        for unit in self._read()[1]:
            self._registry.end(self._owner(unit))

    def processes(self) -> list[str]:
        """Return the owner names of the units' processes in the process registry."""
        return [self._owner(unit) for unit in self._read()[1]]

    def _owner(self, unit: Unit) -> str:
        return f"{self._host.instance_id} {unit.name}"

    def _read(self) -> tuple[str, list[Unit]]:
        try:
            content = json.loads(self._enabled.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return "", []
        units = [Unit(unit["name"], tuple(unit["command"]), tuple(unit["conflicts"])) for unit in content["units"]]
        return content["port"], units


def local_command(unit: Unit, host: Host, port: str) -> list[str]:
    """Return a unit's command on this machine: with our Python, paths in the instance's root, and its port."""
    program, *words = unit.command
    if PYTHON.fullmatch(Path(program).name):
        program = sys.executable
    arguments = [_local_word(word, host, port) for word in words]
    if words[:2] == ["-m", "http.server"] and "--bind" not in words:
        arguments += ["--bind", ADDRESS]  # on an instance, a security group does this
    return [program, *arguments]


def _local_word(word: str, host: Host, port: str) -> str:
    if word == port:
        return str(host.port)
    if word.startswith("/") and (host.root / word.lstrip("/")).exists():
        return str(host.root / word.lstrip("/"))
    return word
