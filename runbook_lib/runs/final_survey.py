"""Record the final state of stacks whose notebooks failed or were interrupted before they could."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from .time_limit import begin

_Entry = tuple[str, str, dict[str, Any]]
"""An entry for the journal: its notebook, its event and the fields."""
NOT_OBSERVED = "unseen"
"""The event that names notebooks whose final state could not be recorded, and why."""


def begin_final_survey(params: Params, root: Path, run: str, *, seconds: float | None = None) -> Callable[[], None]:
    """Survey the stacks that a run changed and did not survey afterwards.  Changes nothing in the account.

    Returns the function that waits for the survey and records it.  When the survey fails or takes longer than
    *seconds*, the reason is written into the journal, and the run can still be closed.
    """
    folder = RunFolder(root / "artifacts" / params.env, run, "runner")
    events = read_events(folder.path)
    missing = [notebook for notebook in _changing_notebooks(events) if not _is_surveyed(events, notebook)]
    outdated = _is_topology_outdated(events)
    if not missing and not outdated:
        return lambda: None
    observed: list[_Entry] = []
    wait = begin(seconds, lambda: observed.extend(_survey(params, root, run, missing, outdated)), "The final survey")

    def record() -> None:
        why = ""
        try:
            wait()
        except RunbookError as error:
            why = str(error).partition("\n")[0]
        entries = tuple(observed)  # also of a survey that did not get to its end
        for notebook, event, fields in entries:
            RunFolder(folder.environment, folder.path.name, notebook).journal().write(event, **fields)
        if why:
            rest = [notebook for notebook in missing if notebook not in {entry[0] for entry in entries}]
            folder.journal().write(NOT_OBSERVED, notebooks=rest, why=why)

    return record


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


def _survey(params: Params, root: Path, run: str, notebooks: Sequence[str], outdated: bool) -> Iterator[_Entry]:
    """Look at the account; yields the events for the journal, each with its notebook, name and fields.

    Args:
        notebooks: Those whose stacks were not looked at after their last change.
        outdated: Whether the topology was not.
    """
    aws = aws_client(params, root, run)
    engine = Engine(aws, RunFolder(root / "artifacts" / params.env, run, "runner").journal())
    bundle = pack_webapp(root, params) if notebooks and params.deploy.source == "s3" else None
    by_name = {stack.name: stack for stack in stacks(params, bundle)}
    for notebook in notebooks:
        if stack := by_name.get(notebook.partition("_")[2]):
            resources = build_inventory(stack, engine.survey(stack))
            yield notebook, EVENT, {"when": AFTER, "stack": stack.name, "resources": resources}
    if outdated:
        discovered = topology.discover(Snapshot(aws), datetime.now(UTC))
        yield "runner", topology.EVENT, {"seen": discovered.model_dump(mode="json")}
