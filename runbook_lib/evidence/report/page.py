"""The page that a person reads first: what a run came to, made from the files of its folder alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ...formatting import elapsed, format_time, format_value, pluralize
from ...journal.journal import MANIFEST, is_intact
from ...journal.reader import JOURNAL, events_of
from ..drawing import theme as ink
from ..drawing import timeline as timeline_picture
from ..drawing.svg import Svg, plain
from ..files import write_json, write_text
from ..topology import picture
from . import exports as lists
from . import inventory
from .changes import DONE, FAILED, ChangeResult
from .conclusion import NO, UNKNOWN, YES, conclude
from .human_steps import Approval
from .run_record import RunRecord, read_run

_TEMPLATES = Path(__file__).parent
_SIGNS = {YES: "✓", NO: "✗", UNKNOWN: "?"}
_WORDS = {"create": "created", "update": "changed", "delete": "removed"}
_KNOWN = {
    JOURNAL: "every plan, change, check and call that writes, each line chained to the one before",
    "plan.json": "all that was planned, with the fingerprints",
    "parameters.json": "the environment's parameters, with the values that nobody had to name",
    "resources-before.csv": "what there was when the run began, for a spreadsheet",
    "resources-before.json": "the same with types, for a program",
    "resources-after.csv": "what there was when it ended, for a spreadsheet",
    "resources-after.json": "the same with types, for a program",
    "changes.csv": "what was changed, for a spreadsheet",
    "checks.csv": "what was checked, for a spreadsheet",
    "topology.svg": "what runs where, by itself",
    "timeline.svg": "when it was done, by itself",
}


def report(folder: Path) -> str:
    """The page, as HTML; pure, so that it can be made again."""
    told = read_run(events_of(folder / JOURNAL))
    whole = is_intact(folder / JOURNAL) if (folder / JOURNAL).is_file() else None
    return str(
        _environment()
        .get_template("report.html.j2")
        .render(
            run=folder.name,
            record=told,
            conclusion=conclude(told, intact=whole),
            when=_period(told),
            undo=tuple(_undo(told)),
            states=tuple(_states(told)),
            parameters=tuple(_named(told.parameters)),
            summed=tuple(_summed(told)),
            pictures=pictures(told),
            links=tuple(_links(folder)),
            redactions=_redacted(told),
        )
    )


def pictures(told: RunRecord) -> dict[str, Svg]:
    """What was last seen, where somebody looked, and the timeline, where anything was written down."""
    found = {"topology": picture(told.sight)} if told.sight else {}
    return found | ({"timeline": timeline_picture.picture(told.timeline)} if told.parts else {})


def write_report(folder: Path) -> None:
    """Write it beside the journal, with the pictures and the lists; what was there is made anew."""
    told = read_run(events_of(folder / JOURNAL))
    texts = {f"{name}.svg": str(svg) for name, svg in pictures(told).items()}
    texts |= {"changes.csv": lists.changes_csv(told), "checks.csv": lists.checks_csv(told)}
    data: dict[str, Any] = {"plan": lists.plans_json(told)}
    if told.parameters:
        data["parameters"] = told.parameters
    for when, found in (("before", told.before), ("after", told.after)):
        if found:
            texts[f"resources-{when}.csv"] = inventory.as_csv(found)
            data[f"resources-{when}"] = inventory.as_json(found)
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, what in data.items():
        write_json(folder / f"{name}.json", what)
    write_text(folder / "report.html", report(folder))  # last: it links to what is there


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "sign": lambda verdict: _SIGNS[verdict],
        "took": lambda seconds: "" if seconds is None else elapsed(seconds),
        "moment": format_time,
        "plain": plain,
        "found": _found,
        "done_to": _done_to,
        "counted": _counts,
        "told": lambda made: tuple(_fields(made)),
        "failed": lambda made: made.result == FAILED,
        "linked": lambda words: Markup('<a href="#every">Every change</a>, below').join(
            map(Markup, escape(words).split("[every change]"))
        ),
        "drawn": lambda svg: Markup(str(svg)),
    }
    environment.globals |= {"palette": Markup(ink.variables()), "sans": Markup(ink.SANS), "mono": Markup(ink.MONO)}
    return environment


@dataclass(frozen=True)
class _Line:
    """What happened to several resources of a notebook alike."""

    notebook: str
    what: str
    resources: str
    bad: bool


def _summed(told: RunRecord) -> Iterator[_Line]:
    """By notebook and by what happened; of what was made or removed, how many of each kind."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for made in told.changes:
        alike.setdefault((made.notebook, made.result, made.action), []).append(made.key)
    for (notebook, result, action), keys in sorted(alike.items()):
        kinds = Counter(key.partition(".")[0] for key in keys)
        named = ", ".join(f"{n}\u00a0×\u00a0{kind}" if n > 1 else kind for kind, n in kinds.items())
        few = result == FAILED or action == "update"
        what = _WORDS.get(action, action) if result == DONE else f"to {action}: {result}"
        yield _Line(notebook, f"{len(keys)} {what}", ", ".join(keys) if few else named, result == FAILED)


def _found(found: Any) -> str:
    """What a check found, as a person reads it."""
    if isinstance(found, dict):
        return "; ".join(f"{name}: {_found(value) or 'nothing'}" for name, value in found.items())
    if isinstance(found, list):
        return ", ".join(map(_found, found))
    return "" if found in (None, "") else str(found)


def _done_to(made: ChangeResult) -> str:
    return _WORDS.get(made.action, made.action) if made.result == DONE else f"to {made.action}: {made.result}"


def _counts(approval: Approval) -> str:
    """When somebody approved, until when that counts, and who had to be another one."""
    signed = f"signed {format_time(approval.signed)}" if approval.signed else ""
    expires = f"expires {format_time(approval.expires)}" if approval.expires else ""
    operator = f"operator: {plain(approval.operator)}, who signed, too" if approval.operator else ""
    return "; ".join(filter(None, (signed, f"gone by {format_time(approval.at)}", expires, operator)))


def _fields(made: ChangeResult) -> Iterator[str]:
    """From what to what; of what is new its settings are in the plan."""
    if made.action == "update":
        for name, pair in made.fields.items():
            if len(pair) == 2:
                yield f"{name}: {format_value(pair[0])} → {format_value(pair[1])}"


def _period(told: RunRecord) -> str:
    if not told.began:
        return ""
    try:
        took = datetime.fromisoformat(told.ended) - datetime.fromisoformat(told.began)
    except ValueError:
        return f"from {told.began} to {told.ended}"
    return f"{format_time(told.began)}, for {elapsed(took.total_seconds())}"


def _states(told: RunRecord) -> Iterator[tuple[str, str, str]]:
    """How much of each notebook's layer there was before, and how much after."""
    for part in told.parts:
        before, after = (state.get(part.notebook) for state in (told.before, told.after))
        if before is not None or after is not None:
            yield part.notebook, _counted(before), _counted(after)


def _counted(state: inventory.State | None) -> str:
    return "not looked at" if state is None else pluralize(len(state), "resource")


def _named(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Parameters by their dotted names."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _named(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", "" if value is None else format_value(value)


def _undo(told: RunRecord) -> Iterator[str]:
    """What to do, by what was done; commands stand between backticks, and [every change] is a link to those."""
    env = told.of("env") or "ENV"
    done = Counter(made.action for made in told.changes if made.result == DONE)
    if not told.parts:
        yield "Not known: what was changed was not written down."
    elif not done:
        yield "Nothing was changed, so there is nothing to undo."
    if done["create"]:
        yield (
            f"What was created goes with `runbook destroy --env {env} --confirm {env}`: 04 first, 01 last."
            " It removes the whole environment, also what was there before this run."
        )
    if done["update"]:
        yield (
            "What was changed because params/ had changed goes back when its old values, which are under"
            f" [every change], are put into params/{env}.yaml again: `runbook apply --env {env}`."
        )
        yield (
            "What was changed because somebody had changed it at AWS does not: its old values were never in params/."
            " They can only be set there by hand, and the next apply takes them back again."
        )
    if done["delete"]:
        yield (
            f"What was removed is built anew by `runbook apply --env {env}`, and is then empty: data come back only"
            " from a snapshot, if one was left."
        )
    if told.mode == "apply" and any(made.result != DONE for made in told.changes):
        yield f"What is not done yet is done by the same command again: `runbook apply --env {env}`."


def _redacted(told: RunRecord) -> str:
    """In how many places a secret was taken out; empty where nobody counted."""
    if not told.redactions:
        return ""
    places = sum(count for _, count in told.redactions)
    kinds = ", ".join(f"{count} {kind}" for kind, count in told.redactions)
    return f"In {pluralize(places, 'place')} a secret was taken out before anything was written, by kind: {kinds}."


def _links(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Every other file of the folder that a person can read: its address, its name, and what it is."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        about = _KNOWN.get(name, "") or _about(path)
        if name not in ("report.html", MANIFEST) and not any(part.startswith(".") for part in Path(name).parts):
            yield quote(name), name, about


def _about(path: Path) -> str:
    kinds = {
        ".html": f"{path.stem} as it ran, to read without Jupyter",
        ".ipynb": f"{path.stem} as it ran",
    }
    rooms = {"plans": "a plan, as it was reviewed", "tables": "what existed", "approvals": "an approval, signed"}
    return rooms.get(path.parent.name) or kinds.get(path.suffix, "")
