"""Samples mutants of the core, runs the tests that execute each changed line, and prints what no test notices.

    python -m tests.mutants                          # 150 mutants, the date is the seed; fails below the floors
    python -m tests.mutants --seed 7 --sample 40 --only engine/apply.py journal/redaction
    python -m tests.mutants --coverage build/mutants # keep the coverage there, or use what is there

All of it happens in copies in a temporary folder; the checkout is only read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import yaml
from coverage import CoverageData

from .operators import Mutant, mutants_of
from .runner import KILLED, SURVIVED, TIMED_OUT

ROOT = Path(__file__).parents[2]
PACKAGE = "runbook_lib"
EQUIVALENT = Path(__file__).with_name("equivalent.yaml")

GROUPS = {
    "approval": ("engine/approval.py", "evidence/attestation/approvals.py", "evidence/verification/approvals.py"),
    "lock": ("runs/lock.py",),
    "plan": ("engine/plan.py",),
    "apply": ("engine/apply.py",),
    "redaction": ("journal/redaction/",),
    "signing": ("evidence/attestation/",),
    "verification": ("evidence/verification/",),
}
"""What must notice nearly every mutant; a file belongs to the first group that names it."""
OTHERS = (
    "engine/", "journal/", "params/file.py", "params/model.py", "params/rules.py", "params/document.py",
    "stacks/stack.py", "stacks/checks/", "stacks/application/bundle.py",
    "resources/base.py", "resources/tagging.py", "resources/release.py", "resources/deployment_failure.py",
    "resources/security_group.py", "resources/security_group_rule.py", "resources/role_policy.py",
    "aws/client.py", "aws/session.py", "aws/snapshot.py", "aws/error_translation.py", "aws/policy_document.py",
)  # fmt: skip
"""The rest of the core."""
FLOOR, GROUP_FLOOR = 0.92, 0.95

NOT_RUN = (
    "notebooks", "engine/test_kill.py", "test_docs.py", "test_installed.py", "test_workflows.py", "test_upgrade.py",
    "test_programs.py", "test_dependencies.py",
)  # fmt: skip
"""Tests that take long, or run the library in other processes, where no line is attributed to them."""
SECONDS = 40.0
"""Of tests for one mutant, as they were measured; the fastest come first."""


@dataclass(frozen=True)
class Result:
    mutant: Mutant
    outcome: str
    tests: int


def main() -> int:
    """Returns the exit code: 0 when every floor holds."""
    options = _parse_arguments()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        work = Path(folder)
        coverage = Path(options.coverage).resolve() if options.coverage else work / "coverage"
        copies = [_copy_project(work / f"copy-{n}") for n in range(options.jobs)]
        if not list(coverage.glob("*.json")):
            coverage.mkdir(parents=True, exist_ok=True)
            _measure(copies[0], coverage, options.jobs)
        tests = TestChoice(coverage, options.seconds)
        mutants = _sample(copies[0], options.only, options.seed, options.sample)
        print(f"{len(mutants)} mutants, seed {options.seed}", flush=True)
        results = _run_all(mutants, tests, copies, work)
    return _report(results, check=not options.only)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", default=f"{datetime.now(UTC):%Y-%m-%d}", help="the date, unless given")
    parser.add_argument("--sample", type=int, default=150, help="how many mutants; 0 for all")
    parser.add_argument("--only", nargs="*", default=[], help=f"files or folders below {PACKAGE}/; no floor is checked")
    parser.add_argument("--coverage", help="folder with the tests' coverage; measured when it is empty")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of tests for one mutant, the fastest first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    return parser.parse_args()


def _copy_project(target: Path) -> Path:
    """The files of the checkout, without what git ignores."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    # By content: a mutant may have the size and the time of the file that it replaces.
    subprocess.run(
        [
            sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", PACKAGE,
            "embedded-aws/embedded_aws",
        ],
        cwd=target, check=True,
    )  # fmt: skip
    return target


def _environment(copy: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{copy / 'embedded-aws'}", **more}


def _measure(copy: Path, coverage: Path, jobs: int) -> None:
    """Run the tests once, and write which line each of them executes."""
    print("Measuring which test executes which line …", flush=True)
    subprocess.run(
        [
            sys.executable, "-m", "pytest", "tests", "-q", "-m", "not exhaustive", "--numprocesses", str(jobs),
            "--dist", "loadfile", "-p", "no:cacheprovider", *(f"--ignore=tests/{name}" for name in NOT_RUN),
        ],
        cwd=copy, check=False, stdout=subprocess.DEVNULL,
        env=_environment(
            copy, PYTEST_PLUGINS="tests.mutants.contexts", MUTANTS_COVERAGE=str(coverage), COVERAGE_CORE="ctrace"
        ),
    )  # fmt: skip


class TestChoice:
    """Which tests to run for a mutant.

    Args:
        coverage: The folder that :mod:`.contexts` wrote.
        limit: The seconds that the tests of one mutant may take.
    """

    __test__ = False

    def __init__(self, coverage: Path, limit: float) -> None:
        self._limit = limit
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for path in coverage.glob("*.json"):
            self._seconds |= json.loads(path.read_text())
        for path in coverage.glob("*.coverage"):
            data = CoverageData(path)
            data.read()
            for name in data.measured_files():
                file = name.partition(f"/{PACKAGE}/")[2]
                for line, tests in data.contexts_by_lineno(name).items():
                    self._lines[file][line] |= set(tests) & self._seconds.keys()

    def of(self, mutant: Mutant) -> list[str]:
        """The tests that execute a line of the mutant: first its own test file and its folder's, the fastest first.

        For a line that only the import executes: those that execute anything in its file, or in its folder.
        """
        lines = self._lines[mutant.file]
        executing = set().union(*(lines[n] for n in range(mutant.line, mutant.last_line + 1)))
        executing = executing or set().union(*lines.values()) or self._of_folder(mutant.file)
        mirror, own = set(self.mirror(mutant)), f"/test_{mutant.file.rpartition('/')[2]}"

        def order(test: str) -> tuple[bool, bool, float]:
            return not _file(test).endswith(own), _file(test) not in mirror, self._seconds[test]

        return self._fastest(sorted(executing, key=order))

    def _of_folder(self, file: str) -> set[str]:
        folder = file.rpartition("/")[0]
        neighbours = [lines for name, lines in self._lines.items() if name.rpartition("/")[0] == folder]
        return set().union(*(tests for lines in neighbours for tests in lines.values()))

    def mirror(self, mutant: Mutant) -> list[str]:
        """The test files of the folder that mirrors the mutant's."""
        folder = f"tests/{mutant.file}".rpartition("/")[0]
        return sorted(file for file in set(map(_file, self._seconds)) if file.rpartition("/")[0] == folder)

    def of_mirror(self, mutant: Mutant) -> list[str]:
        """All tests of these files."""
        mirror = self.mirror(mutant)
        return self._fastest(sorted((t for t in self._seconds if _file(t) in mirror), key=self._seconds.__getitem__))

    def seconds(self, tests: Iterable[str]) -> float:
        """How long tests take, as measured."""
        return sum(self._seconds[test] for test in tests)

    def _fastest(self, tests: Sequence[str]) -> list[str]:
        chosen: list[str] = []
        total = 0.0
        for test in tests:
            if not chosen or total + self._seconds[test] <= self._limit:
                total += self._seconds[test]
                chosen.append(test)
        return chosen


def _file(test: str) -> str:
    return test.partition("::")[0]


def _group(file: str) -> str:
    return next((name for name, places in GROUPS.items() if _is_in(file, places)), "")


def _is_in(file: str, places: Sequence[str]) -> bool:
    return any(file == place or file.startswith(f"{place.rstrip('/')}/") for place in places)


def _sample(root: Path, only: Sequence[str], seed: str, size: int) -> list[Mutant]:
    places = only or [place for group in GROUPS.values() for place in group] + [*OTHERS]
    paths = sorted((root / PACKAGE).rglob("*.py"))
    files = [path.relative_to(root / PACKAGE).as_posix() for path in paths]
    mutants = [
        mutant
        for file, path in zip(files, paths, strict=True)
        if _is_in(file, places)
        for mutant in mutants_of(file, path.read_text(encoding="utf-8"))
    ]
    equivalent = {(one["file"], one["line"], one["old"], one["new"]) for one in _equivalents()}
    mutants = [mutant for mutant in mutants if mutant.key not in equivalent]
    return random.Random(seed).sample(mutants, min(size or len(mutants), len(mutants)))


def _equivalents() -> list[dict[str, str]]:
    return yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8")) or []


def _run_all(mutants: Sequence[Mutant], tests: TestChoice, copies: Sequence[Path], work: Path) -> list[Result]:
    runners: Queue[Runner] = Queue()
    for copy in copies:
        runners.put(Runner(copy))

    def run(mutant: Mutant) -> Result:
        runner = runners.get()
        try:
            result = _run(mutant, tests, runner)
        finally:
            runners.put(runner)
        if result.outcome == SURVIVED:
            print(f"survived: {mutant}  ({result.tests} tests)", flush=True)
        return result

    try:
        with ThreadPoolExecutor(len(copies)) as pool:
            return list(pool.map(run, mutants))
    finally:
        while not runners.empty():
            runners.get().close()


def _run(mutant: Mutant, tests: TestChoice, runner: Runner) -> Result:
    chosen = tests.of(mutant)
    outcome = runner.run(mutant, chosen, tests.seconds(chosen)) if chosen else SURVIVED
    if outcome == SURVIVED and (mirror := [test for test in tests.of_mirror(mutant) if test not in chosen]):
        outcome = runner.run(mutant, mirror, tests.seconds(mirror))
    return Result(mutant, outcome, len(chosen))


class Runner:
    """A process that runs tests against one mutant after the other, in a copy of its own."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutants.runner", str(copy)],
            cwd=copy, env=_environment(copy), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._ready = False

    def run(self, mutant: Mutant, tests: Sequence[str], seconds: float) -> str:
        """Run tests against a mutant; returns the outcome."""
        if not self._ready:
            self._answer()
            self._ready = True
        path = f"{PACKAGE}/{mutant.file}"
        source = mutant.apply((self._copy / path).read_bytes()).decode()  # the checkout may change meanwhile
        job = {"path": path, "source": source, "tests": list(tests), "seconds": 30 + 4 * seconds}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return str(self._answer()["outcome"])

    def _answer(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _report(results: Sequence[Result], *, check: bool) -> int:
    """Print the scores and the survivors; returns 1 when a floor does not hold."""
    by_group: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_group[_group(result.mutant.file) if check else result.mutant.file].append(result)
    failed = False
    for name, members in [("all", list(results)), *sorted(by_group.items())]:
        noticed = sum(result.outcome in (KILLED, TIMED_OUT) for result in members)
        score = noticed / len(members) if members else 1.0
        floor = FLOOR if name == "all" else GROUP_FLOOR if name in GROUPS else 0.0
        print(f"{name or 'others':40} {noticed:4} of {len(members):4}  {score:6.1%}", flush=True)
        failed |= check and score < floor
    print("\nNo test notices:" if any(r.outcome == SURVIVED for r in results) else "\nEvery mutant is noticed.")
    for result in sorted(results, key=lambda r: (r.mutant.file, r.mutant.line)):
        if result.outcome == SURVIVED:
            print(f"  {result.mutant}" + ("" if result.tests else "  (no test executes it)"))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
