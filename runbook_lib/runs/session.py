"""A run of one notebook, from its start to its end: what all verbs of the notebook share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import inf

from .. import paths
from ..aws.client import SIDE_BY_SIDE
from ..engine.approval import Approval
from ..engine.context import Clock
from ..engine.engine import REPLAN_AGE, Engine
from ..errors import RunbookError
from ..evidence.folder import RunFolder
from ..evidence.notebooks.progress import describe_unfinished
from ..params import Params, load, params_file
from ..stacks.application.bundle import Bundle
from .adoption import check_adopted
from .kernel.links import link_to
from .kernel.parameters import executed_cells, injected_parameters, require_given, require_texts, split_parameters
from .kernel.recorder import Recorder, finish_notebook
from .kernel.report import Report, sleep_and_tick
from .on_demand import finish_run, signature_check
from .orphans import KnownOrphans
from .preflight import Preflight, record_refused_credentials
from .recording import Recording
from .rehearsal import ENDPOINT, prepare_rehearsal
from .start import (
    aws_client,
    bucket_of,
    environment_lock,
    is_earlier_notebook_running,
    new_run,
    pack_webapp,
    run_metadata,
)  # fmt: skip

MODES = ("plan", "apply", "verify", "destroy")


class Session:
    """One run of one notebook: its parameters, account, evidence and lock.

    Args:
        name: The notebook, e.g. ``01_network``.
        env: A file in ``params/``.
        mode: ``plan``, ``apply``, ``verify`` or ``destroy``.
        approved: Fingerprints of the reviewed plans, separated by commas; ``nothing`` approves no change.
        confirm: The environment's name, required to destroy it.
        change: The id of the change request, for the evidence.
        asked_by: Who asked for the run, if not the operator, for the evidence.
        skip_preflight: Why an apply goes on although its preflight failed, for the evidence.

    Raises:
        RunbookError: The parameters, the credentials or the endpoint are wrong.
    """

    def __init__(
        self, name: str, *, env: str, mode: str = "plan", approved: str = "", confirm: str = "", change: str = "",
        asked_by: str = "", skip_preflight: str = "",
    ) -> None:  # fmt: skip
        request = {"mode": mode, "change": change, "asked_by": asked_by, "approved": approved}
        require_texts(env=env, confirm=confirm, skip_preflight=skip_preflight, **request)
        used = {"env": env, "confirm": confirm, "skip_preflight": skip_preflight, **request}
        self._require_parameters = partial(require_given, used, opened=len(executed_cells()))
        self._require_parameters()
        if mode not in MODES:
            raise RunbookError(f"There is no mode {mode!r}.", fix=f"Use one of: {', '.join(MODES)}.")
        root = paths.root()
        self.name, self.mode, self._confirm = name, mode, confirm
        self.change, self.asked_by = change, asked_by
        overrides = split_parameters(injected_parameters(), Params.model_fields)
        rehearse = overrides.get("endpoint") == ENDPOINT and params_file(root, env).is_file()
        if rehearse:
            del overrides["endpoint"]
        self.params = load(params_file(root, env), overrides)
        if rehearse:
            root, self.params = prepare_rehearsal(root, self.params)
        check_adopted(self.params)
        self._root = root
        self.env = self.params.env
        self.run = os.environ.get("RUNBOOK_RUN") or new_run(mode)
        self._folder = RunFolder(root / "artifacts" / self.env, self.run, name)
        self._journal = self._folder.journal()
        # What is to be adopted is ours once an apply has tagged it: until then a destroy must not take it for ours.
        asked = self.params.model_copy(update={"adopt": {}}) if mode == "destroy" else self.params
        self.aws = aws_client(asked, root, self.run, self._journal.write)
        self.caller = ""
        try:
            self.caller = self.aws.require_account(self.params.account)
        except RunbookError as error:
            record_refused_credentials(self._journal, error)
            raise
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
            keep_lock=self._lock.keep, snapshot_age=inf if mode == "plan" else REPLAN_AGE,
            dependencies_pending=partial(is_earlier_notebook_running, self._journal.path),
            side_by_side=SIDE_BY_SIDE, clock=Clock(sleep=sleep_and_tick),
        )  # fmt: skip
        self._recording = Recording(self._folder, self._journal, self._engine, self.run, self.caller, self.change)
        self._preflight = Preflight(
            self._engine, self.params, name, self._journal, self.caller, mode, skip_preflight, self.bundle
        )
        self._orphans = KnownOrphans(self.params, self.aws, bucket_of(self.params).aws_name(self.aws))

    def bundle(self) -> Bundle | None:
        """Pack ``webapp/``; ``None`` when it is not deployed: from GitHub, with a named revision, or in a destroy."""
        wanted = self.params.deploy
        needed = wanted.source == "s3" and not wanted.revision and self.mode != "destroy"
        return pack_webapp(self._root, self.params) if needed else None

    def close(self) -> Report:
        """End the run: write the executed notebook and sign the evidence; after that, no verb can act.

        A headless run is finished by the command when all of its notebooks have ended.
        """
        sign = partial(finish_run, self.params, self._root, self.run, unrecorded_state="closed")
        folder = self._folder.path
        links = {name: link_to(folder / name, folder) for name in ("report.html", f"{self.name}.html")}
        return Report(f"end of {self.name}", closing=finish_notebook(self._recorder, sign, folder), links=links)

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
            "asked by": self.asked_by,
            "run": self.run,
            "evidence": str(self._folder.path),
            "never closed": describe_unfinished(self._folder.environment, current=self.run),
        }

    def _acquire_lock(self, *, deletes_bucket: bool = False) -> None:
        self._journal.require_open()
        self._lock.acquire(deletes_bucket=deletes_bucket)
        if self.mode == "apply":
            self._orphans.add_parameters()

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
