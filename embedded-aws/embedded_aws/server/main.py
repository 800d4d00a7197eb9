"""The process of the embedded AWS: `python -m embedded_aws.server.main --root DIR`."""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import secrets
import signal
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import RLock, Thread
from typing import IO, Any

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from embedded_aws import pace, ports
from embedded_aws import services as overlays
from embedded_aws.account import backends as world
from embedded_aws.account import persistence
from embedded_aws.faults import hooks
from embedded_aws.faults.store import Faults
from embedded_aws.server.control import Control
from embedded_aws.server.delayed_responses import LateAnswers
from embedded_aws.server.fault_injection import Wire
from embedded_aws.server.game_day import GameDay
from embedded_aws.server.simulation import Rehearsal, is_wanted
from embedded_aws.server.wsgi import Front
from embedded_aws.settings import code_version
from embedded_aws.state_folder import Address, Folder, Process
from embedded_aws.ticker import Heartbeat

log = logging.getLogger("embedded_aws")


class Quiet(MotoRequestHandler):  # type: ignore[misc]
    """A request handler that logs no successful request: polling would fill the disk."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Log only what went wrong on our side."""
        if str(code).startswith("5"):
            super().log_request(code, size)


class Server:
    """The emulator on its port, from start to end."""

    def __init__(self, folder: Folder) -> None:
        self.folder, self.token = folder, secrets.token_urlsafe(32)
        world.configure()
        ticks = overlays.install()
        world.preload()
        self.notice = persistence.restore(folder)
        lock = RLock()
        self.saver = persistence.Saver(folder, lock)
        faults = Faults(folder)
        hooks.install(faults.hook)
        self.game_day = GameDay(lock, faults, self.saver.wrote)
        self.rehearsal = Rehearsal(folder, lock, lambda: self.url) if is_wanted() else None
        if self.rehearsal:
            ticks = [*self.rehearsal.ticks, *ticks]
            self.game_day.machines = self.rehearsal.fleet
        deeds = {"health": self._health, "reset": self._reset, "save": self._save, "status": self._status}
        control = Control(deeds, self.game_day.asks() | {"POST pace": self._pace})
        aws = DomainDispatcherApplication(create_backend_app)
        self.front = Front(aws, control, self.token, lock, self.saver.wrote, LateAnswers(Wire(faults)))
        self.heartbeat = Heartbeat(lock, [*ticks, self.game_day.tick], self.saver.wrote)
        self.http = _listen(folder.last_port(), self.front)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.http.port}"

    def run(self) -> None:
        """Serve until SIGTERM."""
        signal.signal(signal.SIGTERM, lambda *_: Thread(target=self.http.shutdown).start())
        self.saver.start()
        if self.rehearsal:
            self.rehearsal.start(forget=not self.notice)
        self.heartbeat.start()
        address = Address(self.http.port, self.token, code_version(), Process.current(), self.notice)
        self.folder.write_address(address)
        log.info("ready on port %s", self.http.port)
        self.http.serve_forever()
        self.heartbeat.stop()
        if self.rehearsal:
            self.rehearsal.stop()
        self.saver.stop()
        self.folder.clear_address()
        log.info("ended")

    def _health(self) -> Mapping[str, Any]:
        return {"ready": True}

    def _status(self) -> Mapping[str, Any]:
        return self.rehearsal.status() if self.rehearsal else {}

    def _reset(self) -> Mapping[str, Any]:
        self.game_day.reset()
        with self.front.lock:
            world.empty()
            self.saver.wrote()
        return {"empty": True}

    def _pace(self, sent: Any) -> Mapping[str, Any]:
        pace.use(pace.parse(str(sent)))
        self.folder.write_pace(pace.factor())
        return {"pace": pace.factor()}

    def _save(self) -> Mapping[str, Any]:
        self.saver.save()
        return {"saved": True}


def _listen(port: int, front: Front) -> BaseWSGIServer:
    """Bind to loopback, to the port of the last time where it is free."""
    for wanted in ports.free(port):
        try:
            return make_server(ports.ADDRESS, wanted, front, threaded=True, request_handler=Quiet)
        except (OSError, SystemExit):  # werkzeug leaves by SystemExit when somebody was quicker
            log.info("port %s is taken", wanted)
    raise OSError("no free port")


def _only_server(folder: Folder) -> IO[str]:
    """Hold the folder for as long as this process lives; two servers never share a state."""
    lock = folder.server_lock.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another embedded AWS runs in {folder.path}")
    lock.truncate(0)
    lock.write(json.dumps(asdict(Process.current())))
    lock.flush()
    return lock


def main() -> None:
    """Run the embedded AWS of --root in the foreground."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--pace", type=float, help="Of AWS's durations; by default that of the last start.")
    asked = parser.parse_args()
    folder = Folder(asked.root)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Exception.* does not match an error shape")  # ours never does
    folder.create()
    with _only_server(folder):
        folder.write_pace(folder.read_pace() if asked.pace is None else asked.pace)
        pace.use(folder.read_pace())
        Server(folder).run()
        logging.shutdown()
        os._exit(0)  # all is saved: taking moto's account apart, object by object, would take seconds


if __name__ == "__main__":
    main()
