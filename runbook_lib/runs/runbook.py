"""What a notebook holds in its hand: one object that opens a run and speaks the verbs."""

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
from ..engine.engine import REPLAN_AGE, Engine
from ..engine.guards import require_destroyable
from ..engine.orphans import find_orphans
from ..engine.plan import Plan, count_text
from ..engine.verify import require_no_drift
from ..errors import RunbookError, Unconfirmed
from ..evidence import topology
from ..evidence.drawing.svg import Svg
from ..evidence.drawing.timeline import draw_timeline
from ..evidence.files import redacted_frame, write_table
from ..evidence.folder import RunFolder
from ..evidence.notebooks.progress import unfinished_runs
from ..evidence.report.inventory import AFTER, BEFORE, EVENT, build_inventory
from ..journal.reader import events_of
from ..journal.summary import ended_notebooks
from ..journal.timeline import build_timeline
from ..params import Params, load
from ..resources.base import ObservedState, Resource
from ..stacks.bundle import Bundle
from ..stacks.checks.check import Check
from ..stacks.environment import whole
from ..stacks.stack import Stack
from .finish import close, finish_notebook, signature_check
from .kernel import key_values as facts
from .kernel.parameters import injected_parameters, require_texts, split_parameters
from .kernel.prompts import prompt
from .kernel.recorder import Recorder
from .kernel.report import Report, Row
from .kernel.tables import table
from .operator import operator
from .start import aws_client, environment_lock, new_run, pack_webapp, run_metadata

MODES = ("plan", "apply", "verify", "destroy")


class Runbook:
    """One run of one notebook against one environment.

    A cell acts only when its verb is the run's mode; otherwise it shows what it would do.
    ``verify`` also acts at the end of an apply.

    Args:
        name: The notebook, e.g. ``01_network``.
        env: A file in ``params/``.
        mode: ``plan``, ``apply``, ``verify`` or ``destroy``.
        approved: Fingerprints of the reviewed plans; several with commas between. ``nothing`` approves no change.
        confirm: The environment's name, to destroy it.
        change: Id of the change request; goes into the evidence.
        asked_by: Who asked for it, where that is not whoever runs it; goes into the evidence.

    Raises:
        RunbookError: The parameters, the credentials or the endpoint are not what they should be.
    """

    def __init__(
        self, name: str, *, env: str, mode: str = "plan", approved: str = "", confirm: str = "", change: str = "",
        asked_by: str = "",
    ) -> None:  # fmt: skip
        asked = {"mode": mode, "change": change, "asked_by": asked_by, "approved": approved}
        require_texts(env=env, confirm=confirm, **asked)
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
        finally:  # whom AWS sends away has asked all the same
            self._journal.write("open", run=self.run, **asked, caller=self.caller, **run_metadata(self.params))
            self._recorder = Recorder.start(self._folder, self._journal)
        self._approval = Approval(
            approved, required=self.params.approval.required, evidence=self._folder.environment,
            require_signed=signature_check(self.params, root, self.run, self.change, self._journal.write),
        )  # fmt: skip
        self._lock = environment_lock(self.params, self.aws, self.caller, self._journal.write)
        age = inf if mode == "plan" else REPLAN_AGE
        self._engine = Engine(
            self.aws, self._journal, ensure_lock=self._hold, snapshot_age=age, dependencies_pending=self._coming
        )

    def plan(self, stack: Stack) -> Report:
        """The whole plan of a stack, with the fingerprint by which it is approved.

        In ``destroy`` mode it is the plan of the removal.
        """
        present = self.mode != "destroy"
        plan = self._engine.plan(stack, present=present)
        self._approval.add_plan(plan)
        self._keep(plan, present=present)
        self._take_stock(stack, BEFORE)
        closing = "Nothing to do." if not plan.todo else f"Fingerprint: {plan.fingerprint}"
        verb = "plan" if present else "plan to destroy"
        return Report.of(plan, f"{verb} {stack.name}: {count_text(plan)}", closing, whole=True)

    def apply(self, part: Stack) -> Report:
        """Bring a part of a stack about; returns as soon as AWS has accepted it.

        Raises:
            RunbookError: What stopped it; run the cell again to go on from there.
        """
        plan = self._engine.plan(part)
        if self.mode != "apply":
            return Report.of(plan, f"would apply {part.name}: {count_text(plan)}")
        report = Report.of(plan, f"apply {part.name}: {count_text(plan)}").live()
        with self._writing(report):
            self._engine.apply(
                part,
                require_approval=partial(self._approval.require, scope=self._engine.scope, stack=part.whole),
                on_progress=report.watch,
            )
        return report.close("Accepted by AWS." if plan.todo else "Nothing to do.")

    def verify(self, stack: Stack, *checks: Check) -> Report:
        """Wait until all of it is ready, look again with fresh eyes, and test the claims.

        Raises:
            DriftDetected: When anything differs from the parameters, or a claim does not hold.
        """
        if self.mode not in ("apply", "verify"):
            plan = self._engine.plan(stack)
            return Report(f"would verify {stack.name}: now {count_text(plan)}", plan=plan)
        report = Report(f"verify {stack.name}").live()
        with self._noted(report):
            seen = self._engine.survey(stack, refresh=True)
            self._engine.wait_until_ready([r for r in stack if seen[r]], seen, report.watch)
            plan = self._engine.plan(stack, refresh=True)
            seen = self._engine.survey(stack)
            failed = [check.claim for check in checks if not self._holds(check, seen, report)]
            self._journal.write("verify", stack=stack.name, ok=not (plan.todo or failed), failed=failed)
            self._take_stock(stack, AFTER)
            require_no_drift(stack, plan, failed)
        stray = self._strays(report)
        return report.close(f"No difference: {count_text(plan)}.{stray}")

    def destroy(self, stack: Stack) -> Report:
        """Remove a stack, when the run's mode says so and ``confirm`` names the environment.

        Raises:
            Unconfirmed: Without that name.
            DestroyPrevented: When the parameters protect any of the environment's resources.
            StillNeeded: When something that stands on the stack is still there.
        """
        plan = self._engine.plan(stack, present=False)
        if self.mode != "destroy":
            if self.mode == "plan":
                self._keep(plan, present=False)
            how = f"To do it, run with mode=destroy and confirm={self.env}.  Fingerprint: {plan.fingerprint}"
            return Report.of(plan, f"would destroy {stack.name}: {count_text(plan)}", how, folded=True)
        if self._confirm != self.env:
            raise Unconfirmed(
                f"To destroy {stack.name} of {self.env} needs confirm={self.env}, not {self._confirm!r}.",
                fix=f"Set confirm to {self.env}, if that is what you mean.",
            )
        everything = whole(self.params)
        require_destroyable(stack, everything, self._engine.survey(everything, refresh=True))
        self._approval.add_plan(plan)
        report = Report.of(plan, f"destroy {stack.name}: {count_text(plan)}").live()
        with self._writing(report):
            self._engine.destroy(
                stack,
                require_approval=partial(self._approval.require, scope=self._engine.scope, stack=stack.whole),
                on_progress=report.watch,
            )
        self._take_stock(stack, AFTER)
        stray = self._strays(report)
        return report.close(("All of it is gone." if plan.todo else "Nothing to do.") + stray)

    def table(self, part: Stack) -> pd.DataFrame:
        """What exists of a part now: ids, states and key settings; also kept as CSV."""
        frame = redacted_frame(table(part, self._engine.survey(part)))
        write_table(self._folder.table_path(part.name), frame)
        return frame

    def topology(self) -> Svg:
        """What runs where now, and who may talk to whom: a picture of what AWS shows; also kept as SVG."""
        seen = topology.discover(Snapshot(self.aws), datetime.now(UTC))
        self._journal.write(topology.EVENT, seen=seen.model_dump(mode="json"))
        return self._folder.write_drawing(topology.draw_topology(seen))

    def timeline(self) -> Svg:
        """When each change of the run was made, up to now, and what it waited for; also kept as SVG."""
        return self._folder.write_drawing(draw_timeline(build_timeline(events_of(self._journal.path))))

    def by_hand(self, step: Resource | Stack | str, reason: str) -> Report:
        """Take note that a step was done by hand; ``verify`` looks at the account all the same."""
        what = [step] if isinstance(step, str) else [r.key for r in step] if isinstance(step, Stack) else [step.key]
        if not reason.strip():
            raise RunbookError("A step done by hand needs a reason.", fix="Say why, and who asked for it.")
        rows = [Row("=", key, (reason,)) for key in what]
        if self.mode == "plan":
            return Report("would note as done by hand", rows)
        self._journal.write("by_hand", keys=what, reason=reason, caller=self.caller, operator=operator())
        return Report("noted as done by hand", rows, "Verify looks at the account all the same.")

    def confirm(self, question: str, phrase: str = "") -> Report:
        """Let whoever runs the cell type a phrase, the environment's name by default, before it goes on.

        Raises:
            Unconfirmed: They typed something else, or nobody is there to answer.
        """
        phrase = phrase or self.env
        if self.mode not in ("apply", "destroy"):
            return Report(f"would ask: {question}", closing=f"To be answered with {phrase!r}.")
        asked = {"question": question, "phrase": phrase, "caller": self.caller, "operator": operator()}
        with self._journal.step("confirm", **asked):
            prompt(question, phrase)
        return Report(f"confirmed: {question}")

    def close(self) -> Report:
        """Keep the notebook as executed, and sign what this run leaves behind; nothing can be done in it any more.

        A headless run is closed by the command, once all of its notebooks have ended.
        """
        sign = partial(close, self.params, self._root, self.run, told="closed")
        return Report(f"closed {self.name}", closing=finish_notebook(self._recorder, sign, self._folder.path))

    def bundle(self) -> Bundle | None:
        """Pack ``webapp/``; ``None`` where no bundle is deployed: from GitHub, or while destroying."""
        if self.mode == "destroy" or self.params.deploy.source != "s3":
            return None
        return pack_webapp(self._root)

    def __repr__(self) -> str:
        return facts.to_text(self._facts())

    def _repr_html_(self) -> str:
        return facts.to_html(self._facts())

    def _facts(self) -> dict[str, str]:
        return {
            "notebook": self.name,
            "environment": f"{self.env} · account {self.params.account} · {self.params.region}",
            "mode": self.mode,
            "as": self.caller,
            "change": self.change,
            "run": self.run,
            "evidence": str(self._folder.path),
            "never closed": "; ".join(
                f"{run} {told}" for run, told in unfinished_runs(self._folder.environment, current=self.run)
            ),
        }

    def _keep(self, plan: Plan, *, present: bool) -> None:
        self._journal.write("plan", fingerprint=plan.fingerprint, present=present, count=plan.count, **plan.as_dict())
        self._folder.write_plan(
            plan, run=self.run, caller=self.caller, change=self.change, verb="apply" if present else "destroy"
        )

    def _take_stock(self, stack: Stack, when: str) -> None:
        seen = self._engine.survey(stack)
        self._journal.write(EVENT, when=when, stack=stack.name, resources=build_inventory(stack, seen))

    def _holds(self, check: Check, seen: ObservedState, report: Report) -> bool:
        ok, found = check.probe(Snapshot(self.aws), seen)
        self._journal.write("check", claim=check.claim, ok=ok, found=found)
        report.rows.append(Row("✓" if ok else "✗", check.claim, () if ok else (f"found: {found}",)))
        return ok

    def _strays(self, report: Report) -> str:
        known = {r.key for r in whole(self.params)}
        found = find_orphans(Snapshot(self.aws), known)
        self._journal.write("strays", found=[vars(s) for s in found])
        report.rows.extend(Row("?", s.key or s.arn, (s.arn,)) for s in found)
        if not found:
            return ""
        return f"\n{len(found)} tagged as ours (?) that nothing asks for: look at them, and remove them by hand."

    def _hold(self) -> None:
        self._journal.require_open()
        self._lock.acquire(datetime.now(UTC))

    def _coming(self) -> bool:
        """Whether the notebooks that come before this one in the same run are still at it."""
        before = set(os.environ.get("RUNBOOK_BEFORE", "").split())
        return bool(before - ended_notebooks(self._journal.path))

    @contextmanager
    def _writing(self, report: Report) -> Iterator[None]:
        """Give the lock back after the verb, unless the run goes on in other notebooks."""
        try:
            with self._noted(report):
                yield
        finally:
            if "RUNBOOK_RUN" not in os.environ:
                self._lock.release()

    @contextmanager
    def _noted(self, report: Report) -> Iterator[None]:
        """Say in report and journal what stopped it."""
        try:
            yield
        except BaseException as error:
            report.close("Stopped.")
            self._journal.write("stopped", error=f"{type(error).__name__}: {error}")
            raise
