"""What may happen to a write on its way to AWS and back: the hand of a test where botocore sends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from runbook_lib.aws.client import Aws

READS = ("Describe", "Get", "List", "Head", "BatchGet")


class Killed(BaseException):
    """The process ends here: nothing of the library may catch it and go on."""


class Call(NamedTuple):
    """The operation, and what tells it from others of its kind: the same deed done again is equal."""

    name: str
    url: str
    body: str


class Wire:
    """Sees every request of the doors that it taps, and may do something about the writes.

    Attributes:
        asked: The reads.
        wrote: The operations of the writes that reached AWS, with the service in front: ``ec2.CreateVpc``.
        fault: Is given a write and what carries it to AWS; does as a bad wire would.
        read_fault: The same for reads, which go their way without one.
    """

    def __init__(self) -> None:
        self.asked: list[Call] = []
        self.wrote: list[str] = []
        self.fault: Callable[[Call, Callable[[], Any]], Any] = lambda write, carry: carry()
        self.read_fault: Callable[[Call, Callable[[], Any]], Any] | None = None
        # As botocore's own; without it, the end of each write waits for the kernel to acknowledge its beginning.
        self._session = URLLib3Session(socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])

    def tap(self, aws: Aws) -> Aws:
        """Listen to a door that has not been used yet."""
        aws._session.events.register("before-send", self._send)
        return aws

    def _send(self, request: Any, event_name: str, **_: Any) -> Any:
        name = event_name.removeprefix("before-send.")
        call = Call(name, request.url, str(request.body))
        if name.partition(".")[2].startswith(READS):
            self.asked.append(call)
            return self.read_fault(call, lambda: self._session.send(request)) if self.read_fault else None

        def carry() -> Any:
            self.wrote.append(name)
            return self._session.send(request)

        return self.fault(call, carry)


def lost(write: Call) -> ConnectionClosedError:
    """What botocore says when the connection breaks before an answer is there."""
    return ConnectionClosedError(endpoint_url=write.url)
