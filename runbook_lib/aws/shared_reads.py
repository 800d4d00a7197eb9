"""Answers of AWS that the notebooks of one headless run share while the run only reads.

Each notebook is a process of its own and looks at what the others look at, too: without this, a plan of four
notebooks asks AWS for the same network four times.  The runner keeps the answers in its memory, for seconds, and
hands them out over a local connection; of those who ask for one at the same time, the first asks AWS.
"""

from __future__ import annotations

import pickle  # nosec B403 # what is read comes from our own runner
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

VARIABLE = "RUNBOOK_READS"
"""The environment variable that tells a notebook where the answers are."""
LONGEST_AGE = 30.0
"""Seconds for which an answer is shared."""

_ABSENT = b""
"""Sent instead of an answer: there is none, so the one who has asked is to ask AWS; or AWS has not given one."""


class Reads:
    """The reads of one process: each is sent."""

    def read(self, call: tuple[Any, ...], send: Callable[[], Any]) -> Any:
        """Return the answer to a call.

        Args:
            call: What is asked, as plain values.
            send: Asks AWS.  Its answer can be pickled.
        """
        return send()

    def expire(self) -> None:
        """Take no answer from now on that was given before: what it tells may have changed."""


class SharedReads(Reads):
    """The reads of a process whose runner keeps the answers.

    Args:
        told: What :func:`keep` has written into the environment.
        scope: Whose answers they are: a notebook may look at a second account, or at one through another endpoint.
        learn: Called with each answer that another process was given, to find secrets in it.
    """

    def __init__(self, told: str, scope: str, learn: Callable[[object], None]) -> None:
        self._scope = scope
        self._address, _, key = told.rpartition("#")
        self._key, self._learn = bytes.fromhex(key), learn
        self._began = -float("inf")
        self._threads = threading.local()

    def read(self, call: tuple[Any, ...], send: Callable[[], Any]) -> Any:
        """Return the answer to a call, which another notebook may have been given a moment ago."""
        try:
            connection = self._connect()
            connection.send((f"{self._scope} {call!r}", max(self._began, time.monotonic() - LONGEST_AGE)))
            kept = connection.recv_bytes()
        except (OSError, EOFError):  # the runner is ending
            return send()
        if kept != _ABSENT:
            answer = pickle.loads(kept)  # nosec B301 # from our own runner, which checked the key
            self._learn(answer)
            return answer
        given = _ABSENT
        try:
            answer = send()
            given = pickle.dumps(answer)
        finally:
            with suppress(OSError):
                connection.send_bytes(given)
        return answer

    def expire(self) -> None:
        """Take no answer from now on that was given before."""
        self._began = time.monotonic()

    def _connect(self) -> Connection:
        """The connection of this thread: whoever waits for an answer must not keep the others waiting."""
        if not hasattr(self._threads, "connection"):
            self._threads.connection = Client(self._address, authkey=self._key)
        connection: Connection = self._threads.connection
        return connection


@contextmanager
def keep() -> Iterator[str]:
    """Keep answers until the context ends; yields the value of :data:`VARIABLE` for those who share them."""
    key = secrets.token_bytes(32)
    with Listener(authkey=key) as listener:
        kept = _Kept(listener)
        threading.Thread(target=kept.accept, daemon=True).start()
        try:
            yield f"{listener.address}#{key.hex()}"
        finally:
            kept.is_closed = True


@dataclass
class _Answer:
    """One answer, from the moment in which somebody asks for it."""

    asked: float = 0
    pickled: bytes = _ABSENT
    is_asked: threading.Lock = field(default_factory=threading.Lock)


class _Kept:
    """The answers that are kept, and the threads that hand them out: one for each connection."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self.is_closed = listener, False
        self._answers: dict[str, _Answer] = {}
        self._lock = threading.Lock()

    def accept(self) -> None:
        """Serve each that connects, until it is closed."""
        while not self.is_closed:
            with suppress(OSError, EOFError, AuthenticationError):  # it has ended, or does not know the key
                connection = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection, suppress(OSError, EOFError):
            while True:
                call, earliest = connection.recv()
                with self._lock:
                    answer = self._answers.setdefault(call, _Answer())
                with answer.is_asked:  # also until the one who asks AWS has its answer, or has ended
                    if answer.pickled != _ABSENT and answer.asked >= earliest:  # the clock is that of the whole machine
                        connection.send_bytes(answer.pickled)
                        continue
                    asked = time.monotonic()
                    connection.send_bytes(_ABSENT)
                    answer.pickled, answer.asked = connection.recv_bytes(), asked
