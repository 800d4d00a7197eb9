"""Whether a run's folder is complete, unchanged, and signed by somebody who is believed; without any network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import WrongUsage
from ..journal import MANIFEST, broken
from ..summary import events_of
from .approvals import OPERATOR, Approved, read
from .completeness import gaps
from .manifest import APPROVALS, PROVENANCE, asked, digest, files
from .signing import SUFFIX, Keys, Opened, Spoilt, unsealed

JOURNAL = "journal.jsonl"
Event = Mapping[str, Any]


@dataclass
class Verdict:
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


def verify(folder: Path, keys: Keys, approvers: Keys) -> Verdict:
    """Check a run's folder.

    Args:
        keys: Who is believed to close a run.
        approvers: Who is believed to approve one; none, when nobody can say.

    Raises:
        WrongUsage: It is no folder of a run.
    """
    if not (folder / JOURNAL).is_file() and not (folder / MANIFEST).is_file():
        raise WrongUsage(
            f"{folder} is no folder of a run: neither {JOURNAL} nor {MANIFEST} is there.",
            fix="Name the folder of a run, its archive, or its id: `runbook evidence list` shows them.",
        )
    found = Verdict()
    events = read_events(folder)
    there = files(folder)
    claimed = _manifest(folder, keys, found)
    found.files = len(there)
    found.wrong += [*_journal(folder), *_environment(events)]
    if claimed is not None:
        found.wrong += _compared(there, claimed)
    for name in there:
        if name.startswith(f"{APPROVALS}/"):
            _approval(folder / name, name, approvers, found, later=claimed is not None and name not in claimed)
    try:
        missing = list(gaps(folder, events))
        found.wrong += [*(str(gap) for gap in missing if gap.grave), *_approved(folder, events, approvers)]
        found.notes += [str(gap) for gap in missing if not gap.grave]
    except (KeyError, TypeError, AttributeError, ValueError):
        found.wrong.append(f"{JOURNAL}: does not read like the journal of a run")
    return found


def read_events(folder: Path) -> list[Event]:
    """The events of a journal, whatever somebody made of it."""
    return [event for event in events_of(folder / JOURNAL) if isinstance(event, dict) and "event" in event]


def _journal(folder: Path) -> Iterator[str]:
    if not (folder / JOURNAL).is_file():
        yield f"{JOURNAL}: is missing"
    elif number := broken(folder / JOURNAL):
        yield (
            f"{JOURNAL}: line {number} does not follow from the one before it:"
            " something was changed, removed, added or reordered there"
        )


def _environment(events: Sequence[Event]) -> Iterator[str]:
    """A run is of one environment, whichever of its events one asks."""
    told = {str(event.get("env", "")) for event in events if event["event"] in ("run", "open")}
    told |= {str(event["scope"]).partition("/")[0] for event in events if event.get("scope")}
    if len(told) > 1:
        yield f"{JOURNAL}: names different environments: {', '.join(sorted(told))}"


def _manifest(folder: Path, keys: Keys, found: Verdict) -> dict[str, str] | None:
    """The digests that the manifest claims; ``None`` when there is none that can be read."""
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        found.wrong.append(
            f"{MANIFEST}: is missing: the run was not closed (killed, or still going on); nothing vouches for its files"
        )
        return None
    try:
        opened = unsealed(path.read_bytes(), keys, PROVENANCE)
    except Spoilt as error:
        found.wrong.append(f"{MANIFEST}: {error}")
        return None
    found.signed_by = opened.by
    if opened.why:
        found.wrong.append(f"{MANIFEST}: {opened.why}")
    if (run := _said(opened, "runDetails", "metadata", "invocationId")) != folder.name:
        found.wrong.append(f"{MANIFEST}: is that of {run or 'no run'}, and the folder is called {folder.name}")
    env, asked_for = _said(opened, "buildDefinition", "externalParameters", "env"), str(asked(folder).get("env", ""))
    if env != asked_for:
        found.wrong.append(f"{MANIFEST}: is that of a run of {env or '?'}, and {JOURNAL} that of one of {asked_for}")
    return {about["name"]: about["digest"]["sha256"] for about in opened.statement["subject"]}


def _said(opened: Opened, *path: str) -> str:
    """What its predicate says there; empty when nothing."""
    found: Any = opened.statement["predicate"]
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return str(found or "")


def _compared(there: Mapping[str, Path], claimed: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*there, *claimed}):
        path = there.get(name)
        if path is None:
            yield f"{name}: is missing"
        elif name not in claimed:
            if not name.startswith(f"{APPROVALS}/"):  # those speak for themselves
                yield f"{name}: was added after the run was closed"
        elif path.is_symlink():
            yield f"{name}: is a link now"
        elif why := _differs(path, claimed[name]):
            yield f"{name}: {why}"


def _differs(path: Path, claimed: str) -> str:
    try:
        return "" if digest(path) == claimed else "was changed after the run was closed"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _approval(path: Path, name: str, approvers: Keys, found: Verdict, *, later: bool) -> None:
    """One approval; what was added to a closed folder has to be of that folder's plans."""
    try:
        said = read(path.read_bytes(), approvers) if name.endswith(SUFFIX) and not path.is_symlink() else None
    except (Spoilt, OSError) as error:
        found.wrong.append(f"{name}: {error}")
        return
    if said is None:
        found.wrong.append(f"{name}: is no approval")
    elif said.why and (approvers or later):
        found.wrong.append(f"{name}: {said.why}")
    elif said.why:
        found.notes.append(f"{name}: whether it was {said.by} cannot be told without the key of a signer")
    elif later and path.name != f"{said.by}{SUFFIX}":
        found.wrong.append(f"{name}: was added under another name than {said.by}'s")
    elif later and said.run != path.parent.parent.name:
        found.wrong.append(f"{name}: is an approval of another run, {said.run}")
    else:
        found.notes.append(_told(said))


def _told(said: Approved) -> str:
    deed = "run by" if said.role == OPERATOR else "approved by"
    change = f" for {said.change}" if said.change else ""
    return f"{deed} {said.by}{change} at {said.at:%Y-%m-%d %H:%M} UTC, until {said.expires:%Y-%m-%d %H:%M} UTC"


def _approved(folder: Path, events: Sequence[Event], approvers: Keys) -> Iterator[str]:
    """What the run says it was approved by is there, is of that plan, and counted at that time."""
    for event in events:
        if event["event"] != "approved":
            continue
        name = f"{APPROVALS}/{event['kept']}"
        try:
            said = read((folder / name).read_bytes(), approvers)
        except FileNotFoundError:
            yield f"{name}: is missing: the run says it went by it"
            continue
        except (Spoilt, OSError):
            continue  # told already
        at = datetime.fromisoformat(event["at"]).astimezone(UTC)
        if event["sha256"] not in said.plans or said.by != event["by"] or at >= said.expires:
            yield f"{name}: is not the approval that the journal tells of"
