"""Stop a run before its first write, when it could not be carried out to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import inf

from ..engine.engine import Engine
from ..engine.plan import Action, Plan
from ..engine.preflight.check import count_rows, passed_credentials, preflight, raise_if_failed
from ..engine.preflight.names import explain_failure
from ..engine.preflight.row import FAILED, SYMBOLS, Prerequisite
from ..errors import RunbookError
from ..journal.journal import Journal
from ..params import Params
from ..resources.base import ObservedState, Resource
from ..stacks.application.bundle import Bundle
from ..stacks.environment import stacks
from ..stacks.run_permissions import change_permissions
from ..stacks.stack import Stack
from .kernel.report import Report, Row

EVENT = "preflight"
VALID_SECONDS = 300.0
"""How long a preflight that passed counts; an apply after that repeats it before it writes."""


@dataclass
class Preflight:
    """The preflight of one notebook: asks, shows and records what its plans need.

    Args:
        mode: A plan and an apply have a preflight; only an apply is stopped by it.
        skip: Why failed rows do not stop an apply; empty to stop it.
        pack: Packs the application that is deployed.
    """

    engine: Engine
    params: Params
    notebook: str
    journal: Journal
    caller: str
    mode: str
    skip: str
    pack: Callable[[], Bundle | None]
    _plans: list[Plan] = field(default_factory=list, init=False)
    _rows: list[Prerequisite] = field(default_factory=list, init=False)
    _passed_at: float = field(default=-inf, init=False)

    def plan(self, stack: Stack, find_orphans: Callable[[], Collection[Resource]]) -> Plan:
        """Plan an apply of a whole stack, with its preflight; in an apply also that of what later notebooks plan.

        Args:
            find_orphans: Finds what the parameters no longer ask for.
        """
        if self.mode not in ("plan", "apply"):
            return self.engine.plan(stack, orphans=find_orphans())
        planned: list[tuple[Stack, Plan]] = []
        try:
            planned.append((stack, self.engine.plan(stack, orphans=find_orphans())))
            for later in later_stacks(self.params, self.notebook, self.pack) if self.mode == "apply" else ():
                stack = later
                planned.append((later, self.engine.plan(later)))
        except RunbookError:
            self._explain(stack)
            raise
        self._check(planned)
        return planned[0][1]

    def require_passed(self) -> None:
        """Stop an apply when a change cannot be made, or a row has failed and the preflight is not skipped.

        Raises:
            Blocked: A change of the plans cannot be made.
            PreflightFailed: Naming the rows that failed.
        """
        if self.mode != "apply":
            return
        for plan in self._plans:
            plan.raise_if_blocked(failed=False)
        if not self.skip:
            raise_if_failed(self._rows)
        self._passed_at = time.monotonic()

    def require_recent(self, part: Stack, plan: Plan) -> None:
        """Repeat it before a write, unless it has passed a moment ago.

        Raises:
            Blocked: A change of the plan cannot be made.
            PreflightFailed: A row failed.
        """
        if plan.todo and time.monotonic() - self._passed_at > VALID_SECONDS:
            self._check([(part, plan)])
            self.require_passed()

    def _check(self, planned: list[tuple[Stack, Plan]]) -> None:
        """Check what the plans need."""
        observed_state: ObservedState = {}
        changes = [change for _, plan in planned for change in plan.todo]
        for stack, _ in planned if changes else ():
            observed_state |= self.engine.survey(stack)
        removed = [change.resource for change in changes if change.action is Action.DELETE]
        changed = [change.resource for change in changes if change.action in (Action.CREATE, Action.UPDATE)]
        self._plans = [plan for _, plan in planned]
        self._rows = preflight(
            self.engine.snapshot, changes, observed_state, caller=self.caller,
            permissions=change_permissions(self.params, changed, removed), only_plans=self.mode == "plan",
        )  # fmt: skip
        self._record(planned[0][0].name, self._rows)

    def _explain(self, stack: Stack) -> None:
        """Show and record what kept the plan of a stack from being made, as far as it is known."""
        if rows := [*explain_failure(self.engine.snapshot, stack)]:
            self._record(stack.name, [passed_credentials(self.engine.snapshot, self.caller), *rows])

    def _record(self, stack: str, rows: list[Prerequisite]) -> None:
        record_preflight(self.journal, stack, rows, self.skip)
        lines = [Row(SYMBOLS[row.result], row.name, (row.finding, *([row.fix] if row.fix else []))) for row in rows]
        closing = f"Failed rows do not stop an apply: {self.skip}" if self.skip else ""
        Report(f"preflight {stack}: {count_rows(rows)}", lines).live().close(closing)


def record_preflight(journal: Journal, stack: str, rows: Sequence[Prerequisite], skip: str) -> None:
    """Write the rows to the journal; the report makes tables of them."""
    journal.write(EVENT, stack=stack, rows=[row.as_dict() for row in rows], skipped=skip)


def record_refused_credentials(journal: Journal, error: RunbookError) -> None:
    """Record that AWS does not accept the credentials, or that they belong to another account."""
    record_preflight(journal, "", [Prerequisite("credentials", FAILED, error.what, error.fix)], "")


def later_stacks(params: Params, notebook: str, pack: Callable[[], Bundle | None] = lambda: None) -> list[Stack]:
    """The stacks of the other notebooks of a headless run, in the first that it begins with; else none."""
    if os.environ.get("RUNBOOK_BEFORE"):
        return []
    later = set(os.environ.get("RUNBOOK_NOTEBOOKS", "").split()) - {notebook}
    if not later:
        return []
    return [s for s in stacks(params, pack()) if any(name.endswith(f"_{s.name}") for name in later)]
