"""What a look costs, before and now, in one run on one machine: processor time, time on the clock, memory and calls.

    .venv/bin/python -m benchmarks.looks                    # beside version 0.1.0; ten minutes, most of them set-up
    .venv/bin/python -m benchmarks.looks --before HEAD~20   # beside another commit
    .venv/bin/python -m benchmarks.looks --before HEAD      # today's figures twice: how much a figure varies
    .venv/bin/python -m benchmarks.looks --tests            # with a row for `make test`: another half hour

Each version is cloned, set up and applied to an embedded AWS of its own; then the commands take turns. Where Terraform
is installed, it plans benchmarks/terraform/ in another account of the newer one. TF_CLI_ARGS_init=-plugin-dir=FOLDER
says where its provider is, if it is not to be downloaded. Linux only.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
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
    parser.add_argument("--tests", action="store_true", help="also run `make test` of both, once")
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
                _print_row(what, costs, calls)
            if shutil.which("terraform"):
                _print_terraform(checkouts["now"], Path(folder) / "terraform", options.times)
            if options.tests:
                _print_tests(checkouts)
        finally:
            for checkout in checkouts.values():
                if (checkout / ".venv/bin/runbook").exists():
                    _run(checkout, "runbook", "local", "down", "--forget", check=False)


def _set_up(checkout: Path, commit: str) -> None:
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, checkout], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=checkout, check=True)
    subprocess.run(["make", f"PYTHON={sys.executable}", ".venv/run.stamp"], cwd=checkout, check=True)
    _run(checkout, "runbook", "apply", "--env", "local")


def _print_row(what: str, costs: Mapping[str, Cost], calls: Mapping[str, str]) -> None:
    pairs = zip(costs["before"], costs["now"], (1, 1, 0), strict=True)
    told = " ".join(f"{old:6.{digits}f} {new:6.{digits}f}" for old, new, digits in pairs)
    print(f"{what:34} {told} {calls['before']:>6} {calls['now']:>4}", flush=True)


def _print_tests(checkouts: Mapping[str, Path]) -> None:
    """Run ``make test`` in both, once it is set up, and print what it costs and how many tests it has."""
    costs, counts = {}, []
    for name, checkout in checkouts.items():
        make = ("make", f"PYTHON={sys.executable}")
        subprocess.run((*make, ".venv/test.stamp"), cwd=checkout, check=True, stdout=subprocess.DEVNULL)
        costs[name] = _median_of(checkout, (*make, "test"), 1, os.environ)
        listed = _run(checkout, "pytest", "--collect-only", "-q", "-o", "addopts=", "-m", "not exhaustive").stdout
        counts += re.findall(r"^(\d+)(?:/\d+)? tests", listed, re.MULTILINE)
    _print_row(f"make test, {' → '.join(counts)} tests", costs, dict.fromkeys(costs, ""))


def _print_terraform(checkout: Path, folder: Path, times: int) -> None:
    """Apply what benchmarks/terraform/ describes, and print what a plan of it costs."""
    shutil.copytree(ROOT / "benchmarks/terraform", folder)
    printed = _run(checkout, "runbook", "local", "env").stdout
    variables = dict(re.findall(r"^export (\w+)=(.*)$", printed, re.MULTILINE)) | {
        "AWS_ACCESS_KEY_ID": "EMBEDAWS222222222222",  # an account in which nothing is yet
        "PATH": os.environ["PATH"],
        "CHECKPOINT_DISABLE": "1",  # it would ask for newer versions of Terraform
    }
    variables |= {name: value for name, value in os.environ.items() if name.startswith("TF_") or name == "HOME"}
    for command in (("init",), ("apply", "-auto-approve")):
        subprocess.run(("terraform", *command), cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)
    listed = subprocess.run(("terraform", "state", "list"), cwd=folder, env=variables, check=True, capture_output=True)
    resources = sum(not line.startswith(b"data.") for line in listed.stdout.splitlines())
    plan = ("terraform", "plan", "-detailed-exitcode")  # 0 when there is nothing to do
    cost = _median_of(folder, plan, times, variables)

    def act() -> None:
        subprocess.run(plan, cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)

    calls = _count_calls(checkout, act)
    told = " ".join(f"{'':6} {value:6.{digits}f}" for value, digits in zip(cost, (1, 1, 0), strict=True))
    print(f"{f'terraform plan, {resources} resources':34} {told} {'':6} {calls:>4}", flush=True)


def _median(checkout: Path, command: tuple[str, ...], times: int) -> Cost:
    return _median_of(checkout, (str(checkout / ".venv/bin" / command[0]), *command[1:]), times, os.environ)


def _median_of(folder: Path, command: tuple[str, ...], times: int, variables: Mapping[str, str]) -> Cost:
    each = []
    for _ in range(times):
        measured = subprocess.run(
            [sys.executable, "-m", "benchmarks.looks", "--measure", str(folder), *command],
            cwd=ROOT, check=True, capture_output=True, text=True, env=variables,
        )  # fmt: skip
        each.append(Cost(*json.loads(measured.stdout)))
    return Cost(*map(statistics.median, zip(*each, strict=True)))


def _measure(arguments: list[str]) -> Cost:
    """Run a command with all its forks in this process, which does nothing else."""
    ctypes.CDLL(None).prctl(_ADOPT, 1, 0, 0, 0)
    began, most = time.monotonic(), 0.0
    started = psutil.Popen(arguments[1:], cwd=arguments[0], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while started.poll() is None:
        look = time.monotonic()
        most = max(most, _memory())
        time.sleep(max(0.1, 20 * (time.monotonic() - look)))  # to look at hundreds of processes takes time, too
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
    return _count_calls(checkout, lambda: _run(checkout, *command)) if "--env" in command else "–"


def _count_calls(checkout: Path, act: Callable[[], object]) -> str:
    """How many calls reach AWS: each is a little slow, and the embedded AWS counts what it makes slow."""
    if _run(checkout, *_SLOW, check=False).returncode:
        return "–"
    act()
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
