"""The rules at work: kept in a file of the folder, so that a game day goes on after a restart."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

from embedded_aws.faults.rules import AnyRule, CallRule, HookRule, parse
from embedded_aws.state_folder import Folder
from runbook_lib.errors import WrongUsage

log = logging.getLogger(__name__)


@dataclass
class Fault:
    """A rule at work: how many calls or events it has matched, and how many of them it has hit."""

    number: int
    rule: AnyRule
    seen: int = 0
    hit: int = 0

    def strikes(self) -> bool:
        """Count one more match; whether it is hit."""
        strikes = self.rule.hits(self.seen, self.hit)
        self.seen += 1
        self.hit += strikes
        return strikes

    def described(self) -> dict[str, Any]:
        """As the door answers it."""
        rule = self.rule.model_dump(exclude_none=True)
        return {"number": self.number, "what": self.rule.what, "seen": self.seen, "hit": self.hit, "rule": rule}


class Faults:
    """All rules of one embedded AWS, the oldest first: the first that hits a call has it.

    Those behind it do not count that call. The methods wait for nothing but the file.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder, self._lock = folder, Lock()
        self._faults: list[Fault] = []
        self._last = 0
        self._read()

    def add(self, rules: Iterable[AnyRule]) -> list[Fault]:
        """Put rules to work, behind those that are there."""
        with self._lock:
            added = [Fault(self._last + step, rule) for step, rule in enumerate(rules, start=1)]
            self._last += len(added)
            self._faults = [*self._faults, *added]
            self._write()
        return added

    def clear(self, numbers: Iterable[int] | None = None) -> list[Fault]:
        """End some rules, or all; returns those that have ended.

        Raises:
            WrongUsage: There is no fault of such a number.
        """
        with self._lock:
            known = {fault.number: fault for fault in self._faults}
            wanted = list(known if numbers is None else numbers)
            if unknown := [number for number in wanted if number not in known]:
                raise WrongUsage(f"there is no fault {unknown[0]}", fix="see `runbook local fault list`")
            self._faults = [fault for fault in self._faults if fault.number not in wanted]
            self._write()
        return [known[number] for number in wanted]

    def described(self) -> list[dict[str, Any]]:
        """All, as the door answers them."""
        with self._lock:
            return [fault.described() for fault in self._faults]

    @property
    def of_calls(self) -> bool:
        """Whether any rule is about calls: without one, nobody needs to know which operation a call asks for."""
        return any(isinstance(fault.rule, CallRule) for fault in self._faults)

    def call(self, service: str, operation: str) -> tuple[int, CallRule] | None:
        """The rule that hits a call, with its number; it is counted."""

        def meant(rule: AnyRule) -> bool:
            return (
                isinstance(rule, CallRule)
                and fnmatchcase(service, rule.service)
                and fnmatchcase(operation, rule.operation)
            )

        fault = self._first(meant)
        return (fault.number, fault.rule) if fault and isinstance(fault.rule, CallRule) else None

    def hook(self, event: str, instance_id: str, zone: str) -> int | None:
        """The number of the rule that hits a lifecycle event; it is counted."""

        def meant(rule: AnyRule) -> bool:
            return (
                isinstance(rule, HookRule)
                and fnmatchcase(event, rule.hook)
                and rule.instance in (None, instance_id)
                and rule.zone in (None, zone)
            )

        fault = self._first(meant)
        return fault.number if fault else None

    def _first(self, meant: Callable[[AnyRule], bool]) -> Fault | None:
        with self._lock:
            matching = [fault for fault in self._faults if meant(fault.rule)]
            struck = next((fault for fault in matching if fault.strikes()), None)
            if matching:
                self._write()
        return struck

    def _write(self) -> None:
        told = [{"number": one.number, "seen": one.seen, "hit": one.hit, **_rule(one)} for one in self._faults]
        self._folder.write(self._folder.faults, json.dumps({"last": self._last, "faults": told}).encode())

    def _read(self) -> None:
        try:
            found = json.loads(self._folder.faults.read_text())
            self._last = int(found["last"])
            self._faults = [
                Fault(one["number"], parse(one["rule"]), one["seen"], one["hit"]) for one in found["faults"]
            ]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, WrongUsage):  # cut short, or by another version
            log.exception("the faults cannot be read: there are none")


def _rule(fault: Fault) -> dict[str, Any]:
    return {"rule": fault.rule.model_dump(exclude_none=True)}
