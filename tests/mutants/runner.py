"""Runs tests against mutants: a process that has imported everything but the library, and forks for each mutant.

`python -m tests.mutants.runner COPY` in a copy of the project; a job is a line of JSON on its standard input.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

OPTIONS = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=line", "--show-capture=no"]
KILLED, SURVIVED, TIMED_OUT = "killed", "survived", "timed out"
_LIST_MODULES = """
import json, sys, pytest
pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests"])
files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
names = [name for name, file in files.items() if file and not file.startswith(sys.argv[1])]
open(sys.argv[2], "w").write(json.dumps(names))
"""


def preload(copy: Path) -> None:
    """Import what the tests import, apart from what is in the copy, and from what imports that."""
    names = copy.parent / f"modules-{os.getpid()}.json"
    subprocess.run([sys.executable, "-c", _LIST_MODULES, str(copy), str(names)], stdout=subprocess.DEVNULL, check=False)
    for name in json.loads(names.read_text()):
        if not name.startswith(("__", "tests", "runbook_", "embedded_aws", "conftest")):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    # papermill imports the library's engine: a module that is there already is never one with a mutant.
    for name in [name for name in sys.modules if name.startswith(("runbook_", "embedded_aws"))]:
        del sys.modules[name]


def run_tests(tests: list[str], seconds: float, log: Path) -> str:
    """Run tests in a fork; returns whether they noticed the mutant."""
    base = Path(tempfile.mkdtemp(prefix="mutant-"))
    pid = os.fork()
    if pid == 0:
        _child(tests, log, base)
    deadline = time.monotonic() + seconds
    outcome = TIMED_OUT
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            outcome = SURVIVED if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else KILLED
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if outcome == TIMED_OUT:
        os.waitpid(pid, 0)
    shutil.rmtree(base, ignore_errors=True)
    return outcome


def _child(tests: list[str], log: Path, base: Path) -> None:
    try:
        os.setsid()
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, stream in ((0, nothing), (1, target), (2, target)):
            os.dup2(stream, number)
        import pytest

        os._exit(int(pytest.main([*OPTIONS, f"--basetemp={base / 'tests'}", *tests])))
    finally:
        os._exit(70)


def main() -> None:
    copy = Path(sys.argv[1])
    os.chdir(copy)
    preload(copy)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        job: dict[str, Any] = json.loads(line)
        path = copy / job["path"]
        original = path.read_bytes()
        path.write_bytes(job["source"].encode())
        began = time.monotonic()
        try:
            outcome = run_tests(job["tests"], job["seconds"], copy.parent / f"{copy.name}.log")
        finally:
            path.write_bytes(original)
        print(json.dumps({"outcome": outcome, "took": round(time.monotonic() - began, 1)}), flush=True)


if __name__ == "__main__":
    main()
