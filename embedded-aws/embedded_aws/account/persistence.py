"""The saved account: written shortly after each change, and restored by the next start.

Every change is on disk at most `LATEST_SECONDS` and the time of one save (a few tenths of a second for a whole stack)
after the response to its call. So `kill -9` or a power cut can lose the last one and a half seconds; an orderly end
loses nothing. The file is replaced in one step: it always holds the account as it was between two calls.
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

from embedded_aws.account import backends, pickling
from embedded_aws.files import write_atomically
from embedded_aws.settings import moto_version
from embedded_aws.state_folder import StateFolder

QUIET_SECONDS = 0.25  # a burst of calls is saved once, after its end
LATEST_SECONDS = 1.0  # ... but not later than this after its first call
# Set to "end", the account is saved at the end only: for tests, most of which never read it.
SWITCH = "RUNBOOK_LOCAL_SAVE"
RETRY_SECONDS = 10.0  # after a save that failed: a full disk
FORMAT = 3  # of the file; raise it when the classes or attributes of ours in the account change

log = logging.getLogger(__name__)


def written_by() -> dict[str, Any]:
    """Return the versions that can read the state: pickle refers to moto's classes as they were."""
    return {"format": FORMAT, "moto": moto_version(), "python": ".".join(platform.python_version_tuple()[:2])}


def restore(folder: StateFolder) -> str:
    """Restore the saved account; returns a message for the operator, empty when all is well.

    A state that cannot be read is renamed: it is never overwritten, and never prevents a start.
    """
    return _load(folder) or _describe_lost_changes(folder.read_unsaved())


def _describe_lost_changes(reason: str) -> str:
    if not reason:
        return ""
    return (
        f"The account is the last one that could be saved ({reason}): later changes are lost."
        "\n  → see what is missing: `runbook plan --env local`"
    )


def _load(folder: StateFolder) -> str:
    try:
        header, _, content = folder.state.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return ""
    try:
        writer = json.loads(header)
    except ValueError:
        writer = {"format": "unknown"}
    if writer != written_by():
        return _set_aside(folder, f"was written with {_versions(writer)}, and this is {_versions(written_by())}")
    try:
        backends.import_account(pickling.loads(content))
    except Exception as error:
        log.exception("the state cannot be read")
        return _set_aside(folder, f"cannot be read ({type(error).__name__}: {error})")
    return ""


def _versions(writer: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in writer.items())


def _set_aside(folder: StateFolder, reason: str) -> str:
    aside = folder.state.with_name(f"{folder.state.name}.{time.strftime('%Y%m%dT%H%M%S')}")
    folder.state.replace(aside)
    notice = (
        f"The saved account {reason}: it is set aside as {aside}, and the account is empty."
        "\n  → build it again: `runbook apply --env local`"
    )
    log.warning(notice)
    return notice


class Saver:
    """Saves the account in the background, after each burst of changes.

    Calls wait only while the account is pickled, not while it is written.
    """

    def __init__(self, folder: StateFolder, lock: RLock, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._lock, self._clock = folder, lock, clock
        self._changed, self._saving = Condition(), RLock()
        self._first = self._last = 0.0  # when the unsaved changes began and ended; 0: there are none
        self._ending = False
        self._saves_at_once = os.environ.get(SWITCH) != "end"
        self._thread = Thread(target=self._run, name="saver", daemon=True)

    def start(self) -> None:
        """Start the thread. The account is the one that was saved last, whatever an earlier server could not save."""
        self._folder.unsaved.unlink(missing_ok=True)
        self._thread.start()

    def mark_changed(self) -> None:
        """Note that the account has changed."""
        with self._changed:
            self._last = self._clock()
            self._first = self._first or self._last
            self._changed.notify()

    def stop(self) -> None:
        """Save what is not saved yet, and end the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def save_changes(self) -> str:
        """Save what is not saved yet; returns why that failed, empty when all is saved."""
        with self._saving:  # what is being saved just now may fail
            if self._first or self._folder.unsaved.exists():
                self._try_to_save()
            return self._folder.read_unsaved()

    def _save(self) -> None:
        with self._lock:
            with self._changed:
                self._first = 0.0
            content = pickling.dumps(backends.export_account())
        write_atomically(self._folder.state, json.dumps(written_by()).encode() + b"\n" + content)
        self._folder.unsaved.unlink(missing_ok=True)

    def _try_to_save(self) -> bool:
        with self._saving:
            try:
                self._save()
            except Exception as error:
                log.exception("the account could not be saved")
                self._folder.unsaved.write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
                return False
            return True

    def _run(self) -> None:
        while self._await_quiet():
            if not self._try_to_save():
                if self._ending:
                    return
                self._try_later()

    def _try_later(self) -> None:
        with self._changed:
            self._first = self._last = self._clock() + RETRY_SECONDS

    def _await_quiet(self) -> bool:
        """Wait until it is time to save; False when everything is saved and the thread has to end."""
        with self._changed:
            while True:
                now = self._clock()
                due = min(self._first + LATEST_SECONDS, self._last + QUIET_SECONDS)
                if self._first and ((now >= due and self._saves_at_once) or self._ending):
                    return True
                if self._ending:
                    return False
                self._changed.wait(due - now if self._first and self._saves_at_once else None)
