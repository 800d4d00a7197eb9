"""Fixtures of the tests of runs; a module with a root of another kind has its own."""

import shutil
from pathlib import Path

import pytest

import runbook_lib

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


@pytest.fixture
def root(aws, monkeypatch):
    """A root with the parameter files, and an empty embedded account behind it."""
    for name in ("params", "artifacts"):
        shutil.rmtree(aws.root / name, ignore_errors=True)
    shutil.copytree(PARAMS, aws.root / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(aws.root))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    return aws.root
