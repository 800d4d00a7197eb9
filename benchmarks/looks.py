"""What a look costs, before and now, in one run on one machine: processor time, time on the clock, memory and calls.

    .venv/bin/python -m benchmarks.looks                    # beside version 0.1.0; ten minutes, most of them set-up
    .venv/bin/python -m benchmarks.looks --before HEAD~20   # beside another commit
    .venv/bin/python -m benchmarks.looks --before HEAD      # today's figures twice: how much a figure varies

Each version is cloned, set up and applied to an embedded AWS of its own; then the commands take turns.  Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parents[1]
RELEASED = "edc2cb9"
"""The commit of version 0.1.0."""
COMMANDS = {
    "runbook --help": ("runbook", "--help"),
    "runbook local status": ("runbook", "local", "status"),
    "import of the notebooks' runbook": ("python", "-c", "from runbook_lib import Runbook"),
    "plan of 02_data, nothing to do": ("runbook", "plan", "--env", "local", "--only", "02_data"),
    "plan of all four, nothing to do": ("runbook", "plan", "--env", "local"),
    "verify of all four": ("runbook", "verify", "--env", "local"),
}
_ADOPT = 36
"""PR_SET_CHILD_SUBREAPER: forks whose parents have ended belong to the process that measures."""


class Cost(NamedTuple):
    """What a command took: seconds of processors and of the clock, and at most so much memory at once."""

    cpu: float
    clock: float
    megabytes: float


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--before", default=RELEASED, help="the commit that today's is held beside")
    parser.add_argument("--times", type=int, default=3, help="how often each command is run; the median counts")
    parser.add_argument("--measure", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each command would compile our modules anew
    if options.measure:
        print(json.dumps(_measure(options.measure)))
        return
    with tempfile.TemporaryDirectory(prefix="looks-") as folder:
        checkouts = {name: Path(folder) / name for name in ("before", "now")}
        try:
            for name, commit in (("before", options.before), ("now", "HEAD")):
                _set_up(checkouts[name], commit)
            print(f"{'':34} {'CPU s':>13} {'clock s':>13} {'MB at once':>13} {'calls':>11}")
            print(f"{'':34} {'before   now':>13} {'before   now':>13} {'before   now':>13} {'before now':>11}")
            for what, command in COMMANDS.items():
                costs = {name: _median(checkout, command, options.times) for name, checkout in checkouts.items()}
                calls = {name: _count(checkout, command) for name, checkout in checkouts.items()}
                pairs = zip(costs["before"], costs["now"], (1, 1, 0), strict=True)
                told = " ".join(f"{old:6.{digits}f} {new:6.{digits}f}" for old, new, digits in pairs)
                print(f"{what:34} {told} {calls['before']:>6} {calls['now']:>4}", flush=True)
        finally:
            for checkout in checkouts.values():
                if (checkout / ".venv/bin/runbook").exists():
                    _run(checkout, "runbook", "local", "down", "--forget", check=False)


def _set_up(checkout: Path, commit: str) -> None:
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, checkout], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=checkout, check=True)
    subprocess.run(["make", f"PYTHON={sys.executable}", ".venv/run.stamp"], cwd=checkout, check=True)
    _run(checkout, "runbook", "apply", "--env", "local")


def _median(checkout: Path, command: tuple[str, ...], times: int) -> Cost:
    each = []
    for _ in range(times):
        program = str(checkout / ".venv/bin" / command[0])
        measured = subprocess.run(
            [sys.executable, "-m", "benchmarks.looks", "--measure", str(checkout), program, *command[1:]],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        each.append(Cost(*json.loads(measured.stdout)))
    return Cost(*map(statistics.median, zip(*each, strict=True)))


def _measure(arguments: list[str]) -> Cost:
    """Run a command with all its forks in this process, which does nothing else."""
    ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)
    began, most = time.monotonic(), 0.0
    started = psutil.Popen(arguments[1:], cwd=arguments[0], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while started.poll() is None:
        most = max(most, _memory())
        time.sleep(0.1)
    clock = time.monotonic() - began
    while psutil.Process().children():
        try:
            os.wait()
        except ChildProcessError:
            break
    if started.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {started.returncode}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(used.ru_utime + used.ru_stime, clock, most)


def _memory() -> float:
    """Megabytes of all processes below this one; what forks share counts once."""
    total = 0
    for each in psutil.Process().children(recursive=True):
        try:
            total += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1_000_000


def _count(checkout: Path, command: tuple[str, ...]) -> str:
    """How many calls reach AWS: each is a little slow, and the embedded AWS counts what it makes slow."""
    if "--env" not in command or _run(checkout, *_SLOW, check=False).returncode:
        return "–"
    _run(checkout, *command)
    counted = re.search(r"(\d+) hit", _run(checkout, "runbook", "local", "fault", "list").stdout)
    _run(checkout, "runbook", "local", "fault", "clear")
    return counted[1] if counted else "–"


_SLOW = ("runbook", "local", "fault", "add", "*:*", "slow", "--seconds", "0.001")


def _run(checkout: Path, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [checkout / ".venv/bin" / program, *arguments], cwd=checkout, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        sys.exit(f"{program} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


if __name__ == "__main__":
    main()
