"""What holds for all tests: no deadline for hypothesis; a missing program skips by name, and fails with CI=true."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.programs import require

# A busy machine is no failure: an example may take as long as it takes.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(program, ...): of tests/programs.txt; skipped where one is not installed")
    config.addinivalue_line(
        "markers", "exhaustive: what `make test` samples, or shows in a cheaper way; `make test-all` runs it"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        require(*mark.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _strict((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _strict((yield))


def _strict(report: Any) -> Any:
    """The same report; with CI=true, a skip is a failure: nobody looks for it there."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"a skip is a failure with CI=true: {report.longrepr[2].removeprefix('Skipped: ')}"
    return report
