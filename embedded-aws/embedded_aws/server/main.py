"""The process of the embedded AWS: `python -m embedded_aws.server.main --root DIR`."""

from __future__ import annotations

import argparse
import gc
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
from typing import Any

from filelock import FileLock, Timeout
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from embedded_aws import pace, ports, services
from embedded_aws.account import backends, given, persistence
from embedded_aws.authorization.enforcement import Authorization
from embedded_aws.authorization.principal import account_of_caller
from embedded_aws.faults import hooks
from embedded_aws.faults.store import Faults
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.server.control import Control
from embedded_aws.server.delayed_responses import DelayedResponses
from embedded_aws.server.fault_injection import FaultInjector
from embedded_aws.server.game_day import GameDay
from embedded_aws.server.housekeeping import Housekeeping
from embedded_aws.server.request_handler import RequestHandler
from embedded_aws.server.simulation import Simulation, is_enabled
from embedded_aws.server.wsgi import WsgiApp
from embedded_aws.services.cloudtrail import event_history
from embedded_aws.settings import code_version
from embedded_aws.state_folder import Address, StateFolder
from embedded_aws.ticker import Ticker

log = logging.getLogger("embedded_aws")


class Server:
    """The emulator on its port, from start to end."""

    def __init__(self, folder: StateFolder) -> None:
        self.folder, self.token = folder, secrets.token_urlsafe(32)
        backends.configure()
        ticks = [backends.in_each_account(tick) for tick in services.install()]
        backends.preload()
        self.notice = persistence.restore(folder)
        lock = RLock()
        self.saver = persistence.Saver(folder, lock)
        faults = Faults(folder)
        hooks.install(faults.hit_hook)
        self.game_day = GameDay(lock, faults, self.saver.mark_changed)
        self.simulation = Simulation(folder, lock, lambda: self.url) if is_enabled() else None
        if self.simulation:
            ticks = [*self.simulation.ticks, *ticks]
            self.game_day.hosts = self.simulation.fleet
        actions = {"health": self._health, "reset": self._reset, "save": self._save, "status": self._status}
        control = Control(actions, self.game_day.handlers() | {"POST pace": self._pace, "POST given": self._given})
        aws = DomainDispatcherApplication(create_backend_app)
        middleware = Authorization(lock, DelayedResponses(FaultInjector(faults)))
        self.app = WsgiApp(
            aws, control, self.token, lock, self.saver.mark_changed, middleware, event_history.record, account_of_caller
        )
        self.housekeeping = Housekeeping(folder, self._end)
        self.ticker = Ticker(lock, [*ticks, self.game_day.tick, self.housekeeping.tick], self.saver.mark_changed)
        self.http = _listen(folder.last_port(), self.app)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.http.port}"

    def run(self) -> None:
        """Serve until SIGTERM, or until the state folder is gone."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        self.saver.start()
        if self.simulation:
            self.simulation.start(forget=not self.notice)
        self.ticker.start()
        address = Address(self.http.port, self.token, code_version(), ProcessIdentity.current(), self.notice)
        self.folder.write_address(address)
        log.info("ready on port %s", self.http.port)
        gc.collect()
        gc.freeze()  # what is loaded now stays for ever; without it, each later collection is quick
        self.http.serve_forever()
        self.ticker.stop()
        if self.simulation:
            self.simulation.stop()
            self.saver.mark_changed()  # the last lines of the hosts' logs
        if self.housekeeping.is_gone:
            self.housekeeping.remove_remains()
        else:
            self.saver.stop()
            self.folder.clear_address()
        log.info("ended")

    def _end(self) -> None:
        Thread(target=self.http.shutdown).start()  # it waits for the thread that serves

    def _health(self) -> Mapping[str, Any]:
        return {"ready": True}

    def _status(self) -> Mapping[str, Any]:
        return self.simulation.status() if self.simulation else {}

    def _reset(self) -> Mapping[str, Any]:
        self.game_day.reset()
        with self.app.lock:
            backends.reset()
            self.saver.mark_changed()
        return {"empty": True}

    def _pace(self, payload: Any) -> Mapping[str, Any]:
        pace.set_factor(pace.parse(str(payload)))
        self.folder.write_pace(pace.current_factor())
        return {"pace": pace.current_factor()}

    def _given(self, payload: Any) -> Mapping[str, Any]:
        with self.app.lock:
            given.provide(payload)
            self.saver.mark_changed()
        return {"provided": True}

    def _save(self) -> Mapping[str, Any]:
        return {"reason": self.saver.save_changes()}


def _listen(last_port: int, app: WsgiApp) -> BaseWSGIServer:
    """Bind to loopback, to the last port where it is free."""
    for port in ports.find_free(last_port):
        try:
            return make_server(ports.ADDRESS, port, app, threaded=True, request_handler=RequestHandler)
        except (OSError, SystemExit):  # werkzeug raises SystemExit when another process took the port first
            log.info("port %s is taken", port)
    raise OSError("no free port")


def acquire_server_lock(folder: StateFolder) -> FileLock:
    """Lock the state folder for as long as this process lives, and write its identity into the lock file.

    Two servers must never share a state. The kernel frees the lock when this process is killed.

    Raises:
        SystemExit: Another server has the lock.
    """
    lock = FileLock(folder.server_lock, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        sys.exit(f"another embedded AWS is running in {folder.path}")
    folder.server_lock.write_text(json.dumps(asdict(ProcessIdentity.current())))  # in place: a new file is not locked
    return lock


def main() -> None:
    """Run the embedded AWS of --root in the foreground."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--pace", type=float, help="The factor for AWS's durations; by default that of the last start.")
    options = parser.parse_args()
    folder = StateFolder(options.root)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Exception.* does not match an error shape")  # that of LocalFailure
    folder.create()
    with acquire_server_lock(folder):
        folder.write_pace(folder.read_pace() if options.pace is None else options.pace)
        pace.set_factor(folder.read_pace())
        Server(folder).run()
        logging.shutdown()
        os._exit(0)  # everything is saved: deleting moto's objects one by one would take seconds


if __name__ == "__main__":
    main()
