"""The account on disk: saved shortly after each change, found again by the next start.

What is promised: whatever a call did is on disk at most `LATEST_SECONDS` and the time of one save
(a few tenths of a second for a whole stack) after its answer. So `kill -9` or a power cut can
lose the last one and a half seconds, and nothing before them; an orderly end loses nothing. The file is
replaced in one step: it always holds the account as it was at one moment, between two calls.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from collections.abc import Callable
from threading import Condition, RLock, Thread
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.account import pickling
from embedded_aws.settings import moto_version
from embedded_aws.state_folder import Folder

QUIET_SECONDS = 0.25  # a burst of calls is saved once, when it is over
LATEST_SECONDS = 1.0  # ... but not later than this after its first call
# Set to "end", it is saved at the end alone: for those who throw it away a moment later, as most tests do.
SWITCH = "RUNBOOK_LOCAL_SAVE"
RETRY_SECONDS = 10.0  # after a save that failed: a full disk
FORMAT = 2  # of this file's own layout

log = logging.getLogger(__name__)


def written_by() -> dict[str, Any]:
    """Who can read a state: pickle carries moto's classes as they were."""
    return {"format": FORMAT, "moto": moto_version(), "python": ".".join(platform.python_version_tuple()[:2])}


def restore(folder: Folder) -> str:
    """Put the saved account in place; returns what the operator should know, empty when all is well.

    A state that cannot be read is set aside under another name, never overwritten and never a reason not to start.
    """
    try:
        header, _, content = folder.state.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return ""
    try:
        author = json.loads(header)
    except ValueError:
        author = {"format": "unknown"}
    if author != written_by():
        return _set_aside(folder, f"was written with {_named(author)}, and this is {_named(written_by())}")
    try:
        world.put(pickling.loads(content))
    except Exception as error:
        log.exception("the state cannot be read")
        return _set_aside(folder, f"cannot be read ({type(error).__name__}: {error})")
    return ""


def _named(author: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in author.items())


def _set_aside(folder: Folder, why: str) -> str:
    aside = folder.state.with_name(f"{folder.state.name}.{time.strftime('%Y%m%dT%H%M%S')}")
    folder.state.replace(aside)
    notice = (
        f"The saved account {why}: it is set aside as {aside}, and the account is empty."
        "\n  → build it again: `runbook apply --env local`"
    )
    log.warning(notice)
    return notice


class Saver:
    """Saves the account in the background, after each burst of changes.

    Calls wait only while the account is turned into bytes, not while these are written.
    """

    def __init__(self, folder: Folder, lock: RLock, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._lock, self._clock = folder, lock, clock
        self._changed = Condition()
        self._first = self._last = 0.0  # when the unsaved changes began and ended; 0: there are none
        self._ending = False
        self._eager = os.environ.get(SWITCH) != "end"
        self._thread = Thread(target=self._run, name="saver", daemon=True)

    def start(self) -> None:
        """Begin to watch for changes."""
        self._thread.start()

    def wrote(self) -> None:
        """Take note that the account has changed."""
        with self._changed:
            self._last = self._clock()
            self._first = self._first or self._last
            self._changed.notify()

    def stop(self) -> None:
        """Save what is not saved yet, and end."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def save(self) -> None:
        """Save now."""
        with self._lock:
            with self._changed:
                self._first = 0.0
            content = pickling.dumps(world.take())
        self._folder.write(self._folder.state, json.dumps(written_by()).encode() + b"\n" + content)
        self._folder.unsaved.unlink(missing_ok=True)

    def _run(self) -> None:
        while self._await_quiet():
            try:
                self.save()
            except Exception as error:
                log.exception("the account could not be saved")
                self._folder.unsaved.write_text(f"{type(error).__name__}: {error}")
                if self._ending:
                    return
                self._try_later()

    def _try_later(self) -> None:
        with self._changed:
            self._first = self._last = self._clock() + RETRY_SECONDS

    def _await_quiet(self) -> bool:
        """Wait until there is something to save and a good moment for it; False when all is saved and it ends."""
        with self._changed:
            while True:
                now = self._clock()
                due = min(self._first + LATEST_SECONDS, self._last + QUIET_SECONDS)
                if self._first and ((now >= due and self._eager) or self._ending):
                    return True
                if self._ending:
                    return False
                self._changed.wait(due - now if self._first and self._eager else None)
