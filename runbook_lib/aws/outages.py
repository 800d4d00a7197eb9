"""Wait while AWS does not answer, and find answers that were cut off."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from ..errors import RequestRejected
from .error_translation import NO_RESPONSE, UnreadableAnswer

T = TypeVar("T")

LONGEST_OUTAGE = 180.0
"""Seconds for which nobody may answer before a run gives up."""
_LONGEST_PAUSE = 10.0


class Outage:
    """Waits until AWS answers again.

    A process that AWS has never answered does not wait: its network or its endpoint is wrong.

    Args:
        now, sleep: The source of time, in seconds.
        answered: Whether AWS has answered the run already, in another process.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        answered: bool = False,
    ) -> None:
        self._now, self._sleep, self._answered = now, sleep, answered
        self._last_answer = datetime.now(UTC)

    def note_answer(self) -> None:
        """Remember that AWS has answered just now."""
        self._answered, self._last_answer = True, datetime.now(UTC)

    def wait_out(self, read: Callable[[], T]) -> T:
        """Return what a read returns; repeat it while nobody answers, for :data:`LONGEST_OUTAGE` at most.

        Raises:
            RequestRejected: AWS rejects it, or does not answer for too long; the error says since when.
        """
        began, pause = self._now(), 0.25
        while True:
            try:
                return read()
            except RequestRejected as error:
                if error.code != NO_RESPONSE or not self._answered:
                    raise
                if (seconds := self._now() - began) >= LONGEST_OUTAGE:
                    raise RequestRejected(
                        f"{error.what} AWS has not answered for {round(seconds)} s;"
                        f" its last answer came at {self._last_answer:%Y-%m-%d %H:%M:%S} UTC.",
                        fix=error.fix, code=error.code, retryable=True, outcome_known=False,
                    ) from error  # fmt: skip
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def require_readable(model: Any, http_response: Any) -> None:
    """Check that an answer is complete: as long as it says, and if it is JSON, that it can be read.

    botocore takes JSON that was cut off for an answer without fields, and a document such as a bucket's policy as it
    comes.  It raises an error when it parses XML that was cut off.
    https://github.com/boto/botocore/blob/develop/botocore/parsers.py (_parse_body_as_json, _parse_payload)

    Raises:
        UnreadableAnswer: It is not.
    """
    service = model.service_model
    protocol = getattr(service, "resolved_protocol", None) or service.metadata.get("protocol", "")
    if model.has_streaming_output or model.has_event_stream_output or model.http.get("method") == "HEAD":
        return
    content, headers = http_response.content, http_response.headers
    length = str(headers.get("content-length", ""))
    if length.isdecimal() and not headers.get("content-encoding") and len(content) < int(length):
        raise UnreadableAnswer(f"The answer to {model.name} was cut off after {len(content)} of {length} bytes")
    if protocol not in ("json", "rest-json"):
        return
    if not content:
        if protocol == "json" and model.output_shape and model.output_shape.members and http_response.status_code < 300:
            raise UnreadableAnswer(f"The answer to {model.name} is empty")
        return
    try:
        json.loads(content)
    except ValueError as error:
        raise UnreadableAnswer(f"The answer to {model.name} was cut off: {error}") from error
