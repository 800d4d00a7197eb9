"""The control door of a running embedded AWS, from any other process: its token is in the owner's folder."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from runbook_lib.errors import LocalError
from runbook_lib.local.folder import Address
from runbook_lib.local.settings import CONTROL, TOKEN_HEADER

ANSWER_SECONDS = 30.0


def ask(address: Address, deed: str) -> dict[str, Any]:
    """Ask for a deed or a setting; its answer.

    Raises:
        LocalError: It was refused, or nobody answers.
    """
    request = urllib.request.Request(
        f"{address.url}{CONTROL}{deed}", method="POST", headers={TOKEN_HEADER: address.token}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy has business on loopback
    try:
        with direct.open(request, timeout=ANSWER_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, ValueError) as error:
        raise LocalError(f"the embedded AWS did not do {deed!r}: {error}", fix="see `runbook local logs`") from None
