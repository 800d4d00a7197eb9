"""Write ``report.html``, the report of a run, with its drawings and exports, from the files of its folder alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ...formatting import elapsed, format_finding, format_time, format_value, label_field, pluralize
from ...journal.journal import MANIFEST, is_intact
from ...journal.reader import JOURNAL, events_of
from ...stacks.checks.check import count_results, shown_finding
from ..drawing import theme
from ..drawing.svg import Svg, one_line
from ..drawing.timeline import draw_timeline
from ..files import write_json, write_text
from ..topology import draw_topology
from . import controls, exports, inventory
from .changes import DONE, FAILED, ChangeResult
from .conclusion import NO, UNKNOWN, YES, conclude
from .drift import read_drift
from .human_steps import RecordedApproval
from .run_record import CallCount, RunRecord, read_run

_TEMPLATES = Path(__file__).parent
_VERDICT_SYMBOLS = {YES: "✓", NO: "✗", UNKNOWN: "?"}
_PAST_TENSE = {"create": "created", "update": "changed", "delete": "removed"}
_FILE_DESCRIPTIONS = {
    JOURNAL: "every plan, change, check and writing call; each line is chained to the one before",
    "plan.json": "all plans, with their fingerprints",
    "parameters.json": "the environment's parameters, including defaults",
    "resources-before.csv": "the resources before the run, for a spreadsheet",
    "resources-before.json": "the same with types, for programs",
    "resources-after.csv": "the resources after the run, for a spreadsheet",
    "resources-after.json": "the same with types, for programs",
    "changes.csv": "the changes, for a spreadsheet",
    "checks.csv": "the claims, for a spreadsheet",
    "controls.csv": "the security controls, for a spreadsheet",
    "controls.ocsf.json": "the same as Compliance Findings of OCSF, for programs",
    "preflight.csv": "what was asked before the first write, for a spreadsheet",
    "preflight.json": "the same, and why it was skipped if it was",
    "topology.svg": "the topology drawing",
    "timeline.svg": "the timeline drawing",
}


def render_report(folder: Path) -> str:
    """Render the report as HTML; the same files always give the same page."""
    events = list(events_of(folder / JOURNAL))
    record = read_run(events)
    unchanged = is_intact(folder / JOURNAL) if (folder / JOURNAL).is_file() else None
    return str(
        _environment()
        .get_template("report.html.j2")
        .render(
            run=folder.name,
            record=record,
            conclusion=conclude(record, intact=unchanged),
            when=_period(record),
            undo=tuple(_undo_steps(record)),
            states=tuple(_state_counts(record)),
            addresses=tuple(_addresses(record)),
            drift=read_drift(events),
            parameters=tuple(_flatten(record.parameters)),
            change_summaries=tuple(_summarize_changes(record)),
            drawings=draw_all(record),
            links=tuple(_file_links(folder)),
            redactions=_redaction_text(record),
        )
    )


def draw_all(record: RunRecord) -> dict[str, Svg]:
    """Draw the topology and the timeline, as far as they were recorded."""
    drawings = {"topology": draw_topology(record.topology)} if record.topology else {}
    return drawings | ({"timeline": draw_timeline(record.timeline)} if record.notebooks else {})


def write_report(folder: Path) -> None:
    """Write the report, the drawings and the exports into a run's folder; existing ones are replaced."""
    record = read_run(events_of(folder / JOURNAL))
    texts = {f"{name}.svg": str(svg) for name, svg in draw_all(record).items()}
    texts |= {"changes.csv": exports.changes_csv(record), "checks.csv": exports.checks_csv(record)}
    if record.controls:
        texts["controls.csv"] = controls.controls_csv(record)
    data: dict[str, Any] = {"plan": exports.plans_json(record)}
    if record.parameters:
        data["parameters"] = record.parameters
    if record.controls:
        data["controls.ocsf"] = controls.controls_ocsf(record)
    if record.preflight:
        texts["preflight.csv"] = exports.preflight_csv(record)
        data["preflight"] = exports.preflight_json(record)
    for when, state in (("before", record.before), ("after", record.after)):
        if state:
            texts[f"resources-{when}.csv"] = inventory.as_csv(state)
            data[f"resources-{when}"] = inventory.as_json(state)
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, content in data.items():
        write_json(folder / f"{name}.json", content)
    write_text(folder / "report.html", render_report(folder))  # last: it links to the other files


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "verdict_symbol": lambda verdict: _VERDICT_SYMBOLS[verdict],
        "duration": lambda seconds: "" if seconds is None else elapsed(seconds),
        "time": format_time,
        "one_line": one_line,
        "finding": format_finding,
        "call_counts": lambda calls: tuple(_call_counts(calls)),
        "css_text": lambda text: re.sub(r"[^\w.-]", "_", text),
        "change_text": lambda change: _action_text(change.action, change.result),
        "approval_text": _approval_text,
        "field_changes": lambda change: tuple(_field_changes(change)),
        "check_lines": lambda check: shown_finding(check.holds, check.found) or format_finding(check.found),
        "control_counts": lambda checks: count_results(check.result for check in checks),
        "is_failed": lambda change: change.result == FAILED,
        "link_changes": lambda text: Markup('<a href="#every">Every change</a>, below').join(
            map(Markup, escape(text).split("[every change]"))
        ),
        "inline_svg": lambda svg: Markup(str(svg)),  # nosec B704 # Canvas escapes every text
    }
    environment.globals |= {
        "palette": Markup(theme.css_variables()),  # nosec B704 # constants
        "sans": Markup(theme.SANS),  # nosec B704 # a constant
        "mono": Markup(theme.MONO),  # nosec B704 # a constant
    }
    return environment


@dataclass(frozen=True)
class _ChangeSummary:
    """Changes of a notebook with the same action and result."""

    notebook: str
    what: str
    resources: str
    failed: bool


def _summarize_changes(record: RunRecord) -> Iterator[_ChangeSummary]:
    """Group the changes by notebook, result and action; created and deleted resources are counted by kind."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in record.changes:
        groups.setdefault((change.notebook, change.result, change.action), []).append(change.key)
    for (notebook, result, action), keys in sorted(groups.items()):
        kinds = Counter(key.partition(".")[0] for key in keys)
        counts = ", ".join(f"{n}\u00a0×\u00a0{kind}" if n > 1 else kind for kind, n in kinds.items())
        list_keys = result == FAILED or action == "update"
        what = f"{len(keys)} {_action_text(action, result)}"
        yield _ChangeSummary(notebook, what, ", ".join(keys) if list_keys else counts, result == FAILED)


def _action_text(action: str, result: str) -> str:
    return _PAST_TENSE.get(action, action) if result == DONE else f"to {action}: {result}"


def _approval_text(approval: RecordedApproval) -> str:
    """When an approval was signed and used, when it expires, and who the second signer is."""
    signed = f"signed {format_time(approval.signed)}" if approval.signed else ""
    expires = f"expires {format_time(approval.expires)}" if approval.expires else ""
    operator = f"operator: {one_line(approval.operator)}, who signed as well" if approval.operator else ""
    return "; ".join(filter(None, (signed, f"used on {format_time(approval.at)}", expires, operator)))


def _field_changes(change: ChangeResult) -> Iterator[str]:
    """Yield old and new value of each field of an update; the settings of new resources are in the plan."""
    if change.action == "update":
        for name, pair in change.fields.items():
            if len(pair) == 2:
                yield f"{label_field(name)}: {format_value(pair[0])} → {format_value(pair[1])}"


def _period(record: RunRecord) -> str:
    if not record.began:
        return ""
    try:
        took = datetime.fromisoformat(record.ended) - datetime.fromisoformat(record.began)
    except ValueError:
        return f"from {record.began} to {record.ended}"
    return f"{format_time(record.began)}, for {elapsed(took.total_seconds())}"


def _state_counts(record: RunRecord) -> Iterator[tuple[str, str, str]]:
    """Yield each notebook with the number of its resources before and after the run."""
    for notebook in record.notebooks:
        before, after = (state.get(notebook.name) for state in (record.before, record.after))
        if before is not None or after is not None:
            yield notebook.name, _resource_count(before), _resource_count(after)


def _resource_count(state: inventory.State | None) -> str:
    """The number of resources, without those that are only looked up, such as Amazon's machine image."""
    if state is None:
        return "not read"
    return pluralize(sum(not row.get(inventory.EXTERNAL) for row in state.values()), "resource")


_ADDRESSES = {
    "alias_record": ("Site", "id"),
    "load_balancer": ("Load balancer", "dns_name"),
    "db_instance": ("Database", "endpoint"),
    "cache_replication_group": ("Cache", "endpoint"),
}
"""Of each kind with an address its name in the report, and the field that holds the address."""


def _addresses(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield the addresses of what the run left, or found: the site, the load balancer, the database and the cache."""
    state = {key: row for rows in ({**record.before, **record.after}).values() for key, row in rows.items()}
    for kind, (name, field) in _ADDRESSES.items():
        for key, row in sorted(state.items()):
            values = {"id": row.get("id"), **(row.get("detail") or {})}
            if key.partition(".")[0] == kind and values.get(field):
                port = f":{values['port']}" if values.get("port") else ""
                yield name, f"https://{values[field]}/" if kind == "alias_record" else f"{values[field]}{port}"


def _call_counts(calls: Sequence[CallCount]) -> Iterator[tuple[str, str]]:
    """Yield the recorded calls by answer: a description, and the number of each service."""
    for description, field in (
        ("Calls to AWS that write", "written"),
        ("Looked for, and answered with “not there” or “there already”, which is no error", "absent"),
        ("Calls that failed; most were sent again", "failed"),
    ):
        counts = [(call.service, getattr(call, field)) for call in calls]
        if text := ", ".join(f"{service} {number}" for service, number in counts if number):
            yield description, text


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield parameters by their dotted names."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", format_value(value)


def _undo_steps(record: RunRecord) -> Iterator[str]:
    """Yield the steps that undo the changes; backticks mark commands, and ``[every change]`` becomes a link."""
    env = record.get("env") or "ENV"
    done = Counter(change.action for change in record.changes if change.result == DONE)
    if not record.notebooks:
        yield "Not known: the changes were not recorded."
    elif not done:
        yield "Nothing was changed, so there is nothing to undo."
    if done["create"]:
        yield (
            f"What was created is deleted by `runbook destroy --env {env} --confirm {env}`: 04 first, 01 last."
            " It deletes the whole environment, also what was there before this run."
        )
    if done["update"]:
        yield (
            "For changes that came from params/, put the old values, which are under [every change], back into"
            f" params/{env}.yaml, then run `runbook apply --env {env}`."
        )
        yield (
            "Changes that corrected drift at AWS cannot be undone this way: the old values were never in params/."
            " They can only be set at AWS manually, and the next apply reverts them again."
        )
    if done["delete"]:
        yield (
            f"What was deleted is created again by `runbook apply --env {env}`, without its data: restore these"
            " from a snapshot, if there is one."
        )
    if record.mode == "apply" and any(change.result != DONE for change in record.changes):
        yield f"Changes that were not made are made by the same command: `runbook apply --env {env}`."


def _redaction_text(record: RunRecord) -> str:
    """How many secrets were redacted; empty where they were not counted."""
    if not record.redactions:
        return ""
    total = sum(count for _, count in record.redactions)
    kinds = ", ".join(f"{count} {kind}" for kind, count in record.redactions)
    return f"Secrets were redacted in {pluralize(total, 'place')} before anything was written, by kind: {kinds}."


def _file_links(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield every other file of the folder for the report: its URL, its name and its description."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        description = _FILE_DESCRIPTIONS.get(name, "") or _describe_file(path)
        if name not in ("report.html", MANIFEST) and not any(part.startswith(".") for part in Path(name).parts):
            yield quote(name), name, description


def _describe_file(path: Path) -> str:
    kinds = {
        ".html": f"{path.stem} as executed, readable without Jupyter",
        ".ipynb": f"{path.stem} as executed",
    }
    parts = path.stem.partition("-")[2].replace("-", " ")
    table = f"what existed of {parts}, as a cell showed it" if path.suffix == ".csv" else "the same with types"
    by_folder = {
        "plans": "a plan for review",
        "tables": table,
        "approvals": "a signed approval",
        "outputs": "a long output of a cell",
    }
    return by_folder.get(path.parent.name) or kinds.get(path.suffix, "")
