"""Tables of what exists: one line for each resource, as AWS reports it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ..plan import Sightings, plain, shown
from ..resource import Observed, Resource

MISSING = "–"


def table(resources: Iterable[Resource], seen: Sightings) -> pd.DataFrame:
    """Ids, states and key settings, by resource.

    Resources of one kind have a column for each setting; of several kinds, one column has all.
    A reference is shown as the key of its resource.
    """
    own = [r for r in resources if not r.lasting or seen.get(r)]
    names = {found.id: r.key for r, found in seen.items() if found}
    alike = len({type(r) for r in own}) == 1
    lines = {r.key: _line(seen.get(r), {i: k for i, k in names.items() if k != r.key}, alike) for r in own}
    frame = pd.DataFrame.from_dict(lines, orient="index")
    frame.index.name = "resource"
    return frame.fillna(MISSING)


def _line(found: Observed | None, names: dict[str, str], alike: bool) -> dict[str, Any]:
    if found is None:
        return {"id": MISSING, "status": "not there"}
    settings = {name: _text(plain(value, names)) for name, value in {**found.state, **found.detail}.items()}
    head = {"id": found.id, "status": found.status or ("ready" if found.ready else "not ready")}
    if alike:
        return head | settings
    return head | {"settings": ", ".join(f"{name}={value}" for name, value in settings.items())}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or MISSING
    return MISSING if value in (None, "") else shown(value)
