"""A plug-in of pytest: writes which test executes which line of the library, and how long each test takes.

`PYTEST_PLUGINS=tests.mutants.contexts MUTANTS_COVERAGE=folder pytest …`, also with `--numprocesses`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import coverage
import pytest

FOLDER = Path(os.environ["MUTANTS_COVERAGE"])
_name = os.environ.get("MUTANTS_NAME") or os.environ.get("PYTEST_XDIST_WORKER", "main")
_coverage = coverage.Coverage(data_file=FOLDER / f"{_name}.coverage", source_pkgs=["runbook_lib"], config_file=False)
_durations: dict[str, float] = {}
_failed: set[str] = set()


def pytest_configure() -> None:
    _coverage.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    _coverage.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        _coverage.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _durations[report.nodeid] = _durations.get(report.nodeid, 0.0) + report.duration
    if not report.passed:
        _failed.add(report.nodeid)


def pytest_unconfigure() -> None:
    _coverage.stop()
    _coverage.save()
    passed = {test: seconds for test, seconds in _durations.items() if test not in _failed}
    (FOLDER / f"{_name}.json").write_text(json.dumps(passed))
