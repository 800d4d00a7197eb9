"""Whether a run's folder is complete, unchanged, and signed by somebody who is believed; without any network."""

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
from ..attestation.manifest import APPROVALS, PROVENANCE, digest, empty, files
from .approvals import statement, unapproved_changes
from .completeness import find_gaps


@dataclass
class VerificationResult:
    """What was found.

    Args:
        signed_by: Whose signature closes the folder; empty when none does that is believed.
        wrong: What is wrong, file by file; nothing, when the evidence is complete and as it was signed.
        notes: What a reader should know besides.
    """

    signed_by: str = ""
    files: int = 0
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.wrong


def verify(
    folder: Path, keys: Keys, approvers: Keys, *, others: bool = False, packed: bool = False
) -> VerificationResult:
    """Check a run's folder.

    Args:
        keys: Who is believed to close a run.
        approvers: Who is believed to approve one; none, when nobody can say.
        others: There may be more approvers, whose keys nobody brought: of those nothing is said.
        packed: It was taken out of an archive, which holds what was signed and nothing that came later.

    Raises:
        WrongUsage: It is no folder of a run.
    """
    if not (folder / JOURNAL).exists() and not (folder / MANIFEST).exists():
        raise WrongUsage(
            f"{folder} is no folder of a run: neither {JOURNAL} nor {MANIFEST} is there.",
            fix="Name the folder of a run, its archive, or its id: `runbook evidence list` shows them.",
        )
    found = VerificationResult()
    events = read_events(folder)
    there = files(folder)
    claimed = _manifest(folder, keys, found)
    found.files = len(there)
    found.wrong += [*_journal(folder), *_environment(events)]
    if claimed is not None:
        found.wrong += _compared(folder, there, claimed)
    for name in there:
        later = claimed is not None and name not in claimed
        if name.startswith(f"{APPROVALS}/") and later and packed:
            found.wrong.append(f"{name}: was added after the run was packed")
        elif name.startswith(f"{APPROVALS}/"):
            wrong, note = statement(folder / name, approvers, others=others or not approvers, later=later)
            found.wrong += [f"{name}: {wrong}"] if wrong else []
            found.notes += [note] if note else []
    try:
        missing = list(find_gaps(folder, events))
        found.wrong += [*(str(gap) for gap in missing if gap.grave), *unapproved_changes(folder, events)]
        found.notes += [str(gap) for gap in missing if not gap.grave]
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
        found.wrong.append(f"{JOURNAL}: does not read like the journal of a run")
    return found


def _journal(folder: Path) -> Iterator[str]:
    path = folder / JOURNAL
    if not path.is_file():
        yield f"{JOURNAL}: is no file" if os.path.lexists(path) else f"{JOURNAL}: is missing"
    elif number := first_broken_line(folder / JOURNAL):
        yield (
            f"{JOURNAL}: line {number} does not follow from the one before it:"
            " something was changed, removed, added or reordered there"
        )


def _environment(events: Sequence[Event]) -> Iterator[str]:
    """A run is of one environment, whichever of its events one asks."""
    told = {str(event.get("env", "")) for event in of_kind(events, *RUN_START)}
    told |= {str(event["scope"]).partition("/")[0] for event in events if event.get("scope")}
    if len(told) > 1:
        yield f"{JOURNAL}: names different environments: {', '.join(sorted(told))}"


def _manifest(folder: Path, keys: Keys, found: VerificationResult) -> dict[str, str] | None:
    """The digests that the manifest claims; ``None`` when there is none that can be read."""
    path = folder / MANIFEST
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        found.wrong.append(f"{MANIFEST}: is no file")
        return None
    if not path.is_file():
        found.wrong.append(
            f"{MANIFEST}: is missing: the run was not closed (killed, or still going on); nothing vouches for its files"
        )
        return None
    try:
        opened = dsse.verify(path.read_bytes(), keys, PROVENANCE)
    except InvalidEnvelope as error:
        found.wrong.append(f"{MANIFEST}: {error}")
        return None
    found.signed_by = opened.by
    if opened.why:
        found.wrong.append(f"{MANIFEST}: {opened.why}")
    if (run := _said(opened, "runDetails", "metadata", "invocationId")) != folder.name:
        found.wrong.append(f"{MANIFEST}: is that of {run or 'no run'}, and the folder is called {folder.name}")
    env, asked_for = (
        _said(opened, "buildDefinition", "externalParameters", "env"),
        str(run_parameters(folder).get("env", "")),
    )
    if env != asked_for:
        found.wrong.append(f"{MANIFEST}: is that of a run of {env or '?'}, and {JOURNAL} that of one of {asked_for}")
    return {about["name"]: about["digest"]["sha256"] for about in opened.statement["subject"]}


def _said(opened: VerifiedEnvelope, *path: str) -> str:
    """What its predicate says there; empty when nothing."""
    found: Any = opened.statement["predicate"]
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return str(found or "")


def _compared(folder: Path, there: Mapping[str, Path], claimed: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*there, *claimed}):
        path = there.get(name)
        if path is None:
            yield f"{name}: is no file" if (folder / name).is_dir() else f"{name}: is missing"
        elif name not in claimed:
            if not name.startswith(f"{APPROVALS}/"):  # those speak for themselves
                yield f"{name}: was added after the run was closed"
        elif path.is_symlink():
            yield f"{name}: is a link now"
        elif not path.is_file():
            yield f"{name}: is no file"
        elif why := _differs(path, claimed[name]):
            yield f"{name}: {why}"
    for path in empty(folder):
        if (name := path.relative_to(folder).as_posix()) not in {*claimed, APPROVALS}:
            yield f"{name}: was added after the run was closed: a folder with nothing in it"


def _differs(path: Path, claimed: str) -> str:
    try:
        return "" if digest(path) == claimed else "was changed after the run was closed"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
