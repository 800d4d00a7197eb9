"""What there is when a run ends, of what its notebooks have changed and could not look at any more."""

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

UNSEEN = "unseen"
"""The event that says of which notebooks nobody knows what there is, and why."""


def record_final_state(params: Params, root: Path, run: str) -> None:
    """Look at the layers of which a failed or interrupted run has left no last look.  Changes nothing.

    That it cannot look is written down, too, and stops nothing.
    """
    folder = RunFolder(root / "artifacts" / params.env, run, "runner")
    events = read_events(folder.path)
    unseen = [notebook for notebook in _changed(events) if not _looked(events, notebook)]
    if not unseen:
        return
    try:
        _look(params, root, folder, unseen)
    except RunbookError as error:
        folder.journal().write(UNSEEN, notebooks=unseen, why=str(error).partition("\n")[0])


def _changed(events: Sequence[Event]) -> list[str]:
    """The notebooks that have changed something, or tried to."""
    return sorted({event["notebook"] for event in of_kind(events, "change")})


def _looked(events: Sequence[Event], notebook: str) -> bool:
    """Whether a notebook has looked at its layer since."""
    own = [event for event in events if event.get("notebook") == notebook]
    last = max(at for at, event in enumerate(own) if event["event"] == "change")
    return any(event["event"] == EVENT and event.get("when") == AFTER for event in own[last:])


def _look(params: Params, root: Path, folder: RunFolder, notebooks: Sequence[str]) -> None:
    aws = aws_client(params, root, folder.path.name)
    engine = Engine(aws, folder.journal())
    bundle = pack_webapp(root) if params.deploy.source == "s3" else None
    layers = {stack.name: stack for stack in stacks(params, bundle)}
    for notebook in notebooks:
        if stack := layers.get(notebook.partition("_")[2]):
            there = build_inventory(stack, engine.survey(stack))
            own = RunFolder(folder.environment, folder.path.name, notebook).journal()
            own.write(EVENT, when=AFTER, stack=stack.name, resources=there)
    seen = topology.discover(Snapshot(aws), datetime.now(UTC))
    folder.journal().write(topology.EVENT, seen=seen.model_dump(mode="json"))
