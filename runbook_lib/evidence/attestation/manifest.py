"""The manifest that closes a run's folder: a signed statement with the SHA-256 of every file in it."""

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
from ...paths import for_shell
from ..git import read_source
from .dsse import build_statement, build_subject, sign

PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:runbook:run:v1"
"""The build is one run, and its artifacts are the evidence; docs/evidence.md explains the parameters."""
APPROVALS = "approvals"
"""The only folder that may grow after a run is closed: each file in it has its own signature."""


def sign_manifest(folder: Path, signer: Signer, *, code: Path, params: Path) -> Path:
    """Write the manifest of the folder as it is now; returns its path.

    Args:
        code: The checkout that ran; the statement holds its commit.
        params: The parameter file; the statement holds its digest.

    Raises:
        EvidenceError: The folder is closed already, or holds something that is not a regular file.
    """
    path = folder / MANIFEST
    if path.exists():
        raise EvidenceError(f"{folder.name} is closed already.", fix=f"See: runbook evidence show {for_shell(folder)}")
    irregular = [name for name, file in list_files(folder).items() if file.is_symlink() or not file.is_file()]
    if irregular:
        raise EvidenceError(f"{', '.join(irregular)}: not a regular file.", fix="Replace it with the file itself.")
    for empty in reversed([*find_empty_folders(folder)]):
        empty.rmdir()
    subjects = [build_subject(name, hash_file(file)) for name, file in list_files(folder).items()]
    predicate = _provenance(folder, list(_sources(code, params)))
    write_atomically(path, sign(build_statement(PROVENANCE, subjects, predicate), signer))
    return path


def list_files(folder: Path) -> dict[str, Path]:
    """Every file of a run except its manifest, by its path within the folder; links are listed, not followed."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: named[name] for name in sorted(named) if name != MANIFEST}


def find_empty_folders(folder: Path) -> Iterator[Path]:
    """The subfolders without any file; a closed run has none."""
    used = {parent for path in list_files(folder).values() for parent in path.parents}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink() and path not in used:
            yield path


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _provenance(folder: Path, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """Say what the run was made from, as https://slsa.dev/spec/v1.0/provenance wants it."""
    events = read_events(folder)
    first, opened = run_parameters(folder), next(of_kind(events, "open"), {})
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    external = (
        "env", "mode", "change", "asked_by", "approved", "confirm", "skip_preflight", "notebooks", "deploy",
    )  # fmt: skip
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
    """The commit, with whether the checkout was clean, and the digest of the parameter file."""
    if source := read_source(code):
        commit = {"digest": {"gitCommit": source["commit"]}, "annotations": {"clean": source["clean"]}}
        yield {"name": "source", **commit}
    if params.is_file():
        yield {"name": f"params/{params.name}", "digest": {"sha256": hash_file(params)}}
