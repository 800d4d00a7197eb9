"""Finish a run: complete its folder, sign it, pack it, and upload it where the parameters ask for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer

from ..engine.plan import PlanDict
from ..errors import EvidenceError
from ..evidence import storage
from ..evidence.attestation import archive, keys, manifest
from ..evidence.attestation.approvals import SignedApprovals
from ..evidence.folder import RunFolder
from ..evidence.notebooks.comparison import compare_with_source
from ..evidence.notebooks.html import export_html
from ..evidence.notebooks.metadata import mark_interrupted
from ..evidence.notebooks.progress import NotebookProgress, is_running, read_progress
from ..evidence.origin import EVENT as ORIGIN
from ..evidence.report.changes import DONE
from ..evidence.report.page import write_report
from ..evidence.report.run_record import read_run
from ..evidence.verification.completeness import NOT_RUN, planned_notebooks
from ..journal.reader import JOURNAL, of_kind, read_events, run_parameters
from ..journal.summary import ended_notebooks
from ..params import Params, load, params_file
from ..paths import checkout, reviewed
from .final_survey import begin_final_survey
from .kernel.parameters import parse_assignments, split_parameters
from .start import aws_client, bucket_of
from .time_limit import within

_READ_ONLY = ("plan", "verify")
_START_EVENTS = ("open", "recording", "cell", "cells")
"""Events that only a notebook that was started writes."""


def finish_run(
    params: Params, root: Path, run: str, *, unrecorded_state: str = "", seconds: float | None = None
) -> str:
    """Complete, sign and pack the folder of a run, however the run ended; returns where the archive is.

    Args:
        unrecorded_state: The state of notebooks whose cells were not recorded, e.g. of a script; ``interrupted``
            where it is empty.
        seconds: How long each step may take that waits for AWS; ``None`` for as long as it takes.  A survey that
            takes longer is left out, and recorded as such.

    Raises:
        EvidenceError: The folder could not be signed or stored; its content is unchanged.
        OutOfTime: AWS did not sign or store it in time.
    """
    folder = RunFolder(root / "artifacts" / params.env, run, "runner")
    try:
        _write_missing_ends(folder, unrecorded_state)
        record_final_state = begin_final_survey(params, root, run, seconds=seconds)
        for notebook in folder.path.glob("*.ipynb"):
            if not notebook.with_suffix(".html").exists():
                export_html(notebook)
        record_final_state()
        _record_origins(folder)
        write_report(folder.path)
        within(
            seconds if params.evidence.kms_key else None,
            lambda: manifest.sign_manifest(
                folder.path,
                signer_of_run(params, root, run),
                code=checkout(),
                params=root / "params" / f"{params.env}.yaml",
            ),
            "The signature by AWS KMS",
        )
        packed = archive.pack(folder.path)
    except OSError as error:
        raise EvidenceError(
            f"{folder.path} could not be closed: {error.strerror or error}",
            fix=f"Make room on the disk, then run: runbook evidence close {run}. Until then the run is not signed.",
        ) from error
    return within(
        seconds if params.evidence.store == "bucket" else None,
        lambda: _store(params, root, run, packed),
        f"The upload of {packed}",
    )


def finish_papermill_run(notebook: Any, folder: Path) -> str:
    """Finish the run of a notebook that papermill ran without the command; returns where the archive is.

    Args:
        notebook: The executed notebook, which contains the parameters papermill passed.
        folder: The run's folder.
    """
    values: dict[str, Any] = {}
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            values |= parse_assignments(cell.source)
    root, env = folder.parents[2], folder.parent.name
    params = load(params_file(root, env), split_parameters(values, Params.model_fields))
    return finish_run(params, root, folder.name)


def finish_interrupted_run(folder: Path) -> str:
    """Finish a run whose process was killed or whose notebook was never closed; returns where the archive is.

    Raises:
        EvidenceError: The run may still be in progress.
    """
    root, env = folder.parents[2], folder.parent.name
    params = load(params_file(root, env))
    events = read_events(folder)
    if is_running(events):
        raise EvidenceError(
            f"{folder.name} is still running, or it ran on another machine.",
            fix="Wait until it has ended, or close it on that machine: run book.close() in its notebook or shut down"
            " the kernel.",
        )
    for notebook in planned_notebooks(events):
        mark_interrupted(folder / f"{notebook}.ipynb", "its process was killed")
    return finish_run(params, root, folder.name)


def signature_check(
    params: Params, root: Path, run: str, change: str, record: Callable[..., None]
) -> Callable[[PlanDict], None]:
    """Create the check that a plan has enough signed approvals."""
    return signed_approvals(params, root, run, change, record).require


def signed_approvals(
    params: Params, root: Path, run: str, change: str, record: Callable[..., None] = lambda *a, **k: None
) -> SignedApprovals:
    """The signed approvals in an environment's evidence, as they count for a run."""
    environment = root / "artifacts" / params.env
    return SignedApprovals(
        params.approval.signers,
        params.approval.threshold,
        timedelta(hours=params.approval.valid_hours),
        environment=environment,
        folder=environment / run,
        load_signer=lambda: signer_of_run(params, root, run),
        change=change,
        on_used=record,
    )


def signer_of_run(params: Params, root: Path, run: str) -> Signer:
    """The key that signs a run: the KMS key that the parameters name, or else this machine's.

    A plan and a verify are always signed by the machine's key.  The role that makes them may be
    one that any branch of the repository can take; with the KMS key, it could sign an apply that never was.
    """
    if params.evidence.kms_key and not _is_read_only(root / "artifacts" / params.env / run):
        return keys.KmsSigner(aws_client(params, root, run).kms, params.evidence.kms_key)
    return keys.machine_key(root)


def upload(params: Params, root: Path, run: str, packed: Path) -> str:
    """Upload an archive to the environment's bucket; returns its URL.

    Raises:
        UploadFailed: The bucket does not exist, or AWS rejected the upload.
    """
    aws = aws_client(params, root, run)
    return storage.store(aws, bucket_of(params).aws_name(aws), packed, params.evidence.object_lock)


def _write_missing_ends(folder: RunFolder, unrecorded_state: str) -> None:
    """Write how each notebook ended that did not write it itself: interrupted, never started, or not recorded."""
    journal = folder.path / JOURNAL
    events = read_events(folder.path)
    started = {event.get("notebook") for event in of_kind(events, *_START_EVENTS)}
    for notebook in planned_notebooks(events):
        if notebook not in ended_notebooks(journal):
            progress = read_progress(events, notebook)
            state = _final_state(progress, unrecorded_state) if notebook in started else NOT_RUN
            RunFolder(folder.environment, folder.path.name, notebook).journal().write("ended", state=state)


def _record_origins(folder: RunFolder) -> None:
    """Write for each executed notebook whether it is the one of the commit, or in which cells it differs.

    Without a commit, it is compared with that of the installed package: somebody may have changed those of the project.
    """
    commit = str((read_run(read_events(folder.path)).source or {}).get("commit", ""))
    code = checkout() if commit else reviewed()
    for path in sorted(folder.path.glob("*.ipynb")):
        if found := compare_with_source(path, code, commit):
            own = RunFolder(folder.environment, folder.path.name, path.stem)
            own.journal().write(ORIGIN, **found.as_dict())


def _final_state(progress: NotebookProgress | None, unrecorded_state: str) -> str:
    if progress is None or not progress.closed:
        return unrecorded_state or "interrupted"
    return DONE if progress.success else progress.outcome.value


def _store(params: Params, root: Path, run: str, packed: Path) -> str:
    """Upload the archive if the parameters ask for it, and the run could change something.

    A plan and a verify write nothing to AWS, so the role that makes them needs no right to.
    """
    if params.evidence.store != "bucket" or _is_read_only(packed.with_suffix("")):
        return str(packed)
    return upload(params, root, run, packed)


def _is_read_only(folder: Path) -> bool:
    """Whether a run changes nothing; one that ended before it wrote its mode has it in its id."""
    mode = run_parameters(folder).get("mode") or "".join(folder.name.split("-")[1:2])
    return mode in _READ_ONLY
