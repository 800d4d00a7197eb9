"""Where the calls go when they do not go to the real AWS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Connection:
    """An endpoint that speaks AWS's protocols, and the credentials it expects.

    Endpoint and credentials come as a pair, so that real credentials are never
    sent to an emulator and an emulator's are never sent to AWS.
    """

    endpoint_url: str
    access_key: str
    secret_key: str
