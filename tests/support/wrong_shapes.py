"""Valid JSON of the wrong shape: what a reader of evidence may meet."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

WRONG = (None, True, 0, -1.5, "", "x", "\ud800", [], [None], ["x"], [{}], {}, {"x": None}, 10**400)


def variants(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield a path, and the document with a wrong value there; and once without it."""
    for path in _paths(document):
        name = "/".join(map(str, path)) or "all"
        for wrong in WRONG:
            yield f"{name}={str(wrong)[:9]!r}", _changed(document, path, wrong)
        if path and isinstance(path[-1], str):
            yield f"{name} is missing", _without(document, path)


def _paths(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in items:
        yield from _paths(value, (*above, name))


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    new = copy.copy(document)
    new[path[0]] = _changed(document[path[0]], path[1:], value)
    return new


def _without(document: Any, path: tuple[Any, ...]) -> Any:
    new = copy.deepcopy(document)
    inner = new
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return new
