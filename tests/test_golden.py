"""What must survive any renaming: identities, patch order, fingerprints, columns, exit codes.

The expected values are files in ``tests/golden/``. They change only with what they describe,
never with the names of our own modules and functions. To write them anew after such a change:
``GOLDEN=write .venv/bin/pytest tests/test_golden.py``, and explain the difference in the commit.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

import runbook_lib
from runbook_lib.aws.client import Aws
from runbook_lib.cli.main import main
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.references import Keys, to_json
from runbook_lib.evidence.report import controls, exports, inventory
from runbook_lib.params import load
from runbook_lib.stacks.application.bundle import Bundle
from runbook_lib.stacks.environment import stacks
from runbook_lib.stacks.stack import in_order

REPOSITORY = Path(runbook_lib.__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden"
BUNDLE = Bundle(path=Path("bundle.zip"), sha256="ab" * 32, size=1, revision="cd" * 32)


def expect(name, found):
    """Hold *found* against the file of that name, byte for byte."""
    path = GOLDEN / f"{name}.json"
    text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _describe(resource):
    desired = {name: to_json(value, {}) for name, value in resource.desired(Keys()).items()}
    own = [field.name for field in fields(resource)]
    return {"class": type(resource).__name__, "fields": own, "desired": desired}


def test_every_kind_keeps_its_identity_and_its_fields():
    """A class's name is the tag of production resources, its fields are in fingerprints and in journals."""
    cases = [
        resource
        for layer in ("network", "data", "compute", "deploy")
        for first, _ in importlib.import_module(f"tests.resources.cases_{layer}").CASES.values()
        for resource in in_order([first])
    ]
    stack = [resource for stack in stacks(load(REPOSITORY / "params/local.yaml"), BUNDLE) for resource in stack]
    found = {}
    for resource in [*cases, *stack]:
        found.setdefault(type(resource).__name__, {}).setdefault(resource.key, _describe(resource))
    expect("kinds", found)


def test_patches_on_moto_stand_in_the_same_order():
    """Each method's patches, inner first, and the order of the ticks: renaming a module must change neither."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.recorded_patches"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    expect("patch_chains", json.loads(done.stdout))


def test_the_plans_of_local_have_the_same_fingerprints(aws, journal):
    """On an empty account: what was approved before a renaming may be applied after it."""
    params = load(REPOSITORY / "params/local.yaml")
    door = Aws(env=params.env, region=params.region, account=params.account, connection=aws.connection)
    plans = [Engine(door, journal).plan(stack) for stack in stacks(params, BUNDLE)]
    expect("fingerprints", {plan.stack: [plan.fingerprint, plan.count] for plan in plans})


def test_lists_have_the_same_columns():
    """Somebody reads them with a program of their own."""
    expect(
        "csv_columns",
        {
            "changes.csv": exports.CHANGES,
            "checks.csv": exports.CHECKS,
            "controls.csv": controls.COLUMNS,
            "preflight.csv": exports.PREFLIGHT,
            "before.csv, after.csv": list(inventory.COLUMNS),
        },
    )


@pytest.fixture
def runbook(tmp_path, monkeypatch):
    """The command in a root without an environment that runs."""
    (tmp_path / "params").mkdir()
    for name in ("local.yaml", "dev.yaml"):
        (tmp_path / "params" / name).write_text((REPOSITORY / "params" / name).read_text())
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)

    def run(*arguments):
        return CliRunner().invoke(main, arguments).exit_code

    return run


def test_commands_end_with_the_same_exit_codes(runbook):
    """A pipeline decides by them; what an apply that ran ends with is in ``test_cli.py``."""
    cases = [
        "--help", "plan --help", "plan", "plan --env nowhere", "plan --env local --force", "plan --env ../local",
        "plan --env local --only 05_none", "apply --env local --approved", "destroy --env local",
        "destroy --env local --confirm dev", "improve --env local", "evidence", "evidence verify nowhere",
        "evidence show nowhere", "local", "local sideways", "local status", "approve nowhere --as Ann",
    ]  # fmt: skip
    expect("exit_codes", {case: runbook(*case.split()) for case in cases})
