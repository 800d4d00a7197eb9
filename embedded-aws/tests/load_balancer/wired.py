"""An embedded AWS with the load balancer, as a process: `python -m load_balancer.wired ROOT`."""

from __future__ import annotations

import json
import logging
import sys
from functools import partial
from pathlib import Path

from embedded_aws.load_balancer import health, ports
from embedded_aws.load_balancer.proxy import Proxy
from embedded_aws.server.main import Server, acquire_server_lock
from embedded_aws.state_folder import StateFolder
from embedded_aws.ticker import Ticker

PACE = 0.02  # a minute takes 1.2 s


def port_of(apps: Path, instance_id: str) -> int | None:
    known = json.loads(apps.read_text())
    return known.get(instance_id, known.get("*"))


def main(root: Path) -> None:
    folder = StateFolder(root)
    folder.create()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    apps = root / "apps.json"
    health.MIN_GRACE_SECONDS, health.MIN_UNHEALTHY_SECONDS = 1.0, 1.5
    ports.OFFSETS = range(0)  # any: another test's site may come back to the one that it had
    with acquire_server_lock(folder):
        server = Server(folder)
        lock = server.app.lock
        asked = health.HealthChecker(lock, partial(port_of, apps), lambda: PACE)
        proxy = Proxy(lock, asked, folder.path / "balancer")
        ticks = [*server.ticker._ticks, asked.tick, proxy.tick]
        server.ticker = Ticker(lock, ticks, server.saver.mark_changed)
        asked.start()
        proxy.start()
        health.install(asked)
        server.run()
        proxy.stop()
        asked.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
