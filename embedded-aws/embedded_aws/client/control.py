"""Call the control API of a running embedded AWS, with the token from its state folder."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from embedded_aws.settings import CONTROL, TOKEN_HEADER
from embedded_aws.state_folder import Address
from runbook_lib.errors import LocalError, WrongUsage

TIMEOUT = 60.0

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy


def call(address: Address, method: str, name: str, payload: Any = None) -> dict[str, Any]:
    """Call the control API; returns the JSON object that it answers.

    Raises:
        WrongUsage: It rejects the request, and says why.
        LocalError: It did not answer, or does not have this call.
    """
    body = None if payload is None else json.dumps(payload).encode()
    headers = {TOKEN_HEADER: address.token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address.url}{CONTROL}{name}", body, headers, method=method)
    try:
        with _opener.open(request, timeout=TIMEOUT) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise _rejection(error) from None
    except (OSError, ValueError) as error:
        raise LocalError(f"the embedded AWS did not answer: {error}", fix="see `runbook local logs`") from None


def is_responding(address: Address) -> bool:
    """Whether the server answers: for a moment after a kill, its process still seems to run."""
    try:
        return bool(call(address, "POST", "health")["ready"])
    except LocalError:
        return False


def _rejection(error: urllib.error.HTTPError) -> WrongUsage | LocalError:
    try:
        answer = json.load(error)
        if error.code == 400:
            return WrongUsage(answer["message"], fix=answer["fix"])
        return LocalError(answer["message"], fix="restart it: `runbook local down`, `runbook local up`")
    except (ValueError, KeyError):
        return LocalError(f"the embedded AWS answered {error.code}", fix="see `runbook local logs`")
