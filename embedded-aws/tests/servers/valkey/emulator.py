"""The embedded AWS with real caches: `python -m servers.valkey.emulator --root DIR`."""

import argparse
import logging
import os
from dataclasses import asdict
from pathlib import Path

from embedded_aws.account import backends
from embedded_aws.server.control import Control
from embedded_aws.server.main import Server, acquire_server_lock
from embedded_aws.servers.valkey import Caches
from embedded_aws.services.elasticache import servers as elasticache_servers
from embedded_aws.services.elasticache.nodes import name_of
from embedded_aws.state_folder import StateFolder
from embedded_aws.ticker import Ticker


class Emulator(Server):
    """A cache is closed while a file `closed-<name>` is in the root; the file `path` holds the PATH for programs."""

    def __init__(self, folder: StateFolder):
        super().__init__(folder)
        self.ticker = Ticker(self.app.lock, [*self.ticker._ticks, lambda: self.caches.tick()], self.saver.mark_changed)
        actions = {"empty": self._empty, "again": self._again, "caches": self._caches}
        self.app._control = Control(actions)
        self._begin()

    def _begin(self):
        root, path = self.folder.root, self.folder.root / "path"
        self.caches = Caches(
            self.app.lock,
            self.folder.path / "caches",
            is_allowed=lambda cache: not (root / f"closed-{name_of(cache)}").exists(),
            path=path.read_text() if path.exists() else None,
        )
        elasticache_servers.install(self.caches)
        self.caches.start()

    def _empty(self):
        """Empty ElastiCache only, which is faster than a reset."""
        with self.app.lock:
            backends.backend("elasticache").reset()
        return {}

    def _again(self):
        """Restart the caches, as if the emulator had been restarted."""
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
    folder = StateFolder(parser.parse_args().root)
    folder.create()
    with acquire_server_lock(folder):
        Emulator(folder).run()
        os._exit(0)  # sooner than to take moto's account apart


if __name__ == "__main__":
    main()
