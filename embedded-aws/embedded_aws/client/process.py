"""Starting, finding and ending the embedded AWS of a root, from any process."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from embedded_aws import pace
from embedded_aws.client import control as door
from embedded_aws.process_registry import LEFT_OVER_SECONDS, ledger_of
from embedded_aws.settings import MOTO_ENVIRONMENT, code_version
from embedded_aws.state_folder import Address, Folder, Process
from runbook_lib.errors import LocalError

START_SECONDS = 60.0  # a start takes about four; a laptop under load takes longer
STOP_SECONDS = 60.0  # it ends what runs under it, and saves its state first
LOOK_AGAIN_SECONDS = 0.05


def find(root: Path) -> Address | None:
    """The running embedded AWS of this root, whatever its version; None when there is none."""
    address = Folder(root).read_address()
    return address if address and address.process.running() else None


def running(root: Path) -> Address:
    """The running embedded AWS of a root.

    Raises:
        LocalError: It is not running.
    """
    address = find(root)
    if address is None:
        raise LocalError("the embedded AWS is not running", fix="start it: `runbook local up`")
    return address


def ensure(root: Path, asked: float | None = None) -> Address:
    """The running embedded AWS of this root, started when there is none or when it runs other code than ours.

    It goes on when the caller ends. Of several processes that ask at the same time one starts it.

    Args:
        asked: Its pace; without one that of the environment, and then the one it has, or had.

    Raises:
        LocalError: It did not start; the message ends with the last lines of its log.
        WrongUsage: The environment asks for a pace that is none.
    """
    wanted = pace.asked(os.environ) if asked is None else asked
    address = _running(root, wanted)
    if wanted is not None and wanted != Folder(root).read_pace():
        door.ask(address, "POST", "pace", wanted)
    return address


def _running(root: Path, wanted: float | None) -> Address:
    if address := _usable(root):
        return address
    folder = Folder(root)
    folder.create()
    with _only_one(folder.start_lock):
        if address := _usable(root):
            return address
        _end(folder)
        return _await_address(folder, _launch(folder, wanted))


def _usable(root: Path) -> Address | None:
    address = find(root)
    return address if address and address.code == code_version() and door.answers(address) else None


def stop(root: Path) -> bool:
    """End the embedded AWS of this root, also a half-started one, after it has saved; False when none runs.

    Raises:
        LocalError: It did not end.
    """
    folder = Folder(root)
    if not folder.path.exists():
        return False
    with _only_one(folder.start_lock):
        return _end(folder)


def forget(root: Path) -> None:
    """Delete what is saved of a root whose embedded AWS has ended: the next start is an empty account, at no pace."""
    folder = Folder(root)
    if find(root):
        raise LocalError("the embedded AWS is running", fix="end it first: `runbook local down`")
    for state in [*folder.path.glob(f"{folder.state.name}*"), folder.faults, folder.pace]:
        state.unlink(missing_ok=True)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Wait until no other process starts or stops; the kernel lets go of the lock of one that dies."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _launch(folder: Folder, wanted: float | None) -> subprocess.Popen[bytes]:
    # Neither a profile, nor an endpoint, nor real credentials of the caller are any business of the emulator.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    command = [sys.executable, "-m", "embedded_aws.server.main", "--root", str(folder.root)]
    command += [] if wanted is None else ["--pace", f"{wanted:g}"]
    with open(folder.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
        return subprocess.Popen(
            command,
            env=inherited | MOTO_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in the caller's terminal is not meant for it
        )


def _await_address(folder: Folder, child: subprocess.Popen[bytes]) -> Address:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        address = folder.read_address()
        if address and address.process.pid == child.pid:
            return address
        if child.poll() is not None:
            raise _not_started(folder, f"ended at once with exit status {child.returncode}")
        time.sleep(LOOK_AGAIN_SECONDS)
    child.kill()
    child.wait()
    raise _not_started(folder, f"was not ready after {START_SECONDS:.0f} s")


def _not_started(folder: Folder, why: str) -> LocalError:
    last = "\n    ".join(folder.log.read_text(errors="replace").splitlines()[-8:])
    return LocalError(f"the embedded AWS {why}:\n    {last}", fix=f"read {folder.log}, then `runbook local up`")


def _end(folder: Folder) -> bool:
    """End the server, ready or half-started, wait until it is gone, and end what one that was killed has left."""
    address = folder.read_address()
    ended = [_end_process(process) for process in {address and address.process, folder.read_holder()} if process]
    folder.clear_address()
    ledger_of(folder).end_all(LEFT_OVER_SECONDS)
    return any(ended)


def _end_process(process: Process) -> bool:
    running = process.running()
    if running is None:
        return False
    with suppress(psutil.NoSuchProcess):
        running.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while process.running() is not None:  # a zombie has ended, although whoever started it has not noticed yet
        if time.monotonic() > deadline:
            raise LocalError(
                f"the embedded AWS (process {process.pid}) has not ended after {STOP_SECONDS:.0f} s",
                fix=f"end it: `kill -9 {process.pid}`; what it saved last is kept",
            )
        time.sleep(LOOK_AGAIN_SECONDS)
    return True
