"""What lets a server stay up for weeks: it ends when its folder is gone, and neither memory nor logs grow for ever."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.state_folder import StateFolder

LOOK_SECONDS = 1.0
CLEAN_SECONDS = 10.0
LOG_BYTES, KEPT_BYTES = 10_000_000, 1_000_000
LOGS = ("*.log", "*/*.log", "*/*/*.log")  # the server's own, those of databases and caches, and those of hosts

log = logging.getLogger(__name__)


class Housekeeping:
    """Looks at the state folder once a second, and cleans up every ten.

    Args:
        end: Ends the server, whose folder is gone: nobody could find it any more, nor end it. Called once.
    """

    def __init__(
        self, folder: StateFolder, end: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._end, self._clock = folder, end, clock
        self._me = ProcessIdentity.current()
        self._looked_at = self._cleaned_at = clock()
        self.is_gone = False

    def tick(self) -> bool:
        """End the server when its lock file is gone, or is another server's; the account stays as it is."""
        now = self._clock()
        if not self.is_gone and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self.is_gone = self._folder.read_lock_holder() != self._me
            if self.is_gone:
                log.warning("%s is gone, so this server ends", self._folder.path)
                self._end()
            elif now - self._cleaned_at >= CLEAN_SECONDS:
                self._cleaned_at = now
                trim_logs(self._folder.path)
                gc.collect()  # requests and responses refer to one another, and keep the bodies of objects
        return False

    def remove_remains(self) -> None:
        """Delete what the ending processes wrote after the folder was gone, unless another server uses it."""
        if self._folder.read_lock_holder():
            return
        shutil.rmtree(self._folder.path, ignore_errors=True)
        for empty in (self._folder.path.parent, self._folder.root):
            try:
                empty.rmdir()
            except OSError:  # not empty, or not there
                return


def trim_logs(folder: Path) -> None:
    """Cut large logs down to their last lines; all writers append."""
    for path in (path for pattern in LOGS for path in folder.glob(pattern)):
        try:
            if path.stat().st_size <= LOG_BYTES:
                continue
            with path.open("r+b") as file:
                file.seek(-KEPT_BYTES, os.SEEK_END)
                file.readline()
                end = file.read()
                file.truncate(0)
                file.seek(0)
                file.write(end)
        except FileNotFoundError:  # deleted meanwhile
            continue
