"""The data behind RDS's snapshots, and data that was set aside."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path


class SnapshotStore:
    """Keeps the data of deleted databases that have snapshots, beside the folders of the existing ones."""

    def __init__(self, folder: Path, server_folders: Path) -> None:
        self._folder, self._server_folders, self._snapshots = folder, server_folders, folder / "snapshots"
        self._snapshots.mkdir(exist_ok=True, mode=0o700)
        self._snapshots.chmod(0o700)

    def data_folder(self, identity: str) -> Path:
        """Return where the data of a deleted database is."""
        return self._snapshots / identity.lower() / "data"

    def delete_except(self, identities: Iterable[str]) -> None:
        """Delete the data of all databases but these: their last snapshot is gone."""
        names = {identity.lower() for identity in identities}
        for folder in self._snapshots.iterdir():
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)

    def set_aside(self) -> None:
        """Move all data to a new folder below `aside`, which is never deleted."""
        aside = self._folder / "aside" / time.strftime("%Y%m%dT%H%M%S")
        for folder in (self._server_folders, self._snapshots):
            if any(folder.iterdir()):
                aside.mkdir(parents=True, exist_ok=True, mode=0o700)
                folder.rename(aside / folder.name)
                folder.mkdir(mode=0o700)
