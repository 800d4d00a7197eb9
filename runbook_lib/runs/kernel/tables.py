"""Tables of what exists: one line for each resource, as AWS reports it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import pandas as pd

from ...engine.plan import placeholders, to_json
from ...formatting import format_value
from ...resources.base import Observed, ObservedState, Resource

MISSING = "–"
_LONG = 32


class Table(pd.DataFrame):
    """A data frame of typed columns that is shown whole, with its texts to the left."""

    @property
    def _constructor(self) -> type[Table]:
        return Table

    def _repr_html_(self) -> str:
        head = "".join(_cell("th", str(name)) for name in (self.index.name or "", *self.columns))
        body = "".join(
            f"<tr>{_cell('th', str(key))}{''.join(_cell('td', _text(value)) for value in line)}</tr>"
            for key, line in zip(self.index, self.to_numpy(dtype=object).tolist(), strict=True)
        )
        return f'<table style="font-size:90%"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def table(resources: Iterable[Resource], seen: ObservedState) -> Table:
    """Ids, states and key settings, by resource.

    Resources of one kind have a column for each setting; of several kinds, one column has all.
    A reference is shown as the key of its resource.  Numbers are numbers, what is true or false is
    that, several values are one text with spaces between, and what is missing is missing.
    """
    own = [r for r in resources if not r.implicit or seen.get(r)]
    alike = len({type(r) for r in own}) == 1
    lines = {r.key: _line(seen.get(r), placeholders(r, seen), alike) for r in own}
    frame = Table(pd.DataFrame.from_dict(lines, orient="index").convert_dtypes())
    frame = frame.astype({name: "string" for name in frame.columns if frame[name].isna().all()})
    frame.index.name = "resource"
    return frame


def _line(found: Observed | None, names: Mapping[str, str], alike: bool) -> dict[str, Any]:
    if found is None:
        return {"id": None, "status": "not there"}
    state = {name: _value(to_json(value, names)) for name, value in found.state.items()}
    settings = state | {name: _value(to_json(value, {})) for name, value in found.public_detail.items()}
    head = {"id": found.id, "status": found.status or ("ready" if found.ready else "not ready")}
    if alike:
        return head | settings
    return head | {"settings": ", ".join(f"{name}={_text(value)}" for name, value in settings.items())}


def _value(value: Any) -> Any:
    """What one cell holds."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    return None if value == "" else value


def _text(value: Any) -> str:
    return MISSING if value is None or value is pd.NA else format_value(value)


def _cell(tag: str, text: str) -> str:
    """Short texts stay on one line; only long ones may break anywhere."""
    wrap = "overflow-wrap:anywhere;min-width:16em" if len(text) > _LONG else "white-space:nowrap"
    return f'<{tag} style="text-align:left;vertical-align:top;{wrap}">{escape(text)}</{tag}>'
