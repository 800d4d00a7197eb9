"""The control door, /_local/: what is done to the embedded AWS itself rather than inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from runbook_lib.errors import WrongUsage

Answer = tuple[str, list[tuple[str, str]], bytes]
Deed = Callable[[], Mapping[str, Any]]
Setting = Callable[[str], Mapping[str, Any]]


class Control:
    """Named deeds behind one door; each answers a JSON object. The front has checked the token.

    A deed is asked for by POST, so that no link and no picture in a page can ask for it. A setting is
    asked for in the same way, with its value behind another slash.
    """

    def __init__(self, deeds: Mapping[str, Deed], settings: Mapping[str, Setting] | None = None) -> None:
        self._deeds, self._settings = deeds, settings or {}

    def __call__(self, method: str, name: str) -> Answer:
        """Do what /_local/<name> stands for."""
        setting, _, value = name.partition("/")
        if name not in self._deeds and not (value and setting in self._settings):
            known = ", ".join(sorted([*self._deeds, *[f"{name}/VALUE" for name in self._settings]]))
            return _answer(HTTPStatus.NOT_FOUND, {"message": f"no {name!r} here; there is {known}"})
        if method != "POST":
            return _answer(HTTPStatus.METHOD_NOT_ALLOWED, {"message": "ask by POST"})
        if name in self._deeds:
            return _answer(HTTPStatus.OK, self._deeds[name]())
        try:
            return _answer(HTTPStatus.OK, self._settings[setting](value))
        except WrongUsage as error:
            return _answer(HTTPStatus.BAD_REQUEST, {"message": error.what})


def _answer(status: HTTPStatus, body: Mapping[str, Any]) -> Answer:
    return f"{status.value} {status.phrase}", [("Content-Type", "application/json")], json.dumps(body).encode()
