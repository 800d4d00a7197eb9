"""Start, find and end the embedded AWS of a root, from any process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock

from embedded_aws import pace
from embedded_aws.client import control
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.process_registry import GONE, LEFTOVER_SECONDS, open_registry
from embedded_aws.settings import code_version, server_environment
from embedded_aws.state_folder import Address, StateFolder
from runbook_lib.errors import LocalError

START_SECONDS = 60.0  # a start takes about four; a laptop under load takes longer
STOP_SECONDS = 60.0  # it ends its processes and saves its state first
POLL_SECONDS = 0.05
SERVER_MODULE = "embedded_aws.server.main"


def find(root: Path) -> Address | None:
    """Return the running embedded AWS of this root, whatever its version; None when there is none."""
    address = StateFolder(root).read_address()
    return address if address and address.process.running() else None


def require_running(root: Path) -> Address:
    """Return the running embedded AWS of a root.

    Raises:
        LocalError: It is not running.
    """
    address = find(root)
    if address is None:
        raise LocalError("the embedded AWS is not running", fix="start it: `runbook local up`")
    return address


def require_system() -> None:
    """Check that the account's servers can run here: they are process groups, with sockets and modes of POSIX.

    Raises:
        LocalError: This is Windows.
    """
    if os.name == "nt":
        raise LocalError(
            "the embedded AWS needs Linux or macOS, and this is Windows",
            fix="run the rehearsal in WSL (https://learn.microsoft.com/windows/wsl/install); environments of the real"
            " AWS work on Windows, too",
        )


def ensure(root: Path, requested_pace: float | None = None) -> Address:
    """Return the running embedded AWS of this root; start it when there is none, or when it runs other code than ours.

    It keeps running after the caller has ended. Of several processes that call this at the same time, one starts it.

    Args:
        requested_pace: The pace to set; by default that of the environment, else the current or last one.

    Raises:
        LocalError: It cannot run on Windows. Or it did not start; the message ends with the last lines of its log. Or
            it started, and could not load what was saved: only the caller that started it gets this error.
        WrongUsage: The environment sets a pace that is not valid.
    """
    require_system()
    wanted = pace.from_environment(os.environ) if requested_pace is None else requested_pace
    address = _start_if_needed(root, wanted)
    if wanted is not None and wanted != StateFolder(root).read_pace():
        control.call(address, "POST", "pace", wanted)
    return address


def _start_if_needed(root: Path, wanted: float | None) -> Address:
    if address := _find_usable(root):
        return address
    folder = StateFolder(root)
    folder.create()
    with _lock_start(folder):
        if address := _find_usable(root):
            return address
        _end(folder)
        address = _await_address(folder, _launch(folder, wanted))
    if address.notice:
        what, _, fix = address.notice.partition("\n  → ")
        raise LocalError(what, fix=fix)
    return address


def _find_usable(root: Path) -> Address | None:
    address = find(root)
    return address if address and address.code == code_version() and control.is_responding(address) else None


def stop(root: Path) -> bool:
    """End the embedded AWS of this root, also while it starts, after it has saved; False when none is running.

    Raises:
        LocalError: It did not end.
    """
    folder = StateFolder(root)
    if not folder.path.exists():
        return False
    with _lock_start(folder):
        return _end(folder)


@dataclass(frozen=True)
class RunningServer:
    """An embedded AWS that runs on this machine.

    Args:
        user: Who started it.
        memory: The bytes that it keeps in memory.
    """

    process: ProcessIdentity
    root: Path
    user: str
    memory: int


def list_running() -> list[RunningServer]:
    """Return every embedded AWS of this machine, the oldest first; of other users those that may be seen."""
    found = (_describe_server(process) for process in psutil.process_iter())
    return sorted(filter(None, found), key=lambda server: server.process.began)


def _describe_server(process: psutil.Process) -> RunningServer | None:
    try:
        with process.oneshot():
            command = process.cmdline()
            if SERVER_MODULE not in command[:4] or "--root" not in command[:-1]:
                return None
            root = Path(command[command.index("--root") + 1])
            identity = ProcessIdentity.of(process)
            return RunningServer(identity, root, process.username(), process.memory_info().rss)
    except (*GONE, KeyError):  # KeyError: a user without a name
        return None


def stop_all() -> list[RunningServer]:
    """End every embedded AWS of this user, after it has saved; returns those that were running.

    Raises:
        LocalError: One did not end.
    """
    me = psutil.Process().username()
    servers = [server for server in list_running() if server.user == me]
    for server in servers:
        stop(server.root)
        _end_process(server.process)  # one whose root is gone, or that has another state folder by now
    return servers


def forget(root: Path) -> None:
    """Delete the saved state of a root: the next start has an empty account, and no pace.

    Raises:
        LocalError: The embedded AWS is running.
    """
    folder = StateFolder(root)
    if find(root):
        raise LocalError("the embedded AWS is running", fix="end it first: `runbook local down`")
    for state in [*folder.path.glob(f"{folder.state.name}*"), folder.faults, folder.pace, folder.place, folder.unsaved]:
        state.unlink(missing_ok=True)


def _lock_start(folder: StateFolder) -> FileLock:
    """Return the lock that every process holds while it starts or ends a server; the kernel frees it if one dies."""
    return FileLock(folder.start_lock, fallback_to_soft=False)


def _launch(folder: StateFolder, wanted: float | None) -> subprocess.Popen[bytes]:
    # The emulator must not use the caller's profile, endpoint or credentials.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    command = [sys.executable, "-m", SERVER_MODULE, "--root", str(folder.root)]
    command += [] if wanted is None else ["--pace", f"{wanted:g}"]
    with open(folder.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
        return subprocess.Popen(
            command,
            env=inherited | server_environment(*folder.read_place()),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in the caller's terminal must not reach it
        )


def _await_address(folder: StateFolder, child: subprocess.Popen[bytes]) -> Address:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        address = folder.read_address()
        if address and address.process.pid == child.pid:
            return address
        if child.poll() is not None:
            raise _start_error(folder, f"ended at once with exit status {child.returncode}")
        time.sleep(POLL_SECONDS)
    child.kill()
    child.wait()
    raise _start_error(folder, f"was not ready after {START_SECONDS:.0f} s")


def _start_error(folder: StateFolder, reason: str) -> LocalError:
    lines = "\n    ".join(folder.log.read_text(errors="replace").splitlines()[-8:])
    return LocalError(f"the embedded AWS {reason}:\n    {lines}", fix=f"read {folder.log}, then `runbook local up`")


def _end(folder: StateFolder) -> bool:
    """End the server, also one that starts, and all processes that a killed server has left behind."""
    address = folder.read_address()
    processes = {address and address.process, folder.read_lock_holder()}
    ended = [_end_process(process) for process in processes if process]
    folder.clear_address()
    open_registry(folder).end_all(LEFTOVER_SECONDS)
    return any(ended)


def _end_process(process: ProcessIdentity) -> bool:
    running = process.running()
    if running is None:
        return False
    with suppress(psutil.NoSuchProcess):
        running.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while process.running() is not None:  # a zombie has ended, even if its parent has not noticed yet
        if time.monotonic() > deadline:
            raise LocalError(
                f"the embedded AWS (process {process.pid}) has not ended after {STOP_SECONDS:.0f} s",
                fix=f"end it: `kill -9 {process.pid}`; its last saved state is kept",
            )
        time.sleep(POLL_SECONDS)
    return True
