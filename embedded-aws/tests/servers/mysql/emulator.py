"""The embedded AWS with real databases: `python -m servers.mysql.emulator --root DIR [--path PATH]`."""

import argparse
import logging
import os
from dataclasses import asdict
from pathlib import Path

from embedded_aws.server.control import Control
from embedded_aws.server.main import Server, acquire_server_lock
from embedded_aws.servers.mysql import Databases
from embedded_aws.services.rds import servers as rds_servers
from embedded_aws.state_folder import StateFolder
from embedded_aws.ticker import Ticker


class Emulator(Server):
    """A database is closed to the application while a file `closed-<name>` is in the root."""

    def __init__(self, folder: StateFolder, path: str | None):
        super().__init__(folder)
        lock, ticks = self.app.lock, self.ticker._ticks
        self.databases = Databases(
            lock,
            folder.path / "databases",
            is_allowed=lambda database: not (folder.root / f"closed-{database.db_instance_identifier}").exists(),
            path=path,
        )
        rds_servers.install(self.databases)
        self.ticker = Ticker(lock, [*ticks, self.databases.tick], self.saver.mark_changed)
        actions = {"reset": self._reset, "save": self._save, "databases": self._databases}
        self.app._control = Control(actions, self.game_day.handlers())

    def run(self):
        self.databases.start(forget=not self.notice)
        try:
            super().run()
        finally:
            self.databases.stop()

    def _databases(self):
        status = [asdict(one) for one in self.databases.status()]
        return {"status": status, "environment": self.databases.environment(), "ca": self.databases.ca_pem()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--path")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    os.environ["RUNBOOK_LOCAL_MACHINES"] = "none"  # what is real here is wired above
    folder = StateFolder(asked.root)
    folder.create()
    with acquire_server_lock(folder):
        Emulator(folder, asked.path).run()


if __name__ == "__main__":
    main()
