"""The control door, /_local/: what is done to the embedded AWS itself rather than inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

Answer = tuple[str, list[tuple[str, str]], bytes]
Deed = Callable[[], Mapping[str, Any]]


class Control:
    """Named deeds behind one door; each answers a JSON object. The front has checked the token.

    A deed is asked for by POST, so that no link and no picture in a page can ask for it.
    """

    def __init__(self, deeds: Mapping[str, Deed]) -> None:
        self._deeds = deeds

    def __call__(self, method: str, name: str) -> Answer:
        """Do what /_local/<name> stands for."""
        if name not in self._deeds:
            known = ", ".join(sorted(self._deeds))
            return _answer(HTTPStatus.NOT_FOUND, {"message": f"no {name!r} here; there is {known}"})
        if method != "POST":
            return _answer(HTTPStatus.METHOD_NOT_ALLOWED, {"message": "ask by POST"})
        return _answer(HTTPStatus.OK, self._deeds[name]())


def _answer(status: HTTPStatus, body: Mapping[str, Any]) -> Answer:
    return f"{status.value} {status.phrase}", [("Content-Type", "application/json")], json.dumps(body).encode()
