"""Where a run ends: its folder is signed, packed, and stored where the parameters say."""

from __future__ import annotations

import os
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
from ..evidence.notebooks.html import export_html
from ..evidence.notebooks.metadata import mark_interrupted
from ..evidence.notebooks.progress import NotebookProgress, is_running, read_progress
from ..evidence.report.changes import DONE
from ..evidence.report.page import write_report
from ..evidence.verification.completeness import NOT_RUN, planned_notebooks
from ..journal.reader import JOURNAL, of_kind, read_events, run_parameters
from ..journal.summary import ended_notebooks
from ..params import Params, load
from ..paths import checkout
from .final_survey import record_final_state
from .kernel.parameters import parse_assignments, split_parameters
from .kernel.recorder import Recorder
from .start import aws_client, bucket_of

READING = ("plan", "verify")
_BEGINS = ("open", "recording", "cell", "cells")
"""What only a notebook that was begun writes down."""


def close(params: Params, root: Path, run: str, *, told: str = "") -> str:
    """Close the folder of a run, whatever became of it; returns where its archive is.

    Args:
        told: How notebooks ended of whose cells nobody kept an account, as in a script.

    Raises:
        EvidenceError: It could not be signed or stored; what lies in the folder is untouched.
    """
    folder = RunFolder(root / "artifacts" / params.env, run, "runner")
    try:
        _account_for(folder, told)
        for notebook in folder.path.glob("*.ipynb"):
            if not notebook.with_suffix(".html").exists():
                export_html(notebook)
        record_final_state(params, root, run)
        write_report(folder.path)
        manifest.sign_manifest(
            folder.path, signer(params, root, run), code=checkout(), params=root / "params" / f"{params.env}.yaml"
        )
        packed = archive.pack(folder.path)
    except OSError as error:
        raise EvidenceError(
            f"{folder.path} could not be closed: {error.strerror or error}",
            fix="Make room there. What is in the folder is what there is of this run; it stays unsigned.",
        ) from error
    return _stored(params, root, run, packed)


def finish_notebook(recorder: Recorder | None, sign: Callable[[], str], folder: Path) -> str:
    """Let the run of one notebook end, and sign it, when its last cell has ended; returns what there is to say of it.

    A headless run is closed by the command, and one in papermill's engine alone by that.
    """
    if "RUNBOOK_RUN" in os.environ:
        if recorder:
            recorder.close()
        return "The command closes the run, once all notebooks have ended."
    if recorder is None:
        return f"Signed, and packed for the change ticket: {sign()}"
    recorder.close(sign)
    return f"Kept and signed when this cell has ended: {folder}"


def signature_check(
    params: Params, root: Path, run: str, change: str, record: Callable[..., None]
) -> Callable[[PlanDict], None] | None:
    """What stops a run whose plan nobody has signed; ``None`` where the parameters name no signers."""
    if not params.approval.signers:
        return None
    environment = root / "artifacts" / params.env
    return SignedApprovals(
        params.approval.signers,
        params.approval.threshold,
        timedelta(hours=params.approval.valid_hours),
        environment=environment,
        folder=environment / run,
        load_signer=lambda: signer(params, root, run),
        change=change,
        on_used=record,
    ).require


def signer(params: Params, root: Path, run: str) -> Signer:
    """Whose key signs: this machine's, or the one in KMS that the parameters name."""
    if params.evidence.kms_key:
        return keys.KmsSigner(aws_client(params, root, run).kms, params.evidence.kms_key)
    return keys.machine_key(root)


def upload(params: Params, root: Path, run: str, packed: Path) -> str:
    """Upload an archive; returns where it is."""
    aws = aws_client(params, root, run)
    return storage.store(aws, bucket_of(params).aws_name(aws), packed, params.evidence.object_lock)


def _account_for(folder: RunFolder, told: str) -> None:
    """Write down how each notebook ended that was stopped before it could, or never begun, or had nobody to say it."""
    journal = folder.path / JOURNAL
    events = read_events(folder.path)
    begun = {event.get("notebook") for event in of_kind(events, *_BEGINS)}
    for notebook in planned_notebooks(events):
        if notebook not in ended_notebooks(journal):
            state = _ended(read_progress(events, notebook), told) if notebook in begun else NOT_RUN
            RunFolder(folder.environment, folder.path.name, notebook).journal().write("ended", state=state)


def _ended(found: NotebookProgress | None, told: str) -> str:
    if found is None or not found.closed:
        return told or "interrupted"
    return DONE if found.success else found.outcome.value


def finish_papermill_run(notebook: Any, folder: Path) -> str:
    """Close the run of a notebook that papermill ran by itself, not the command; returns where its archive is.

    Args:
        notebook: As it was executed: the parameters that papermill was given are in it.
    """
    given: dict[str, Any] = {}
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            given |= parse_assignments(cell.source)
    root, env = folder.parents[2], folder.parent.name
    params = load(root / "params" / f"{env}.yaml", split_parameters(given, Params.model_fields))
    return close(params, root, folder.name)


def finish_interrupted_run(folder: Path) -> str:
    """Close the run of a process that was killed, or of a notebook that nobody closed; returns where its archive is.

    Raises:
        EvidenceError: Somebody may still be at work on it.
    """
    root, env = folder.parents[2], folder.parent.name
    params = load(root / "params" / f"{env}.yaml")
    events = read_events(folder)
    if is_running(events):
        raise EvidenceError(
            f"{folder.name} is still at work, or ran on another machine.",
            fix="Let it end, or close it there; in a notebook, run book.close(), or shut down its kernel.",
        )
    for notebook in planned_notebooks(events):
        mark_interrupted(folder / f"{notebook}.ipynb", "its process was killed")
    return close(params, root, folder.name)


def _stored(params: Params, root: Path, run: str, packed: Path) -> str:
    """A run that only looks fails for want of a bucket as little as for want of anything else that is not built yet."""
    if params.evidence.store != "bucket":
        return str(packed)
    try:
        return upload(params, root, run, packed)
    except storage.UploadFailed as error:
        if error.code == storage.NO_BUCKET and _only_looked(packed.with_suffix("")):
            return f"{packed} (there is no bucket yet to store it in)"
        raise


def _only_looked(folder: Path) -> bool:
    return run_parameters(folder).get("mode") in READING
