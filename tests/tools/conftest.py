"""What the tests of tools share: a root with an empty embedded account."""

import shutil
from pathlib import Path

import pytest

import runbook_lib

REPOSITORY = Path(runbook_lib.__file__).parents[1]


@pytest.fixture
def root(aws, monkeypatch):
    """A root with the parameter files and no evidence; the tools run in an empty folder within it."""
    for folder in ("params", "artifacts", "work"):
        shutil.rmtree(aws.root / folder, ignore_errors=True)
    shutil.copytree(REPOSITORY / "params", aws.root / "params")
    (aws.root / "work").mkdir()
    monkeypatch.chdir(aws.root / "work")
    monkeypatch.setenv("RUNBOOK_ROOT", str(aws.root))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    return aws.root
