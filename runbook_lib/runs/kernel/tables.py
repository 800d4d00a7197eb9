"""Tables of existing resources: one line for each, as AWS reports it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from ...engine.plan import ORPHANED, orphans_of
from ...engine.references import placeholders, to_json
from ...formatting import format_whole
from ...resources.base import Observed, ObservedState, Resource
from .html import render_html

MISSING = "–"
_MAX_COLUMNS, _MAX_TRANSPOSED = 10, 4


class Table(pd.DataFrame):
    """A data frame of typed columns; a notebook shows all of its rows and the whole of each text.

    A few resources with many settings are shown with a row for each setting: no page is as wide.
    """

    @property
    def _constructor(self) -> type[Table]:
        return Table

    def _repr_html_(self) -> str:
        head = [str(name) for name in (self.index.name or "", *self.columns)]
        values = zip(self.index, self.to_numpy(dtype=object).tolist(), strict=True)
        lines = [head, *([str(key), *map(_text, row)] for key, row in values)]
        if len(self.columns) > _MAX_COLUMNS and len(self.index) <= _MAX_TRANSPOSED:
            lines = list(map(list, zip(*lines, strict=True)))
        return render_html("data_table", lines[0], lines[1:])


def create_table(resources: Iterable[Resource], observed: ObservedState) -> Table:
    """Create the table of resources with their ids, states and settings.

    Resources of one kind have a column for each setting; for several kinds, one column holds all
    settings.  A reference is shown as the key of its resource.  Numbers and booleans keep their
    types, a list is joined with spaces, and an empty value is missing.  Orphans of the same kinds are listed, too.
    """
    own = {r: observed.get(r) for r in resources if not r.implicit or observed.get(r)}
    kinds = {_kind_of(r) for r in own}
    orphans = {r: replace(seen, status=ORPHANED) for r, seen in orphans_of(observed, observed).items()}
    own |= {orphan: seen for orphan, seen in orphans.items() if _kind_of(orphan) in kinds}
    rows = {r.key: _row(seen, placeholders(r, observed), len(kinds) == 1) for r, seen in own.items()}
    frame = Table(pd.DataFrame.from_dict(rows, orient="index").convert_dtypes())
    frame = frame.astype({name: "string" for name in frame.columns if frame[name].isna().all()})
    frame.index.name = "resource"
    return frame


def _kind_of(resource: Resource) -> str:
    return resource.key.partition(".")[0]


def _row(observed: Observed | None, names: Mapping[str, str], one_kind: bool) -> dict[str, Any]:
    if observed is None:
        return {"id": None, "status": "not there"}
    state = {name: _value(to_json(value, names)) for name, value in observed.state.items()}
    settings = state | {name: _value(to_json(value, {})) for name, value in observed.public_detail.items()}
    head = {"id": observed.id, "status": observed.status or ("exists" if observed.ready else "not ready")}
    if one_kind:
        return head | settings
    return head | {"settings": ", ".join(f"{name}={_text(value)}" for name, value in settings.items())}


def _value(value: Any) -> Any:
    """The content of one cell."""
    if isinstance(value, list):
        value = " ".join(map(format_whole, value))
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    return None if value == "" else value


def _text(value: Any) -> str:
    return MISSING if value is None or value is pd.NA else format_whole(value)
