"""What closes a run's folder: a signed statement over the SHA-256 of every file in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer

from ...errors import EvidenceError
from ...files import write_atomically
from ...journal.journal import MANIFEST
from ...journal.reader import of_kind, read_events, run_parameters
from ..git import source
from .dsse import sign, statement, subject

PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:runbook:run:v1"
"""What is "built" is the evidence of one run; docs/evidence.md says what the parameters mean."""
APPROVALS = "approvals"
"""The one folder that may grow after a run is closed: what lies there is signed by itself."""


def sign_manifest(folder: Path, signer: Signer, *, code: Path, params: Path) -> Path:
    """Sign the folder as it is now.

    Args:
        code: The checkout that ran: its commit goes into the statement.
        params: The parameter file, whose digest goes there, too.

    Raises:
        EvidenceError: It is closed already, or holds something that is no file.
    """
    path = folder / MANIFEST
    if path.exists():
        raise EvidenceError(f"{folder.name} is closed already.", fix=f"See: runbook evidence show {folder}")
    strange = [name for name, file in files(folder).items() if file.is_symlink() or not file.is_file()]
    if strange:
        raise EvidenceError(
            f"{', '.join(strange)}: a link or a device is no evidence.", fix="Put the file there instead."
        )
    for nothing in reversed([*empty(folder)]):
        nothing.rmdir()
    about = [subject(name, digest(file)) for name, file in files(folder).items()]
    write_atomically(
        path, sign(statement(PROVENANCE, about, _provenance(folder, list(_sources(code, params)))), signer)
    )
    return path


def files(folder: Path) -> dict[str, Path]:
    """Every file of a run but its manifest, by its name within the folder; links count, and are not followed."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    named = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: named[name] for name in sorted(named) if name != MANIFEST}


def empty(folder: Path) -> Iterator[Path]:
    """The folders in it that hold no file: they say nothing, and a closed run has none."""
    held = {parent for path in files(folder).values() for parent in path.parents}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink() and path not in held:
            yield path


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _provenance(folder: Path, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """https://slsa.dev/spec/v1.0/provenance"""
    events = read_events(folder)
    first, opened = run_parameters(folder), next(of_kind(events, "open"), {})
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    external = ("env", "mode", "change", "asked_by", "approved", "confirm", "notebooks")
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {name: first[name] for name in external if first.get(name)},
            "internalParameters": {name: opened[name] for name in ("account", "region", "operator") if name in opened},
            "resolvedDependencies": sources,
        },
        "runDetails": {
            "builder": {"id": f"urn:runbook:caller:{opened.get('caller', 'unknown')}"},
            "metadata": {
                "invocationId": folder.name,
                "startedOn": events[0]["at"] if events else now,
                "finishedOn": now,
            },
        },
    }


def _sources(code: Path, params: Path) -> Iterator[dict[str, Any]]:
    """The commit, and whether something was changed since; the parameters as they were read."""
    if made_from := source(code):
        about = {"digest": {"gitCommit": made_from["commit"]}, "annotations": {"clean": made_from["clean"]}}
        yield {"name": "source", **about}
    if params.is_file():
        yield {"name": f"params/{params.name}", "digest": {"sha256": digest(params)}}
