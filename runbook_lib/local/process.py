"""Starting, finding and ending the embedded AWS of a root, from any process."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

import runbook_lib
from runbook_lib.errors import LocalError
from runbook_lib.local.folder import Address, Folder, Process
from runbook_lib.local.settings import MOTO_ENVIRONMENT, code_version

START_SECONDS = 60.0  # a start takes about four; a laptop under load takes longer
STOP_SECONDS = 20.0  # it saves its state first
LOOK_AGAIN_SECONDS = 0.05


def find(root: Path) -> Address | None:
    """The running embedded AWS of this root, whatever its version; None when there is none."""
    address = Folder(root).read_address()
    return address if address and address.process.running() else None


def ensure(root: Path) -> Address:
    """The running embedded AWS of this root, started when there is none or when it runs other code than ours.

    It goes on when the caller ends. Of several processes that ask at the same time one starts it.

    Raises:
        LocalError: It did not start; the message ends with the last lines of its log.
    """
    if (address := find(root)) and address.code == code_version():
        return address
    folder = Folder(root)
    folder.create()
    with _only_one(folder.start_lock):
        if (address := find(root)) and address.code == code_version():
            return address
        _end(folder)
        return _await_address(folder, _launch(folder))


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
    """Delete the saved state of a root whose embedded AWS has ended: the next start is an empty account."""
    folder = Folder(root)
    if find(root):
        raise LocalError("the embedded AWS is running", fix="end it first: `runbook local down`")
    for state in [*folder.path.glob(f"{folder.state.name}*"), folder.faults]:
        state.unlink(missing_ok=True)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Wait until no other process starts or stops; the kernel lets go of the lock of one that dies."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _launch(folder: Folder) -> subprocess.Popen[bytes]:
    # Neither a profile, nor an endpoint, nor real credentials of the caller are any business of the emulator.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    command = [sys.executable, "-m", "runbook_lib.local.server", "--root", str(folder.root)]
    with open(folder.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
        return subprocess.Popen(
            command,
            cwd=Path(runbook_lib.__file__).parent.parent,
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
    """End the server, ready or half-started, and wait until it is gone."""
    address = folder.read_address()
    ended = [_end_process(process) for process in {address and address.process, folder.read_holder()} if process]
    folder.clear_address()
    return any(ended)


def _end_process(process: Process) -> bool:
    running = process.running()
    if running is None:
        return False
    try:
        running.terminate()
        running.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        raise LocalError(
            f"the embedded AWS (process {process.pid}) has not ended after {STOP_SECONDS:.0f} s",
            fix=f"end it: `kill -9 {process.pid}`; what it saved last is kept",
        ) from None
    return True
