"""What the embedded AWS takes after each cycle of `runbook apply` and `runbook destroy`: memory, files, threads.

    .venv/bin/python -m benchmarks.memory               # 30 cycles of the real commands, some three minutes each
    .venv/bin/python -m benchmarks.memory --cycles 5 --no-hosts

It fails when there is more after the last cycle than there was after the third.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from embedded_aws.client import process

ROOT = Path(__file__).parents[1]
SETTLED = 3
"""Cycles after which everything is loaded that is loaded once."""
MEGABYTES = 30.0
"""More than this after the last cycle than after the third is growth: it was 40 MB with each cycle."""


class Sample(NamedTuple):
    """What the server took after a cycle; *children* are the processes that it has started."""

    megabytes: float
    files: int
    threads: int
    children: int
    log_bytes: int = 0


class Growth(NamedTuple):
    """How much more there is with each cycle, from the first to the last sample."""

    megabytes: float
    files: float
    threads: float


def measure(server: psutil.Process, log: Path | None = None) -> Sample:
    """What the server takes now."""
    size = log.stat().st_size if log and log.exists() else 0
    rss = server.memory_info().rss / 1_000_000
    return Sample(round(rss, 1), server.num_fds(), server.num_threads(), len(server.children(recursive=True)), size)


def growth(samples: Sequence[Sample]) -> Growth:
    """The growth with each cycle; of two samples or more."""
    first, last, cycles = samples[0], samples[-1], len(samples) - 1
    return Growth(*((getattr(last, name) - getattr(first, name)) / cycles for name in Growth._fields))


def main() -> int:
    """Run the cycles and print a line for each; returns 1 when something has grown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.partition("\n")[0])
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument(
        "--no-hosts", action="store_true", help="without servers and databases: a minute for each cycle"
    )
    options = parser.parse_args()
    if options.cycles <= SETTLED:
        parser.error(f"--cycles must be greater than {SETTLED}")
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "params", root / "params")
        environment = {**os.environ, "RUNBOOK_ROOT": str(root)} | (
            {"RUNBOOK_LOCAL_MACHINES": "none"} if options.no_hosts else {}
        )
        try:
            samples = [_run_cycle(number, root, environment) for number in range(1, options.cycles + 1)]
        finally:
            process.stop(root)
    return _report(samples)


def _run_cycle(number: int, root: Path, environment: dict[str, str]) -> Sample:
    began = time.monotonic()
    for command in (["apply", "--env", "local"], ["destroy", "--env", "local", "--confirm", "local"]):
        runbook = Path(sys.executable).with_name("runbook")
        done = subprocess.run(
            [runbook, *command], env=environment, cwd=root, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"runbook {' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    server = psutil.Process(process.require_running(root).process.pid)
    sample = measure(server, root / ".runbook" / "local" / "server.log")
    print(
        f"{number:3}  {sample.megabytes:7.1f} MB  {sample.files:3} files  {sample.threads:3} threads"
        f"  {sample.children:3} processes  {sample.log_bytes:8} bytes of log  {time.monotonic() - began:5.0f} s",
        flush=True,
    )
    return sample


def _report(samples: Sequence[Sample]) -> int:
    third, last = samples[SETTLED - 1], samples[-1]
    print(f"After cycle {SETTLED}: {third}\nAfter cycle {len(samples)}: {last}")
    grown = (
        last.megabytes > third.megabytes + MEGABYTES
        or last.files > third.files
        or last.threads > third.threads
        or last.children > third.children
    )
    print("It has grown." if grown else "It is where it was.")
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
