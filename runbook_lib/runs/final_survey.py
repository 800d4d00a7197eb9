"""Record the final state of stacks whose notebooks failed or were interrupted before they could."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..aws.snapshot import Snapshot
from ..engine.engine import Engine
from ..errors import RunbookError
from ..evidence import topology
from ..evidence.folder import RunFolder
from ..evidence.report.inventory import AFTER, EVENT, build_inventory
from ..journal.reader import Event, of_kind, read_events
from ..params import Params
from ..stacks.environment import stacks
from .start import aws_client, pack_webapp

NOT_OBSERVED = "unseen"
"""The event that names notebooks whose final state could not be recorded, and why."""


def record_final_state(params: Params, root: Path, run: str) -> None:
    """Survey the stacks that a run changed and did not survey afterwards.  Changes nothing in the account.

    When the survey fails, the reason is written into the journal and the run can still be closed.
    """
    folder = RunFolder(root / "artifacts" / params.env, run, "runner")
    events = read_events(folder.path)
    missing = [notebook for notebook in _changing_notebooks(events) if not _is_surveyed(events, notebook)]
    try:
        if missing:
            _survey(params, root, folder, missing)
        if _is_topology_outdated(events):
            discovered = topology.discover(Snapshot(aws_client(params, root, run)), datetime.now(UTC))
            folder.journal().write(topology.EVENT, seen=discovered.model_dump(mode="json"))
    except RunbookError as error:
        folder.journal().write(NOT_OBSERVED, notebooks=missing, why=str(error).partition("\n")[0])


def _changing_notebooks(events: Sequence[Event]) -> list[str]:
    """The notebooks that changed something, or tried to."""
    return sorted({event["notebook"] for event in of_kind(events, "change")})


def _is_surveyed(events: Sequence[Event], notebook: str) -> bool:
    """Whether a notebook recorded its stack's state after its last change."""
    own = [event for event in events if event.get("notebook") == notebook]
    last = max(at for at, event in enumerate(own) if event["event"] == "change")
    return any(event["event"] == EVENT and event.get("when") == AFTER for event in own[last:])


def _is_topology_outdated(events: Sequence[Event]) -> bool:
    """Whether the run changed something after the topology was read, or without reading it."""
    last = {event["event"]: at for at, event in enumerate(events) if event["event"] in ("change", topology.EVENT)}
    return "change" in last and last.get(topology.EVENT, -1) < last["change"]


def _survey(params: Params, root: Path, folder: RunFolder, notebooks: Sequence[str]) -> None:
    aws = aws_client(params, root, folder.path.name)
    engine = Engine(aws, folder.journal())
    bundle = pack_webapp(root) if params.deploy.source == "s3" else None
    by_name = {stack.name: stack for stack in stacks(params, bundle)}
    for notebook in notebooks:
        if stack := by_name.get(notebook.partition("_")[2]):
            resources = build_inventory(stack, engine.survey(stack))
            journal = RunFolder(folder.environment, folder.path.name, notebook).journal()
            journal.write(EVENT, when=AFTER, stack=stack.name, resources=resources)
