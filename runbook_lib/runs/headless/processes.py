"""Start the processes of a headless run: its notebooks' engines and their kernels.

Each needs the same packages, whose import costs more than what it does with them in a plan.  On Linux they are forks
of one process that has imported them (multiprocessing's fork server), which is a fork itself: the command has imported
half of them.  Elsewhere each imports them itself.  macOS could fork, but its own libraries may crash in the fork:
https://docs.python.org/3/library/multiprocessing.html
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import pkgutil
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from . import preload

FORKS = sys.platform == "linux" and hasattr(os, "fork")
"""Whether the processes are forks."""


def warm_up() -> None:
    """Let the process that is forked import what the others need, in the background."""
    _context()


def start(target: str, environment: Mapping[str, str], *arguments: Any) -> BaseProcess:
    """Start a process that calls a function; returns the process.

    It writes nothing to the terminal, and its exit code is that of ``sys.exit``.

    Args:
        target: The function, as ``module:name``: only the process itself imports it.
        environment: Its environment variables.  Its working directory is this process's.
        arguments: The function's arguments.
    """
    process: BaseProcess = _context().Process(  # type: ignore[attr-defined]
        target=_run, args=(target, dict(environment), str(Path.cwd()), *arguments)
    )
    process.start()
    return process


@cache
def _context() -> BaseContext:
    if not FORKS:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    if len(list(Path("/proc/self/task").iterdir())) == 1:  # the threads; `threading` knows only those that it started
        with _forked_servers():
            forkserver.ensure_running()
        return context
    context.set_forkserver_preload([preload.__name__])  # a fork may wait for another thread's lock for ever
    os.environ[preload.ASKED] = "yes"
    forkserver.ensure_running()
    del os.environ[preload.ASKED]
    return context


@contextmanager
def _forked_servers() -> Iterator[None]:
    """Let multiprocessing fork this process where it would start a new interpreter for its fork server."""
    resource_tracker.ensure_running()  # which needs nothing of this process
    original = util.spawnv_passfds
    util.spawnv_passfds = _fork
    try:
        yield
    finally:
        util.spawnv_passfds = original


def _fork(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
    """Fork instead of starting an interpreter with arguments that end with ``-c CODE``; returns the process's id.

    Args:
        passfds: The file descriptors that stay open beside standard input, output and error.
    """
    gc.freeze()  # or this process's collections would copy the pages that it shares with the fork
    if process := os.fork():
        return process
    try:
        atexit._clear()  # those of the command are its own
        # A closed file's number would be given to the next file; an object that still has it, e.g. a log's handler,
        # would write into that file or close it.  So each number stays taken, and leads nowhere.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
            if descriptor > 2 and descriptor not in (nowhere, *passfds):
                os.dup2(nowhere, descriptor, inheritable=False)
        preload.import_all()
        exec(args[-1], {})  # nosec B102 # multiprocessing's own line
    except Exception:  # noqa: BLE001  # whatever it is, it is told
        traceback.print_exc()
    finally:
        os._exit(0)


def _run(target: str, environment: Mapping[str, str], folder: str, *arguments: Any) -> None:
    for number in preload.IGNORED if FORKS else ():
        signal.signal(number, signal.SIG_DFL)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    pkgutil.resolve_name(target)(*arguments)
