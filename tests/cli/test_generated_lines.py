"""Thousands of command lines that nobody thought of: done, refused or wrong usage, and no traceback."""

# ruff: noqa: F811

from __future__ import annotations

import subprocess

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.cli.main import main
from runbook_lib.errors import WrongUsage
from tests.cli.test_main import fake_run, planned, root  # noqa: F401

COMMANDS = ("plan", "apply", "verify", "destroy", "rollback", "adopt", "approve", "permissions", "evidence list",
            "evidence show", "evidence verify", "evidence diff", "evidence", "app check", "app", "")  # fmt: skip
OPTIONS = ("--env", "--only", "--approved", "--confirm", "--change", "--asked-by", "--skip-preflight", "--markdown",
           "--destroy", "--rollback", "--adopt", "--to", "--summary", "--detailed-exitcode", "--fingerprints", "--as",
           "--verb", "--help", "-h", "--version", "--", "-", "-x", "--nonsense", "--env=local")  # fmt: skip
VALUES = ("local", "local", "local", "dev", "nowhere", "../local", "01_network", "02", "data", "0123456789abcdef", "",
          " ", "nothing", "CHG1", "a\nb", "\x1b[31m", "é", "vpc.main", "vpc-0", "role.web",
          "20261129T000000Z-plan-0000", "apply", "/", ".", "\0", "x" * 5000)  # fmt: skip
LINES = st.tuples(
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(OPTIONS) | st.sampled_from(VALUES) | st.text(max_size=10), max_size=7),
)


def answered(line):
    command, words = line
    done = CliRunner().invoke(main, [*command.split(), *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code in (0, 1, 2, 3)
    assert "Traceback" not in done.output
    if done.exit_code:
        assert done.output.strip(), "whoever is refused is told why"


@pytest.fixture
def nothing_runs(root, fake_run, monkeypatch):
    """No notebook runs, and nobody is asked; files are written to the root alone."""
    monkeypatch.chdir(root)
    # A rollback and an adoption look at the account before they run anything.
    monkeypatch.setattr("runbook_lib.cli.verbs.check_endpoint", lambda *_: None)
    monkeypatch.setattr("runbook_lib.cli.verbs.sign_in", lambda *_, **__: None)
    monkeypatch.setattr("runbook_lib.cli.verbs.require_saved", lambda *_: None)
    monkeypatch.setattr("runbook_lib.cli.verbs.processes.warm_up", lambda: None)
    monkeypatch.setattr("runbook_lib.cli.choices.choose_revision", _no_revision)
    for module in ("wheels", "lock"):  # an `app check` would download the sample's wheels for each kind of server
        monkeypatch.setattr(f"runbook_lib.stacks.application.{module}.run_pip", _no_index)
    return fake_run(planned(keep=1))


def _no_index(*words):
    return subprocess.CompletedProcess(words, 1, "", "ERROR: there is no package index")


def _no_revision(*_):
    raise WrongUsage("No earlier revision has worked.", fix="Correct webapp/.")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(line=LINES)
def test_a_sample_of_generated_command_lines(nothing_runs, line):
    answered(line)


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
@settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))
@given(line=LINES)
def test_five_thousand_generated_command_lines(nothing_runs, line):
    answered(line)
