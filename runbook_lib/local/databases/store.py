"""Where databases keep their files: a folder for each, the data of snapshots, and what has been set aside."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path


class Store:
    """Folders that only their owner may enter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._instances, self._snapshots = self.folder / "instances", self.folder / "snapshots"
        for one in (self.folder, self._instances, self._snapshots):
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
            one.chmod(0o700)

    def instance(self, identity: str) -> Path:
        """The folder of a database, by its resource id, which no other database ever has; made when there is none."""
        folder = self._instances / identity.lower()
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder

    def instances(self) -> list[Path]:
        """All folders of databases."""
        return list(self._instances.iterdir())

    def stand_in(self, identity: str) -> Path:
        """The file that stands in for a server."""
        return self.instance(identity) / "database.sqlite"

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
        aside = self.folder / "aside" / time.strftime("%Y%m%dT%H%M%S")
        for one in (self._instances, self._snapshots):
            if any(one.iterdir()):
                aside.mkdir(parents=True, exist_ok=True, mode=0o700)
                one.rename(aside / one.name)
                one.mkdir(mode=0o700)
