"""Whether a run's evidence is all there: every notebook, every plan, and what came of every change in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..approval import digest

Event = Mapping[str, Any]
DONE, NOT_RUN = "done", "not run"


@dataclass(frozen=True)
class Gap:
    """Something that the evidence does not say.

    Args:
        where: The file, or the notebook, that it concerns.
        grave: Whether the evidence is incomplete; what a run left undone and says so is no gap in it.
    """

    where: str
    what: str
    grave: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def gaps(folder: Path, events: Sequence[Event]) -> Iterator[Gap]:
    """What is missing of a run, notebook by notebook."""
    notebooks = notebooks_of(events)
    if not notebooks:
        yield Gap("journal.jsonl", "does not say which notebooks the run was to have")
    for notebook in notebooks:
        own = [event for event in events if event.get("notebook") == notebook]
        ended = [event for event in own if event["event"] == "ended"]
        if not ended:
            yield Gap(notebook, "the journal does not say how it ended: it was killed, or is still running")
        yield from _files(folder, notebook, ended)
        yield from _plans(folder, notebook, own)
        yield from _changes(notebook, own, ended[-1].get("state", "") if ended else "")


def notebooks_of(events: Sequence[Event]) -> list[str]:
    """The notebooks that a run was to have, or that have begun without being asked for."""
    asked = [name for event in events if event["event"] == "run" for name in event.get("notebooks", ())]
    begun = [event["notebook"] for event in events if event["event"] == "open" and "notebook" in event]
    return list(dict.fromkeys([*asked, *begun]))


def _files(folder: Path, notebook: str, ended: Sequence[Event]) -> Iterator[Gap]:
    """Of a notebook that was run by the command the executed one is kept, with its page."""
    last = ended[-1] if ended else {}
    ran = last.get("state") != NOT_RUN and last.get("cell", 0) > 0
    for suffix in (".ipynb", ".html") if ran else ():
        if not (folder / f"{notebook}{suffix}").is_file():
            yield Gap(f"{notebook}{suffix}", "is missing: the notebook was run")


def _plans(folder: Path, notebook: str, own: Sequence[Event]) -> Iterator[Gap]:
    for event in own:
        if event["event"] != "plan":
            continue
        verb = "apply" if event["present"] else "destroy"
        name = f"plans/{notebook}-{verb}-{event['fingerprint']}.json"
        if not (folder / name).is_file():
            yield Gap(name, "is missing: the journal has this plan")
            continue
        try:
            plan = json.loads((folder / name).read_text(encoding="utf-8"))["plan"]
        except (OSError, ValueError, KeyError, TypeError):
            yield Gap(name, "is no plan")
        else:
            if digest(plan)[:16] != event["fingerprint"]:
                yield Gap(name, "is not the plan of that fingerprint")


def _changes(notebook: str, own: Sequence[Event], state: str) -> Iterator[Gap]:
    """Each change of each plan that was to be carried out: done, tried, or left because the notebook stopped."""
    mode = next((event.get("mode") for event in own if event["event"] == "open"), "")
    if mode not in ("apply", "destroy"):
        return
    verified = any(event["event"] == "verify" and event["ok"] for event in own)
    told = {event["key"] for event in own if event["event"] in ("change", "gone")}
    for key, action in _planned(own, present=mode == "apply").items():
        if key in told:
            continue
        if state == DONE and not verified:
            yield Gap(notebook, f"{key}: to {action} it was planned, and the journal does not say what came of it")
        else:
            why = "it was as asked for before its turn" if state == DONE else "not done: the notebook did not get there"
            yield Gap(notebook, f"{key}: to {action} it was planned; {why}", grave=False)


def _planned(own: Sequence[Event], *, present: bool) -> dict[str, str]:
    plans = [event for event in own if event["event"] == "plan" and event["present"] is present]
    return {change["key"]: change["action"] for event in plans for change in event.get("changes", ())}
