"""The object a notebook uses: it starts a run and offers plan, apply, verify and destroy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from math import inf

import pandas as pd

from .. import paths
from ..aws.snapshot import Snapshot
from ..engine.approval import Approval
from ..engine.context import Clock
from ..engine.engine import REPLAN_AGE, Engine
from ..engine.guards import require_destroyable
from ..engine.plan import count_text
from ..engine.verify import require_no_drift
from ..errors import RunbookError, Unconfirmed
from ..evidence import topology
from ..evidence.drawing.svg import Svg
from ..evidence.drawing.timeline import draw_timeline
from ..evidence.folder import RunFolder
from ..evidence.notebooks.progress import describe_unfinished
from ..evidence.report.inventory import AFTER, BEFORE
from ..evidence.tables import redacted_frame, write_table
from ..journal.reader import events_of
from ..journal.timeline import build_timeline
from ..params import Params, load
from ..resources.base import Resource
from ..stacks.application.bundle import Bundle
from ..stacks.checks.check import Check
from ..stacks.environment import whole
from ..stacks.stack import Stack
from .connections import show_connections
from .kernel.links import link_to
from .kernel.parameters import executed_cells, injected_parameters, require_given, require_texts, split_parameters
from .kernel.prompts import prompt
from .kernel.recorder import Recorder, finish_notebook
from .kernel.report import Report, Row, sleep_and_tick
from .kernel.tables import create_table
from .on_demand import finish_run, signature_check
from .preflight import require_unblocked
from .recording import Recording
from .start import (
    aws_client,
    environment_lock,
    find_operator,
    is_earlier_notebook_running,
    new_run,
    pack_webapp,
    run_metadata,
)  # fmt: skip

MODES = ("plan", "apply", "verify", "destroy")


class Runbook:
    """One run of one notebook against one environment.

    A verb acts only when it is the run's mode; otherwise it shows what it would do.  In an apply,
    ``verify`` acts too.

    Args:
        name: The notebook, e.g. ``01_network``.
        env: A file in ``params/``.
        mode: ``plan``, ``apply``, ``verify`` or ``destroy``.
        approved: Fingerprints of the reviewed plans, separated by commas; ``nothing`` approves no change.
        confirm: The environment's name, required to destroy it.
        change: The id of the change request, for the evidence.
        asked_by: Who asked for the run, if not the operator, for the evidence.

    Raises:
        RunbookError: The parameters, the credentials or the endpoint are wrong.
    """

    def __init__(
        self, name: str, *, env: str, mode: str = "plan", approved: str = "", confirm: str = "", change: str = "",
        asked_by: str = "",
    ) -> None:  # fmt: skip
        request = {"mode": mode, "change": change, "asked_by": asked_by, "approved": approved}
        require_texts(env=env, confirm=confirm, **request)
        used = {"env": env, "confirm": confirm, **request}
        self._require_parameters = partial(require_given, used, opened=len(executed_cells()))
        self._require_parameters()
        if mode not in MODES:
            raise RunbookError(f"There is no mode {mode!r}.", fix=f"Use one of: {', '.join(MODES)}.")
        root = paths.root()
        self.name, self.mode, self.change, self._confirm, self._root = name, mode, str(change), confirm, root
        self.params = load(
            root / "params" / f"{env}.yaml", split_parameters(injected_parameters(), Params.model_fields)
        )
        self.env = self.params.env
        self.run = os.environ.get("RUNBOOK_RUN") or new_run(mode)
        self._folder = RunFolder(root / "artifacts" / self.env, self.run, name)
        self._journal = self._folder.journal()
        self.aws = aws_client(self.params, root, self.run, self._journal.write)
        self.caller = ""
        try:
            self.caller = self.aws.require_account(self.params.account)
        finally:  # a run that AWS rejects is recorded, too
            self._journal.write("open", run=self.run, **request, caller=self.caller, **run_metadata(self.params))
            self._recorder = Recorder.start(self._folder, self._journal)
        self._approval = Approval(
            approved, required=self.params.approval.required, evidence=self._folder.environment,
            require_signed=signature_check(self.params, root, self.run, self.change, self._journal.write),
        )  # fmt: skip
        self._lock = environment_lock(self.params, self.aws, self.caller, self._journal.write)
        self._engine = Engine(
            self.aws, self._journal, ensure_lock=self._acquire_lock,
            keep_lock=lambda: self._lock.keep(datetime.now(UTC)), snapshot_age=inf if mode == "plan" else REPLAN_AGE,
            dependencies_pending=partial(is_earlier_notebook_running, self._journal.path),
            clock=Clock(sleep=sleep_and_tick),
        )  # fmt: skip
        self._recording = Recording(self._folder, self._journal, self._engine, self.run, self.caller, self.change)

    def plan(self, stack: Stack) -> Report:
        """Plan a whole stack; the report names the fingerprint that approves the plan.

        In ``destroy`` mode it is the plan to destroy the stack.

        Raises:
            Blocked: In ``apply`` mode: a change cannot be made, here or in a later notebook of the run.
        """
        self._require_parameters()
        present = self.mode != "destroy"
        plan = self._engine.plan(stack, present=present)
        self._approval.add_plan(plan)
        self._recording.record_plan(plan, present=present)
        self._recording.record_inventory(stack, BEFORE)
        if self.mode == "apply":
            require_unblocked(plan, self._engine, self.params, self.name, self.bundle)
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
        with self._locked(report.live()):
            self._engine.apply(
                part,
                require_approval=partial(self._approval.require, scope=self._engine.scope, stack=part.whole),
                on_progress=report.on_progress,
            )
        return report.close("Accepted by AWS." if plan.todo else "Nothing to do.")

    def verify(self, stack: Stack, *checks: Check) -> Report:
        """Wait until a stack and what it needs are ready, then compare it with the parameters and run the checks.

        Raises:
            DriftDetected: Something differs from the parameters, or a check failed.
        """
        self._require_parameters()
        if self.mode not in ("apply", "verify"):
            plan = self._engine.plan(stack)
            return Report(f"would verify {stack.name}: now {count_text(plan)}", plan=plan)
        report = Report(f"verify {stack.name}").live()
        with self._errors_recorded(report):
            observed = self._engine.survey(stack, refresh=True)
            needs = dict.fromkeys(need for r in stack for need in (r, *r.ready_dependencies))
            self._engine.wait_until_ready([r for r in needs if observed[r]], observed, report.on_progress)
            plan = self._engine.plan(stack, refresh=True)
            observed = self._engine.survey(stack)
            results = {check.claim: self._recording.record_check(check, observed, report) for check in checks}
            failed = {claim: found for claim, (ok, found) in results.items() if not ok}
            self._journal.write("verify", stack=stack.name, ok=not (plan.todo or failed), failed=list(failed))
            self._recording.record_inventory(stack, AFTER)
            require_no_drift(stack, plan, failed)
        orphans = self._recording.record_orphans(self.params, report)
        return report.close(f"No difference: {count_text(plan)}.{orphans}")

    def destroy(self, stack: Stack) -> Report:
        """Destroy a stack, in ``destroy`` mode and when ``confirm`` names the environment.

        Raises:
            Unconfirmed: ``confirm`` does not name the environment.
            DestroyPrevented: The parameters protect a resource of the environment.
            StillNeeded: A resource that depends on the stack still exists.
        """
        self._require_parameters()
        plan = self._engine.plan(stack, present=False)
        if self.mode != "destroy":
            if self.mode == "plan":
                self._recording.record_plan(plan, present=False)
            along = ", ".join(r.key for r in stack if r.implicit)
            also = f"\n{along}: deleted with what it belongs to." if along else ""
            how = f"To destroy it, run with mode=destroy and confirm={self.env}.  Fingerprint: {plan.fingerprint}"
            closing = f"Nothing is destroyed in this mode.{also}\n{how}"
            return Report.of(plan, f"would destroy {stack.name}: {count_text(plan)}", closing, folded=True)
        if self._confirm != self.env:
            wrong = f"Destroying {stack.name} of {self.env} needs confirm={self.env}, not {self._confirm!r}."
            raise Unconfirmed(wrong, fix=f"Set confirm to {self.env}.")
        environment = whole(self.params)
        require_destroyable(stack, environment, self._engine.survey(environment, refresh=True))
        self._approval.add_plan(plan)
        report = Report.of(plan, f"destroy {stack.name}: {count_text(plan)}").live()
        with self._locked(report):
            self._engine.destroy(
                stack,
                require_approval=partial(self._approval.require, scope=self._engine.scope, stack=stack.whole),
                on_progress=report.on_progress,
            )
        self._recording.record_inventory(stack, AFTER)
        orphans = self._recording.record_orphans(self.params, report)
        return report.close(("Destroyed." if plan.todo else "Nothing to do.") + orphans)

    def table(self, part: Stack) -> pd.DataFrame:
        """Show what exists of a part now: ids, states and settings; also written as CSV and JSON."""
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

    def close(self) -> Report:
        """End the run: write the executed notebook and sign the evidence; after that, no verb can act.

        A headless run is finished by the command when all of its notebooks have ended.
        """
        sign = partial(finish_run, self.params, self._root, self.run, unrecorded_state="closed")
        folder = self._folder.path
        links = {name: link_to(folder / name, folder) for name in ("report.html", f"{self.name}.html")}
        return Report(f"end of {self.name}", closing=finish_notebook(self._recorder, sign, folder), links=links)

    def bundle(self) -> Bundle | None:
        """Pack ``webapp/``; ``None`` when none is deployed: from GitHub, or in a destroy."""
        needed = self.params.deploy.source == "s3" and self.mode != "destroy"
        return pack_webapp(self._root, self.params) if needed else None

    def _ipython_display_(self) -> None:
        if not self._recorder:
            raise NotImplementedError  # IPython in a terminal then shows the text
        self._recorder.show_progress(self._facts())

    def __repr__(self) -> str:
        return "\n".join(f"{name:<12} {value}" for name, value in self._facts().items() if value)

    def _facts(self) -> dict[str, str]:
        return {
            "notebook": self.name,
            "environment": f"{self.env} · account {self.params.account} · {self.params.region}",
            "mode": self.mode,
            "as": self.caller,
            "change": self.change,
            "run": self.run,
            "evidence": str(self._folder.path),
            "never closed": describe_unfinished(self._folder.environment, current=self.run),
        }

    def _acquire_lock(self) -> None:
        self._journal.require_open()
        self._lock.acquire(datetime.now(UTC))

    @contextmanager
    def _locked(self, report: Report) -> Iterator[None]:
        """Release the lock after the verb, unless the run continues in other notebooks."""
        try:
            with self._errors_recorded(report):
                yield
        finally:
            if "RUNBOOK_RUN" not in os.environ:
                self._lock.release()

    @contextmanager
    def _errors_recorded(self, report: Report) -> Iterator[None]:
        """Record an error in the report and in the journal."""
        try:
            yield
        except BaseException as error:
            report.close("Stopped.")
            self._journal.write("stopped", error=f"{type(error).__name__}: {error}")
            raise
