"""Asking the control door of a running embedded AWS, with the token that its folder holds."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from embedded_aws.settings import CONTROL, TOKEN_HEADER
from embedded_aws.state_folder import Address
from runbook_lib.errors import LocalError, WrongUsage

TIMEOUT = 60.0

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy has business with 127.0.0.1


def ask(address: Address, method: str, name: str, sent: Any = None) -> dict[str, Any]:
    """What the door answers.

    Raises:
        WrongUsage: It does not do that, and says why.
        LocalError: It has not answered, or does not know the question.
    """
    body = None if sent is None else json.dumps(sent).encode()
    headers = {TOKEN_HEADER: address.token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address.url}{CONTROL}{name}", body, headers, method=method)
    try:
        with _opener.open(request, timeout=TIMEOUT) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise _refusal(error) from None
    except (OSError, ValueError) as error:
        why = f"the embedded AWS has not answered: {error}"
        raise LocalError(why, fix="see `runbook local logs`") from None


def answers(address: Address) -> bool:
    """Whether anybody is in: the kernel takes its time with a killed process, which until then seems to run."""
    try:
        return bool(ask(address, "POST", "health")["ready"])
    except LocalError:
        return False


def _refusal(error: urllib.error.HTTPError) -> WrongUsage | LocalError:
    try:
        told = json.load(error)
        if error.code == 400:
            return WrongUsage(told["message"], fix=told["fix"])
        return LocalError(told["message"], fix="restart it: `runbook local down`, `runbook local up`")
    except (ValueError, KeyError):
        return LocalError(f"the embedded AWS answered {error.code}", fix="see `runbook local logs`")
