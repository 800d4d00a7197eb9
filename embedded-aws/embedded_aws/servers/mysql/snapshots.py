"""The data of databases that are gone, and of which there are snapshots; and what has been set aside."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path


class Store:
    """Beside the folders of the databases that are there."""

    def __init__(self, folder: Path, homes: Path) -> None:
        self._folder, self._homes, self._snapshots = folder, homes, folder / "snapshots"
        self._snapshots.mkdir(exist_ok=True, mode=0o700)
        self._snapshots.chmod(0o700)

    def snapshot(self, identity: str) -> Path:
        """The data of a database that is gone, and of which there are snapshots."""
        return self._snapshots / identity.lower() / "data"

    def forget_snapshots(self, wanted: Iterable[str]) -> None:
        """Remove the data of which nobody has a snapshot any more."""
        names = {identity.lower() for identity in wanted}
        for left in self._snapshots.iterdir():
            if left.name not in names:
                shutil.rmtree(left, ignore_errors=True)

    def set_aside(self) -> None:
        """Move all data to where nothing of ours touches it."""
        aside = self._folder / "aside" / time.strftime("%Y%m%dT%H%M%S")
        for one in (self._homes, self._snapshots):
            if any(one.iterdir()):
                aside.mkdir(parents=True, exist_ok=True, mode=0o700)
                one.rename(aside / one.name)
                one.mkdir(mode=0o700)
