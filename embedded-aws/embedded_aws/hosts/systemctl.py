"""The programs of an instance that its init answers: `systemctl`, `journalctl` and `ss`.

The init runs as `python -m embedded_aws.hosts.systemctl FOLDER`.
https://www.freedesktop.org/software/systemd/man/latest/systemctl.html
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from embedded_aws.hosts.init import Init, SystemctlError
from embedded_aws.hosts.init_client import SOCKET

Answer = tuple[int, str]
"""Exit code and output."""

_NOT_ACTIVE, _NO_SUCH_UNIT = 3, 4


def systemctl(init: Init, words: Sequence[str]) -> Answer:
    """Answer a command line of `systemctl`."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("--now", action="store_true")
    parser.add_argument("--value", action="store_true")
    parser.add_argument("-p", "--property", action="append", default=[])
    options, others = parser.parse_known_args(words)
    verb, *targets = [word for word in others if not word.startswith("-")] or [""]
    units = [name for target in targets for name in init.names(target)]
    if verb in _QUESTIONS:
        code, text = _QUESTIONS[verb](init, units)
        return code, "" if options.quiet else text
    if verb == "status":
        return _status(init, targets)
    if verb == "show":
        return 0, "\n".join(_show(init, name, options) for name in units)
    if verb == "daemon-reload":  # a unit is read when it starts
        return 0, ""
    if verb not in _ACTIONS:
        return 1, f"Unknown command verb {verb}: the rehearsal's systemctl does not have it."
    for name in units:
        _ACTIONS[verb](init, name)
        if options.now:
            {"enable": init.start, "disable": init.stop}[verb](name)
    return 0, ""


def _restart(init: Init, name: str) -> None:
    init.stop(name)
    init.start(name)


_ACTIONS: Mapping[str, Callable[[Init, str], None]] = {
    "start": Init.start,
    "stop": Init.stop,
    "restart": _restart,
    "reload-or-restart": _restart,
    "enable": Init.enable,
    "disable": Init.disable,
    "reset-failed": Init.reset_failed,
}


def _is_active(init: Init, units: Sequence[str]) -> Answer:
    states = [init.is_active(name) for name in units]
    return (0 if "active" in states else _NOT_ACTIVE), "\n".join(states)


def _is_enabled(init: Init, units: Sequence[str]) -> Answer:
    enabled = [init.is_enabled(name) for name in units]
    return (0 if any(enabled) else 1), "\n".join("enabled" if each else "disabled" for each in enabled)


def _is_failed(init: Init, units: Sequence[str]) -> Answer:
    states = [init.is_active(name) for name in units]
    return (0 if "failed" in states else 1), "\n".join(states)


_QUESTIONS: Mapping[str, Callable[[Init, Sequence[str]], Answer]] = {
    "is-active": _is_active,
    "is-enabled": _is_enabled,
    "is-failed": _is_failed,
}


def _status(init: Init, targets: Sequence[str]) -> Answer:
    """The state of units, or of the units that processes belong to."""
    lines: list[str] = []
    for target in targets:
        name = init.processes.unit_of(int(target)) if target.isdigit() else init.names(target)[0]
        if not name:
            return _NO_SUCH_UNIT, f"PID {target} does not belong to any loaded unit."
        lines += [f"● {name} - {name}", f"     Active: {init.is_active(name)}"]
    return (0 if any("Active: active" in line for line in lines) else _NOT_ACTIVE), "\n".join(lines)


def _show(init: Init, name: str, options: argparse.Namespace) -> str:
    service = init.get(name)
    main = service.main if service else None
    values = {
        "Id": name,
        "ActiveState": init.is_active(name),
        "MainPID": str(main.pid if main and main.poll() is None else 0),
        "ExecMainStatus": str(service.code if service else 0),
        "NRestarts": str(service.restarts if service else 0),
    }
    wanted = [key for option in options.property for key in option.split(",")]
    shown = {key: value for key, value in values.items() if not wanted or key in wanted}
    return "\n".join(value if options.value else f"{key}={value}" for key, value in shown.items())


def ss(init: Init, words: Sequence[str]) -> Answer:
    """Answer `ss -Hltnp`, or `ss -Hltnp "sport = :PORT"`: the processes of this instance that listen, by port."""
    options, _, filtered = " ".join(words).partition(" ")
    match = re.fullmatch(r"sport = :(\d+)|", filtered)
    if options != "-Hltnp" or match is None:
        return 1, "the rehearsal's ss answers `ss -Hltnp` and `ss -Hltnp 'sport = :PORT'` only"
    found = [(port, process) for port, process in init.processes.listeners() if match[1] in (None, str(port))]
    return 0, "\n".join(
        f'LISTEN 0 128 127.0.0.1:{port} 0.0.0.0:* users:(("{process.name()}",pid={process.pid},fd=3))'
        for port, process in found
    )


def journalctl(init: Init, words: Sequence[str]) -> Answer:
    """Answer `journalctl --unit NAME --lines N`."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-u", "--unit", required=True)
    parser.add_argument("-n", "--lines", type=int, default=1000)
    options, _ = parser.parse_known_args(words)
    return 0, "\n".join(init.last_lines(init.names(options.unit)[0], options.lines))


PROGRAMS: Mapping[str, Callable[[Init, Sequence[str]], Answer]] = {
    "systemctl": systemctl,
    "journalctl": journalctl,
    "ss": ss,
}


def answer(init: Init, request: bytes) -> bytes:
    """Answer one request: a JSON list of a program's name and its arguments."""
    program, *words = json.loads(request)
    try:
        code, text = PROGRAMS[program](init, words)
    except SystemctlError as error:
        code, text = 1, str(error)
    return json.dumps([code, text]).encode()


def _serve(init: Init, listener: socket.socket) -> None:
    """Answer each request in a thread of its own."""

    def reply(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            connection.sendall(answer(init, incoming.readline()))

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=reply, args=(connection,), daemon=True).start()


def run(folder: Path) -> None:
    """Run an instance's services until SIGTERM."""
    os.chdir(folder)  # a socket's path is short: it is bound by its name alone
    init = Init(folder)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=init.shut_down).start())
    with suppress(FileNotFoundError):
        Path(SOCKET).unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(SOCKET)
        listener.listen()
        threading.Thread(target=_serve, args=(init, listener), daemon=True).start()
        init.boot()
        init.ended.wait()


if __name__ == "__main__":
    run(Path(sys.argv[1]).resolve())
