"""The control door, /_local/: what is done to the embedded AWS itself rather than inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from runbook_lib.errors import RunbookError

Answer = tuple[str, list[tuple[str, str]], bytes]
Deed = Callable[[], Mapping[str, Any]]
#: Takes the JSON that was sent; raises a RunbookError for what it does not do.
Ask = Callable[[Any], Mapping[str, Any]]


class Control:
    """Named deeds behind one door; each answers a JSON object. The front has checked the token.

    A deed is asked for by POST, so that no link and no picture in a page can ask for it.

    Args:
        deeds: By name; they are sent nothing.
        asks: By method and name, such as "GET faults"; they are sent JSON, or nothing.
    """

    def __init__(self, deeds: Mapping[str, Deed], asks: Mapping[str, Ask] | None = None) -> None:
        self._asks: dict[str, Ask] = {f"POST {name}": _without(deed) for name, deed in deeds.items()}
        self._asks |= asks or {}

    def __call__(self, method: str, name: str, sent: bytes = b"") -> Answer:
        """Do what /_local/<name> stands for."""
        methods = {ask.split()[0] for ask in self._asks if ask.split()[1] == name}
        if not methods:
            known = ", ".join(sorted({ask.split()[1] for ask in self._asks}))
            return _answer(HTTPStatus.NOT_FOUND, {"message": f"no {name!r} here; there is {known}"})
        if method not in methods:
            return _answer(HTTPStatus.METHOD_NOT_ALLOWED, {"message": f"ask by {' or '.join(sorted(methods))}"})
        try:
            return _answer(HTTPStatus.OK, self._asks[f"{method} {name}"](json.loads(sent or b"null")))
        except RunbookError as error:
            return _answer(HTTPStatus.BAD_REQUEST, {"message": error.what, "fix": error.fix})
        except (UnicodeDecodeError, json.JSONDecodeError):
            return _answer(HTTPStatus.BAD_REQUEST, {"message": "what was sent is no JSON", "fix": "send JSON"})


def _without(deed: Deed) -> Ask:
    return lambda _: deed()


def _answer(status: HTTPStatus, body: Mapping[str, Any]) -> Answer:
    return f"{status.value} {status.phrase}", [("Content-Type", "application/json")], json.dumps(body).encode()
