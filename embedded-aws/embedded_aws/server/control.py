"""The control API, /_local/: operations on the embedded AWS itself rather than on the account inside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from runbook_lib.errors import RunbookError

Response = tuple[str, list[tuple[str, str]], bytes]
Action = Callable[[], Mapping[str, Any]]
#: Takes the JSON payload; raises a RunbookError when it rejects it.
Handler = Callable[[Any], Mapping[str, Any]]


class Control:
    """Named operations; each answers a JSON object. `WsgiApp` has checked the token.

    Actions are POST only, so that no link and no image in a web page can run one.

    Args:
        actions: By name; they take no payload.
        handlers: By method and name, such as "GET faults"; they take a JSON payload, or none.
    """

    def __init__(self, actions: Mapping[str, Action], handlers: Mapping[str, Handler] | None = None) -> None:
        self._handlers: dict[str, Handler] = {f"POST {name}": _ignore_payload(one) for name, one in actions.items()}
        self._handlers |= handlers or {}

    def __call__(self, method: str, name: str, body: bytes = b"") -> Response:
        """Run the operation /_local/<name>."""
        methods = {handler.split()[0] for handler in self._handlers if handler.split()[1] == name}
        if not methods:
            known = ", ".join(sorted({handler.split()[1] for handler in self._handlers}))
            return _respond(HTTPStatus.NOT_FOUND, {"message": f"no operation {name!r}; the operations are {known}"})
        if method not in methods:
            message = f"use {' or '.join(sorted(methods))} for {name}"
            return _respond(HTTPStatus.METHOD_NOT_ALLOWED, {"message": message})
        try:
            return _respond(HTTPStatus.OK, self._handlers[f"{method} {name}"](json.loads(body or b"null")))
        except RunbookError as error:
            return _respond(HTTPStatus.BAD_REQUEST, {"message": error.what, "fix": error.fix})
        except (UnicodeDecodeError, json.JSONDecodeError):
            return _respond(HTTPStatus.BAD_REQUEST, {"message": "the request's body is not JSON", "fix": "send JSON"})


def _ignore_payload(action: Action) -> Handler:
    return lambda _: action()


def _respond(status: HTTPStatus, body: Mapping[str, Any]) -> Response:
    return f"{status.value} {status.phrase}", [("Content-Type", "application/json")], json.dumps(body).encode()
