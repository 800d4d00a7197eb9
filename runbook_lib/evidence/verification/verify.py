"""Verify offline that a run's folder is complete, unchanged, and signed with a trusted key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import WrongUsage
from ...journal.journal import MANIFEST, first_broken_line
from ...journal.reader import JOURNAL, RUN_START, Event, of_kind, read_events, run_parameters
from ..attestation import dsse
from ..attestation.dsse import InvalidEnvelope, Keys, VerifiedEnvelope
from ..attestation.manifest import APPROVALS, PROVENANCE, find_empty_folders, hash_file, list_files
from ..origin import EVENT as ORIGIN
from ..origin import Origin
from .approvals import check_statement, find_unapproved_changes
from .completeness import find_gaps


@dataclass
class VerificationResult:
    """The result of a verification.

    Args:
        files: The number of files.
        signed_by: The owner of the trusted key that signed the manifest; empty when there is no valid signature.
        wrong: What is wrong, file by file; empty when the evidence is complete and unchanged.
        notes: Other facts for the reader.
    """

    files: int
    signed_by: str = ""
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


def require_run(folder: Path) -> None:
    """Check that a folder is that of a run.

    Raises:
        WrongUsage: It is not.
    """
    if not (folder / JOURNAL).exists() and not (folder / MANIFEST).exists():
        raise WrongUsage(
            f"{folder} is not the folder of a run: it has neither {JOURNAL} nor {MANIFEST}.",
            fix="Name the folder of a run, its archive, or its id: `runbook evidence list` lists them.",
        )


def verify_run(
    folder: Path, keys: Keys, approvers: Keys, *, more_approvers: bool = False, from_archive: bool = False
) -> VerificationResult:
    """Verify a run's folder.

    Args:
        keys: Keys that may sign manifests.
        approvers: Keys that may sign approvals; empty when they are not known.
        more_approvers: Whether there may be approvers whose keys are not given; theirs are noted as not checked.
        from_archive: Whether the folder was extracted from an archive, to which nothing may be added later.

    Raises:
        WrongUsage: It is not the folder of a run.
    """
    require_run(folder)
    events = read_events(folder)
    present = list_files(folder)
    result = VerificationResult(len(present))
    signed = _read_manifest(folder, keys, result)
    result.wrong += [*_check_journal(folder), *_check_environment(events)]
    if signed is not None:
        result.wrong += _compare_files(folder, present, signed)
    for name in present:
        added_later = signed is not None and name not in signed
        if name.startswith(f"{APPROVALS}/") and added_later and from_archive:
            result.wrong.append(f"{name}: was added after the run was packed")
        elif name.startswith(f"{APPROVALS}/"):
            unknown = more_approvers or not approvers
            wrong, note = check_statement(folder / name, approvers, more_approvers=unknown, added_later=added_later)
            result.wrong += [f"{name}: {wrong}"] if wrong else []
            result.notes += [note] if note else []
    try:
        missing = list(find_gaps(folder, events))
        result.wrong += [*(str(gap) for gap in missing if gap.serious), *find_unapproved_changes(folder, events)]
        result.notes += [str(gap) for gap in missing if not gap.serious]
        result.notes += [str(found) for found in map(Origin.from_event, of_kind(events, ORIGIN)) if not found.same]
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
        result.wrong.append(f"{JOURNAL}: is not the journal of a run")
    return result


def _check_journal(folder: Path) -> Iterator[str]:
    path = folder / JOURNAL
    if not path.is_file():
        yield f"{JOURNAL}: is not a file" if os.path.lexists(path) else f"{JOURNAL}: is missing"
    elif number := first_broken_line(folder / JOURNAL):
        yield (
            f"{JOURNAL}: line {number} does not follow from the one before it:"
            " a line was changed, removed, added or moved"
        )


def _check_environment(events: Sequence[Event]) -> Iterator[str]:
    """Check that all events name the same environment."""
    environments = {str(event.get("env", "")) for event in of_kind(events, *RUN_START)}
    environments |= {str(event["scope"]).partition("/")[0] for event in events if event.get("scope")}
    if len(environments) > 1:
        yield f"{JOURNAL}: names different environments: {', '.join(sorted(environments))}"


def _read_manifest(folder: Path, keys: Keys, result: VerificationResult) -> dict[str, str] | None:
    """The digests in the manifest; ``None`` when there is no manifest that can be read."""
    path = folder / MANIFEST
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        result.wrong.append(f"{MANIFEST}: is not a file")
        return None
    if not path.is_file():
        result.wrong.append(
            f"{MANIFEST}: is missing: the run was not closed (killed, or still running), so its files are not signed"
        )
        return None
    try:
        envelope = dsse.verify(path.read_bytes(), keys, PROVENANCE)
    except InvalidEnvelope as error:
        result.wrong.append(f"{MANIFEST}: {error}")
        return None
    result.signed_by = envelope.by
    if envelope.problem:
        result.wrong.append(f"{MANIFEST}: {envelope.problem}")
    if (run := _predicate_text(envelope, "runDetails", "metadata", "invocationId")) != folder.name:
        result.wrong.append(f"{MANIFEST}: is for {run or 'no run'}, and the folder is {folder.name}")
    env = _predicate_text(envelope, "buildDefinition", "externalParameters", "env")
    expected = str(run_parameters(folder).get("env", ""))
    if env != expected:
        result.wrong.append(f"{MANIFEST}: is for the environment {env or '?'}, and {JOURNAL} for {expected}")
    return {subject["name"]: subject["digest"]["sha256"] for subject in envelope.statement["subject"]}


def _predicate_text(envelope: VerifiedEnvelope, *path: str) -> str:
    """A value of the predicate, as text; empty where there is none."""
    value: Any = envelope.statement["predicate"]
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return str(value or "")


def _compare_files(folder: Path, present: Mapping[str, Path], signed: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*present, *signed}):
        path = present.get(name)
        if path is None:
            yield f"{name}: is not a file" if (folder / name).is_dir() else f"{name}: is missing"
        elif name not in signed:
            if not name.startswith(f"{APPROVALS}/"):  # these have their own signatures
                yield f"{name}: was added after the run was closed"
        elif path.is_symlink():
            yield f"{name}: was replaced by a link"
        elif not path.is_file():
            yield f"{name}: is not a file"
        elif problem := _file_problem(path, signed[name]):
            yield f"{name}: {problem}"
    for path in find_empty_folders(folder):
        if (name := path.relative_to(folder).as_posix()) not in {*signed, APPROVALS}:
            yield f"{name}: was added after the run was closed (an empty folder)"


def _file_problem(path: Path, signed: str) -> str:
    try:
        return "" if hash_file(path) == signed else "was changed after the run was closed"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
