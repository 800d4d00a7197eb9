"""Give a step of an interrupted run a limited time, whatever it waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import RunbookError

T = TypeVar("T")


class OutOfTime(RunbookError):
    """A step did not end within its time."""


def within(seconds: float | None, step: Callable[[], T], what: str) -> T:
    """Return what the step returns, within its time; see :func:`begin`."""
    return begin(seconds, step, what)()


def begin(seconds: float | None, step: Callable[[], T], what: str) -> Callable[[], T]:
    """Begin a step; returns the function that waits for what it returns.

    A step that takes longer is left alone: it ends with this process.

    Args:
        seconds: The step's time from now; ``None`` for as long as it takes, beginning when it is waited for.
        what: The step, for the message.

    Raises:
        OutOfTime: By the returned function: it took longer.
        Exception: By the returned function: what the step raised.
    """
    if seconds is None:
        return step
    ends = time.monotonic() + seconds
    results: list[T] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(step())
        except Exception as error:  # noqa: BLE001 – raised below, in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def wait() -> T:
        thread.join(max(0.0, ends - time.monotonic()))
        if errors:
            raise errors[0]
        if not results:
            raise OutOfTime(
                f"{what} took more than {seconds:g} s, and an interrupted run has no more.",
                fix="Check the connection to AWS; a lock that was not released expires ten minutes after its renewal.",
            )
        return results[0]

    return wait
