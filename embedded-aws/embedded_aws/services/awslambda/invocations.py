"""Asynchronous invocations: a queue for each function, which is saved with the account.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from embedded_aws import pace
from embedded_aws.account import backends
from embedded_aws.patching import attach_dict

MAX_ATTEMPTS = 3
# "Lambda waits one minute before the second attempt, and two minutes before the third."
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRY_SECONDS = 60.0
# Whatever the pace: what a function waits for, such as an operator's command, takes its own time.
SHORTEST_RETRY_SECONDS = 10.0


@dataclass
class Invocation:
    """One event that waits for its function, or is being handled."""

    function: str
    event: dict[str, Any]
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    attempt: int = 1
    due: float = field(default_factory=time.time)


def enqueue(backend: Any, function: str, event: dict[str, Any]) -> None:
    """Queue an event for a function."""
    invocation = Invocation(function, event)
    attach_dict(backend, "invocations")[invocation.request_id] = invocation


def due() -> Iterator[tuple[Any, Invocation]]:
    """Yield the invocations that are due, with their backend."""
    for backend in backends.existing("lambda"):
        for invocation in list(attach_dict(backend, "invocations").values()):
            if invocation.due <= time.time():
                yield backend, invocation


def conclude(backend: Any, invocation: Invocation, succeeded: bool) -> None:
    """Forget an invocation that has succeeded, or has failed for the last time; queue it again otherwise."""
    if succeeded or invocation.attempt >= MAX_ATTEMPTS:
        attach_dict(backend, "invocations").pop(invocation.request_id, None)
        return
    wait = max(SHORTEST_RETRY_SECONDS, RETRY_SECONDS * pace.current_factor())
    invocation.due = time.time() + invocation.attempt * wait
    invocation.attempt += 1
