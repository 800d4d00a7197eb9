"""Services of an instance: the systemd units of its user data, run as plain processes."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from embedded_aws.hosts import cloud_init
from embedded_aws.hosts.cloud_init import Boot, Unit
from embedded_aws.hosts.host import Machine
from embedded_aws.ports import ADDRESS
from embedded_aws.process_registry import Ledger

PYTHON = re.compile(r"python3(\.\d+)?")


class Services:
    """The units of one instance, enabled at its first boot."""

    def __init__(self, machine: Machine, ledger: Ledger) -> None:
        self._machine, self._ledger = machine, ledger
        self._enabled = machine.folder / "units.json"

    def first_boot(self, boot: Boot) -> None:
        """Write the files and remember the units; once in an instance's life, as cloud-init does it."""
        for file in boot.files:
            path = self._machine.path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content, encoding="utf-8")
            path.chmod(file.mode)
        for note in boot.notes:
            self._machine.say(note)
        port = cloud_init.setting(boot.files, "WEBAPP_PORT")
        self._enabled.write_text(json.dumps({"port": port, "units": [asdict(unit) for unit in boot.units]}))

    @property
    def booted_before(self) -> bool:
        """Whether the first boot has come to its end."""
        return self._enabled.exists()

    def start(self) -> None:
        """Start the units."""
        port, units = self._read()
        for unit in units:
            command = command_here(unit, self._machine, port)
            self._machine.say(f"starting {unit.name}")
            try:
                self._ledger.start(
                    command, self._machine.root, self._machine.environment(), self._machine.log, self._what(unit)
                )
            except OSError as error:
                self._machine.say(f"{unit.name} failed: {error}")

    def give_way(self) -> None:
        """End the units that conflict with another service: the bundle starts it now.

        On an instance systemd does that, by itself:
        https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html#Conflicts=
        """
        for unit in self._read()[1]:
            if unit.conflicts:
                self._ledger.end(self._what(unit))

    def end(self) -> None:
        """End all units."""
        for unit in self._read()[1]:
            self._ledger.end(self._what(unit))

    def processes(self) -> list[str]:
        """The names under which the ledger knows the units' processes."""
        return [self._what(unit) for unit in self._read()[1]]

    def _what(self, unit: Unit) -> str:
        return f"{self._machine.instance_id} {unit.name}"

    def _read(self) -> tuple[str, list[Unit]]:
        try:
            found = json.loads(self._enabled.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return "", []
        units = [Unit(unit["name"], tuple(unit["command"]), tuple(unit["conflicts"])) for unit in found["units"]]
        return found["port"], units


def command_here(unit: Unit, machine: Machine, port: str) -> list[str]:
    """A unit's command on this laptop: our Python for its, paths in the instance's root, and the instance's port."""
    program, *words = unit.command
    if PYTHON.fullmatch(Path(program).name):
        program = sys.executable
    here = [_word_here(word, machine, port) for word in words]
    if words[:2] == ["-m", "http.server"] and "--bind" not in words:
        here += ["--bind", ADDRESS]  # on an instance a security group keeps others away
    return [program, *here]


def _word_here(word: str, machine: Machine, port: str) -> str:
    if word == port:
        return str(machine.port)
    if word.startswith("/") and (machine.root / word.lstrip("/")).exists():
        return str(machine.root / word.lstrip("/"))
    return word
