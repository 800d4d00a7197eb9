"""The endpoint of an environment that is not on the real AWS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Connection:
    """An endpoint with AWS's protocols, and its credentials.

    They come as a pair, so that real credentials are never sent to an emulator, and an
    emulator's are never sent to AWS.
    """

    endpoint_url: str
    access_key: str
    secret_key: str
