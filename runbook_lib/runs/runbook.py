"""The object a notebook uses: it starts a run and offers plan, apply, verify and destroy."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from ..aws.snapshot import Snapshot
from ..engine.guards import require_destroyable, require_owned, require_unprotected
from ..engine.orphans import require_nothing_in_the_way
from ..engine.plan import count_text
from ..engine.verify import require_no_drift
from ..errors import RunbookError, Unconfirmed
from ..evidence import topology
from ..evidence.drawing.svg import Svg
from ..evidence.drawing.timeline import draw_timeline
from ..evidence.report.inventory import AFTER, BEFORE
from ..journal.reader import events_of
from ..journal.timeline import build_timeline
from ..resources.base import Resource
from ..stacks.checks.check import Check
from ..stacks.environment import whole
from ..stacks.stack import Stack
from .connections import show_connections
from .kernel.links import link_to
from .kernel.prompts import prompt
from .kernel.report import Report, Row
from .preflight import later_stacks
from .session import Session
from .start import find_operator

if TYPE_CHECKING:
    import pandas as pd


class Runbook(Session):
    """One run of one notebook against one environment, and its verbs; :class:`.session.Session` has the arguments.

    A verb acts only when it is the run's mode; otherwise it shows what it would do.  In an apply,
    ``verify`` acts too.
    """

    def plan(self, stack: Stack) -> Report:
        """Plan a whole stack; the report names the fingerprint that approves the plan.

        In ``destroy`` mode it is the plan to destroy the stack.

        Raises:
            Blocked: In ``apply`` mode: a change cannot be made, here or in a later notebook of the run.
            PreflightFailed: In ``apply`` mode: something that the changes need is not there.
        """
        self._require_parameters()
        present = self.mode != "destroy"
        if present:
            plan = self._preflight.plan(stack, partial(self._orphans.of, stack))
        else:
            stack = stack.with_part("orphans", self._orphans.of(stack))
            plan = self._engine.plan(stack, present=False)
        self._approval.add_plan(plan)
        self._recording.record_plan(plan, present=present)
        self._recording.record_inventory(stack, BEFORE)
        self._preflight.require_passed()
        closing = "Nothing to do." if not plan.todo else f"Fingerprint: {plan.fingerprint}"
        title = f"{'plan' if present else 'plan to destroy'} {stack.name}: {count_text(plan)}"
        return Report.of(plan, title, closing, whole=True)

    def apply(self, part: Stack) -> Report:
        """Create or update a part of a stack; returns as soon as AWS has accepted the changes.

        Raises:
            RunbookError: A change failed; run the cell again to continue from there.
        """
        self._require_parameters()
        plan = self._engine.plan(part)
        report = Report.of(plan, f"{'' if self.mode == 'apply' else 'would '}apply {part.name}: {count_text(plan)}")
        if self.mode != "apply":
            return report
        self._preflight.require_recent(part, plan)
        with self._locked(report.live()):
            self._engine.apply(
                part,
                require_approval=partial(self._approval.require, scope=self._engine.scope, stack=part.whole),
                on_progress=report.on_progress,
            )
        return report.close("Accepted by AWS." if plan.todo else "Nothing to do.")

    def remove_orphans(self) -> Report:
        """Delete what earlier parameters asked for and today's do not, of all notebooks, dependents first.

        Raises:
            DestroyPrevented: The earlier parameters protect it.
            RunbookError: A deletion failed; run the cell again to continue from there.
        """
        self._require_parameters()
        orphans = self._orphans.all
        plan = self._engine.plan(orphans, present=False, refresh=True)
        does = "" if self.mode == "apply" else "would "
        report = Report.of(plan, f"{does}remove what left the parameters: {count_text(plan)}")
        if self.mode != "apply":
            return report
        require_unprotected(change.resource for change in plan.todo)
        self._approval.add_recorded_plans(self._folder.path)
        with self._locked(report.live()):
            self._engine.destroy(
                orphans,
                require_approval=lambda change: self._approval.require(
                    change, scope=self._engine.scope, stack=self._orphans.stack_of(change.resource)
                ),
                on_progress=report.on_progress,
            )
            self._acquire_lock()
            self._orphans.forget()
        return report.close("Removed." if plan.todo else "Nothing to do.")

    def verify(self, stack: Stack, *checks: Check) -> Report:
        """Wait until a stack and what it needs are ready, then compare it with the parameters and run the checks.

        Raises:
            DriftDetected: Something differs from the parameters, or a check failed.
        """
        self._require_parameters()
        if self.mode not in ("apply", "verify"):
            plan = self._engine.plan(stack)
            return Report(f"would verify {stack.name}: so far {count_text(plan)}", plan=plan)
        report = Report(f"verify {stack.name}").live()
        with self._errors_recorded(report):
            observed = self._engine.survey(stack, refresh=True)
            require_owned(observed)
            needs = dict.fromkeys(need for r in stack for need in (r, *r.ready_dependencies))
            self._engine.wait_until_ready([r for r in needs if observed[r]], observed, report.on_progress)
            known = self._orphans.of(stack)
            plan = self._engine.plan(stack, refresh=True, orphans=known if self.mode == "verify" else ())
            observed = self._engine.survey(stack)
            later = [orphan.key for orphan in known if self._engine.survey([orphan])[orphan]]
            results = self._recording.record_checks(checks, observed, report)
            failed = {claim: found for claim, (ok, found) in results.items() if not ok}
            self._journal.write("verify", stack=stack.name, ok=not (plan.todo or failed), failed=list(failed))
            self._recording.record_inventory(stack, AFTER)
            require_no_drift(stack, plan, failed)
        orphans = self._recording.record_orphans(self.params, self._orphans.all, report)
        pending = f"\nRemoved by the last notebook, no longer in the parameters: {', '.join(later)}." if later else ""
        return report.close(f"No difference: {count_text(plan)}.{pending}{orphans}")

    def destroy(self, stack: Stack) -> Report:
        """Destroy a stack, in ``destroy`` mode and when ``confirm`` names the environment.

        Raises:
            Unconfirmed: ``confirm`` does not name the environment.
            DestroyPrevented: The parameters protect a resource of the environment.
            StillNeeded: A resource that depends on the stack still exists, or an orphan stands in the way.
        """
        self._require_parameters()
        stack = stack.with_part("orphans", self._orphans.of(stack))
        plan = self._engine.plan(stack, present=False)
        if self.mode != "destroy":
            if self.mode == "plan":
                self._recording.record_plan(plan, present=False)
            along = ", ".join(r.key for r in stack if r.implicit)
            also = f"\n{along}: deleted with what it belongs to." if along else ""
            how = f"To destroy it, run with mode=destroy and confirm={self.env}.  Fingerprint: {plan.fingerprint}"
            closing = (
                f"Nothing is destroyed in this mode.{also}\n{how}" if plan.todo else "There is nothing to destroy."
            )
            return Report.of(plan, f"would destroy {stack.name}: {count_text(plan)}", closing, folded=True)
        if self._confirm != self.env:
            wrong = f"Destroying {stack.name} of {self.env} needs confirm={self.env}, not {self._confirm!r}."
            raise Unconfirmed(wrong, fix=f"Set confirm to {self.env}.")
        environment = whole(self.params).with_part("orphans", self._orphans.all)
        observed = self._engine.survey(environment, refresh=True)
        require_owned(observed)
        require_destroyable(stack, environment, observed)
        if plan.todo:
            keys = {r.key for part in (stack, *later_stacks(self.params, self.name)) for r in part}
            leaving = {resource: seen for resource, seen in observed.items() if resource.key in keys}
            require_nothing_in_the_way(Snapshot(self.aws), {resource.key for resource in environment}, leaving)
        self._approval.add_plan(plan)
        report = Report.of(plan, f"destroy {stack.name}: {count_text(plan)}").live()
        with self._locked(report):
            self._engine.destroy(
                stack,
                require_approval=partial(self._approval.require, scope=self._engine.scope, stack=stack.whole),
                on_progress=report.on_progress,
            )
        self._recording.record_inventory(stack, AFTER)
        orphans = self._recording.record_orphans(self.params, self._orphans.all, report)
        return report.close(("Destroyed." if plan.todo else "Nothing to do.") + orphans)

    def table(self, part: Stack) -> pd.DataFrame:
        """Show what exists of a part now: ids, states and settings; also written as CSV and JSON."""
        from ..evidence.tables import redacted_frame, write_table  # here, because pandas takes most of a second
        from .kernel.tables import create_table

        frame = redacted_frame(create_table(part, self._engine.survey(part)))
        write_table(self._folder.table_path(part.name), frame)
        return frame

    def topology(self) -> Svg:
        """Draw what runs where now and which connections are possible, as AWS shows it; also written as SVG."""
        discovered = topology.discover(Snapshot(self.aws), datetime.now(UTC))
        self._journal.write(topology.EVENT, seen=discovered.model_dump(mode="json"))
        return self._show_drawing(topology.draw_topology(discovered))

    def reach(self, source: str, destination: str, port: int, protocol: str = "tcp") -> Report:
        """Show how one can connect to the other, or what stops it: ``book.reach("web", "database", 3306)``."""
        return show_connections(self.params, self.aws, source, destination, port, protocol)

    def timeline(self) -> Svg:
        """Draw when each change of the run was made and what it waited for; also written as SVG."""
        return self._show_drawing(draw_timeline(build_timeline(events_of(self._journal.path))))

    def _show_drawing(self, drawing: Svg) -> Svg:
        """Write a drawing, and link its picture to the file."""
        drawing.link = link_to(self._folder.path / f"{drawing.name}.svg", self._folder.path)
        return self._folder.write_drawing(drawing)

    def by_hand(self, step: Resource | Stack | str, reason: str) -> Report:
        """Record that a step was done manually, and why; ``verify`` still checks the account.

        Raises:
            RunbookError: The reason is missing.
        """
        keys = [step] if isinstance(step, str) else [r.key for r in step] if isinstance(step, Stack) else [step.key]
        if not reason.strip():
            raise RunbookError("A manual step needs a reason.", fix="Give the reason, and who asked for the step.")
        rows = [Row("=", key, (reason,)) for key in keys]
        if self.mode == "plan":
            return Report("would record as done manually", rows)
        self._journal.write("by_hand", keys=keys, reason=reason, caller=self.caller, operator=find_operator())
        return Report("recorded as done manually", rows, "Verify still checks the account.")

    def confirm(self, question: str, phrase: str = "") -> Report:
        """Ask the operator to type a phrase, by default the environment's name, before the notebook goes on.

        Raises:
            Unconfirmed: Something else was typed, or nobody can answer.
        """
        phrase = phrase or self.env
        if self.mode not in ("apply", "destroy"):
            return Report(f"would ask: {question}", closing=f"The answer is {phrase!r}.")
        data = {"question": question, "phrase": phrase, "caller": self.caller, "operator": find_operator()}
        with self._journal.step("confirm", **data):
            prompt(question, phrase)
        return Report(f"confirmed: {question}")
