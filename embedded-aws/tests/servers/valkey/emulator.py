"""The embedded AWS with real caches: `python -m servers.valkey.emulator --root DIR`."""

import argparse
import logging
import os
from dataclasses import asdict
from pathlib import Path

from embedded_aws.account import backends as world
from embedded_aws.server.control import Control
from embedded_aws.server.main import Server, _only_server
from embedded_aws.servers.valkey import Caches
from embedded_aws.services.elasticache import servers as cache_servers
from embedded_aws.services.elasticache.nodes import name_of
from embedded_aws.state_folder import Folder
from embedded_aws.ticker import Heartbeat


class Emulator(Server):
    """A cache is closed while a file `closed-<name>` is in the root; the file `path` says where programs are."""

    def __init__(self, folder: Folder):
        super().__init__(folder)
        self.heartbeat = Heartbeat(
            self.front.lock, [*self.heartbeat._ticks, lambda: self.caches.tick()], self.saver.wrote
        )
        deeds = {"empty": self._empty, "again": self._again, "caches": self._caches}
        self.front._control = Control(deeds)
        self._begin()

    def _begin(self):
        root, path = self.folder.root, self.folder.root / "path"
        self.caches = Caches(
            self.front.lock,
            self.folder.path / "caches",
            allowed=lambda cache: not (root / f"closed-{name_of(cache)}").exists(),
            path=path.read_text() if path.exists() else None,
        )
        cache_servers.install(self.caches)
        self.caches.start()

    def _empty(self):
        """Sooner than a reset: of ElastiCache only."""
        with self.front.lock:
            world.backend("elasticache").reset()
        return {}

    def _again(self):
        """As if the emulator had ended and started."""
        self.caches.stop()
        self._begin()
        return {}

    def _caches(self):
        return {"status": [asdict(one) for one in self.caches.status()], "environment": self.caches.environment()}

    def run(self):
        try:
            super().run()
        finally:
            self.caches.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    logging.basicConfig(level=logging.INFO)
    os.environ["RUNBOOK_LOCAL_MACHINES"] = "none"  # what is real here is wired above
    folder = Folder(parser.parse_args().root)
    folder.create()
    with _only_server(folder):
        Emulator(folder).run()
        os._exit(0)  # sooner than to take moto's account apart


if __name__ == "__main__":
    main()
