"""Record in the evidence of a run what its notebooks planned, found and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..aws.snapshot import Snapshot
from ..engine.engine import Engine
from ..engine.orphans import find_orphans
from ..engine.plan import Plan
from ..evidence.folder import RunFolder
from ..evidence.report.inventory import EVENT, build_inventory
from ..formatting import pluralize
from ..journal.journal import Journal
from ..params import Params
from ..resources.base import ObservedState, Resource
from ..stacks.checks.check import Check, check_symbol, count_results, is_control, shown_finding
from ..stacks.environment import whole
from ..stacks.stack import Stack
from .kernel.report import Report, Row


@dataclass(frozen=True)
class Recording:
    """Writes to the journal and the folder of one notebook of a run.

    Args:
        run: The run's id.
        caller: The caller at AWS.
        change: The id of the change request.
    """

    folder: RunFolder
    journal: Journal
    engine: Engine
    run: str
    caller: str
    change: str

    def record_plan(self, plan: Plan, *, present: bool) -> None:
        """Record a plan, and write it for its review."""
        facts = plan.as_dict() | plan.explanations | {"fingerprint": plan.fingerprint, "count": plan.count}
        self.journal.write("plan", present=present, **facts)
        verb = "apply" if present else "destroy"
        self.folder.write_plan(plan, run=self.run, caller=self.caller, change=self.change, verb=verb)

    def record_inventory(self, stack: Stack, when: str) -> None:
        """Record the observed state of a stack, before or after the run."""
        resources = build_inventory(stack, self.engine.survey(stack))
        self.journal.write(EVENT, when=when, stack=stack.name, resources=resources)

    def record_checks(
        self, checks: Iterable[Check], observed: ObservedState, report: Report
    ) -> dict[str, tuple[bool, Any]]:
        """Run checks and add them to the report, controls as a table of their own.

        Returns:
            By claim whether it holds, and what was found.
        """
        results: dict[str, tuple[bool, Any]] = {}
        rows: dict[bool, list[Row]] = {False: [], True: []}
        for check in checks:
            ok, finding = results[check.claim] = check.probe(self.engine.snapshot, observed)
            self.journal.write("check", claim=check.claim, ok=ok, found=finding)
            row = Row(check_symbol(ok, finding), check.claim, tuple(shown_finding(ok, finding)))
            rows[is_control(finding)].append(row)
        counts = count_results(str(found["result"]) for _, found in results.values() if is_control(found))
        for row in rows[True]:
            row.section = f"Controls: {counts}"
        report.rows += [*rows[False], *rows[True]]
        return results

    def record_orphans(self, params: Params, known: Iterable[Resource], report: Report) -> str:
        """Add the orphaned resources to the report; returns its closing line, empty when there are none.

        Args:
            known: Orphans that an apply removes, and so nobody has to.
        """
        orphans = find_orphans(Snapshot(self.engine.aws), {resource.key for resource in (*whole(params), *known)})
        self.journal.write("strays", found=[vars(orphan) for orphan in orphans])
        report.rows.extend(Row("?", orphan.key or orphan.arn, (orphan.arn,)) for orphan in orphans)
        if not orphans:
            return ""
        count = pluralize(len(orphans), "orphaned resource")
        names = ", ".join(orphan.key or orphan.arn for orphan in orphans)
        return f"\n{count} (?): tagged by this environment, in no stack: {names}. Review and remove them manually."
