"""The active fault rules: stored in a file of the state folder, so that a game day continues after a restart."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

from embedded_aws.faults.rules import AnyRule, CallRule, HookRule, parse
from embedded_aws.files import write_atomically
from embedded_aws.state_folder import StateFolder
from runbook_lib.errors import WrongUsage

log = logging.getLogger(__name__)


@dataclass
class Fault:
    """An active rule: how many calls or events it has matched, and how many of them it has hit."""

    number: int
    rule: AnyRule
    matched: int = 0
    hit: int = 0

    def count_match(self) -> bool:
        """Count a match; returns whether the rule hits it."""
        is_hit = self.rule.hits(self.matched, self.hit)
        self.matched += 1
        self.hit += is_hit
        return is_hit

    def describe(self) -> dict[str, Any]:
        """Return it as the control API answers it."""
        rule = self.rule.model_dump(exclude_none=True)
        return {"number": self.number, "what": self.rule.what, "seen": self.matched, "hit": self.hit, "rule": rule}


class Faults:
    """All active rules of one embedded AWS, the oldest first: the first rule that hits a call is applied.

    The rules after it do not count that call.
    """

    def __init__(self, folder: StateFolder) -> None:
        self._folder, self._lock = folder, Lock()
        self._faults: list[Fault] = []
        self._last = 0
        self._read()

    def add(self, rules: Iterable[AnyRule]) -> list[Fault]:
        """Add rules after the existing ones."""
        with self._lock:
            added = [Fault(self._last + step, rule) for step, rule in enumerate(rules, start=1)]
            self._last += len(added)
            self._faults = [*self._faults, *added]
            self._write()
        return added

    def clear(self, numbers: Iterable[int] | None = None) -> list[Fault]:
        """Remove some rules, or all; returns the removed ones.

        Raises:
            WrongUsage: There is no fault with such a number.
        """
        with self._lock:
            known = {fault.number: fault for fault in self._faults}
            cleared = list(known if numbers is None else numbers)
            if unknown := [number for number in cleared if number not in known]:
                raise WrongUsage(f"there is no fault {unknown[0]}", fix="see `runbook local fault list`")
            self._faults = [fault for fault in self._faults if fault.number not in cleared]
            self._write()
        return [known[number] for number in cleared]

    def describe(self) -> list[dict[str, Any]]:
        """Return all rules as the control API answers them."""
        with self._lock:
            return [fault.describe() for fault in self._faults]

    @property
    def has_call_rules(self) -> bool:
        """Whether any rule matches calls; without one, a call's operation need not be parsed."""
        return any(isinstance(fault.rule, CallRule) for fault in self._faults)

    def hit_call(self, service: str, operation: str) -> tuple[int, CallRule] | None:
        """Return the rule that hits a call, with its number; the call counts as a match."""

        def matches(rule: AnyRule) -> bool:
            return (
                isinstance(rule, CallRule)
                and fnmatchcase(service, rule.service)
                and fnmatchcase(operation, rule.operation)
            )

        fault = self._apply(matches)
        return (fault.number, fault.rule) if fault and isinstance(fault.rule, CallRule) else None

    def hit_hook(self, event: str, instance_id: str, zone: str) -> int | None:
        """Return the number of the rule that hits a lifecycle event; the event counts as a match."""

        def matches(rule: AnyRule) -> bool:
            return (
                isinstance(rule, HookRule)
                and fnmatchcase(event, rule.hook)
                and rule.instance in (None, instance_id)
                and rule.zone in (None, zone)
            )

        fault = self._apply(matches)
        return fault.number if fault else None

    def _apply(self, matches: Callable[[AnyRule], bool]) -> Fault | None:
        with self._lock:
            matching = [fault for fault in self._faults if matches(fault.rule)]
            hit = next((fault for fault in matching if fault.count_match()), None)
            if matching:
                self._write()
        return hit

    def _write(self) -> None:
        faults = [
            {"number": one.number, "seen": one.matched, "hit": one.hit, "rule": one.rule.model_dump(exclude_none=True)}
            for one in self._faults
        ]
        write_atomically(self._folder.faults, json.dumps({"last": self._last, "faults": faults}))

    def _read(self) -> None:
        try:
            content = json.loads(self._folder.faults.read_text())
            self._last = int(content["last"])
            self._faults = [
                Fault(one["number"], parse(one["rule"]), one["seen"], one["hit"]) for one in content["faults"]
            ]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, WrongUsage):  # damaged, or written by another version
            log.exception("the faults cannot be read: starting without faults")
