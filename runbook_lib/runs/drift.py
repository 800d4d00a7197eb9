"""Tell what of an environment is not as its parameters say: what the plans of a run found, and who did it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from ..engine.history import Answer, History
from ..engine.orphans import find_orphans
from ..engine.plan import ORPHANED, Action
from ..evidence.folder import RunFolder
from ..evidence.report.drift import EVENT
from ..evidence.report.inventory import BEFORE, read_inventories
from ..evidence.report.inventory import EVENT as INVENTORY
from ..journal.reader import JOURNAL, events_of, of_kind, read_events
from ..journal.summary import summarize
from ..params import Params
from ..resources.base import Resource
from ..stacks.environment import whole
from .orphans import KnownOrphans
from .start import aws_client, bucket_of

CHANGED, MISSING, STRAY = "changed", "missing", "orphaned"
_WHAT = {Action.CREATE: MISSING, Action.DELETE: STRAY}


@dataclass(frozen=True)
class Drifted:
    """A thing that is not as the parameters say.

    Args:
        notebook: Whose apply mends it; empty where none does.
        what: Changed, missing or orphaned.
        id: As AWS calls it, or last called it.
        fields: What was found and what is wanted, by field, of a thing that changed.
        note: What a person should know of it.
        last: The last writes to it.
        blocked: Whether an apply cannot mend it; the note says what to do.
    """

    notebook: str
    key: str
    what: str
    id: str
    fields: Mapping[str, tuple[Any, Any]]
    note: str
    last: Answer
    blocked: bool = False


def record_drift(params: Params, root: Path, run: str, notebooks: Iterable[str]) -> list[Drifted]:
    """Collect the drift that the plans of a run show, and orphans; ask who did it, and record both.

    Args:
        run: A run in plan mode whose notebooks have ended.
    """
    folder = RunFolder(root / "artifacts" / params.env, run, "runner")
    aws = aws_client(params, root, run)
    history = History(lambda region: aws_client(params.model_copy(update={"region": region}), root, run), params.region)
    inventories = read_inventories(read_events(folder.path), BEFORE)
    rows = {key: row for state in inventories.values() for key, row in state.items()}
    resources = {resource.key: resource for resource in whole(params)}
    found: list[Drifted] = []
    for notebook in notebooks:
        summary = summarize(folder.path / JOURNAL, notebook)
        for change in summary.planned_changes:
            key, action = change["key"], Action(change["action"])
            what, resource = _WHAT.get(action, CHANGED), resources.get(key)
            id_ = str(rows[key]["id"]) if key in rows else _last_id(folder.path, key)
            note = "" if (reason := summary.reasons.get(key, "")) == ORPHANED else reason
            fields = {name: (old, new) for name, (old, new) in change["fields"].items()} if what == CHANGED else {}
            last = history.last_writes(_names(aws, resource, id_), resource)
            if last.unknown and resource:  # it may be known only by what it belongs to
                parents = [str(rows[need.key]["id"]) for need in resource.dependencies[:1] if need.key in rows]
                last = history.last_writes(parents, resource)
            found.append(Drifted(notebook, key, what, id_, fields, note, last, action is Action.BLOCKED))
    known = {*resources, *(drifted.key for drifted in found)}
    known |= {orphan.key for orphan in KnownOrphans(params, aws, bucket_of(params).aws_name(aws)).all}
    for orphan in find_orphans(Snapshot(aws), known):
        last = history.last_writes((orphan.arn.rpartition("/")[2], orphan.arn))
        found.append(Drifted("", orphan.key or orphan.arn, STRAY, orphan.arn, {}, "", last))
    folder.journal().write(EVENT, things=[asdict(drifted) for drifted in found])
    return found


def _names(aws: Aws, resource: Resource | None, id_: str) -> list[str]:
    """What CloudTrail may call a thing: its id, the parts of it, and its name."""
    last = [id_.rpartition("/")[2]] if id_.startswith("arn:") else []
    return [*last, id_, *id_.split(" "), *([resource.aws_name(aws)] if resource and not id_ else [])]


def _last_id(folder: Path, key: str) -> str:
    """The id that a thing had in the newest earlier run that saw it; empty when none did."""
    for earlier in sorted((path for path in folder.parent.iterdir() if path.name < folder.name), reverse=True):
        for event in of_kind(events_of(earlier / JOURNAL), INVENTORY):
            for row in event["resources"]:
                if row["key"] == key:
                    return str(row["id"])
    return ""
