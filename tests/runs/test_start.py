"""What a run records about its start, and what its client is given."""

import getpass
import platform

import pytest

from runbook_lib.aws.shared_reads import VARIABLE
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.params import load
from runbook_lib.paths import checkout
from runbook_lib.runs import start


@pytest.fixture(autouse=True)
def no_operator_variables(monkeypatch):
    for name in start.OPERATOR_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_the_operator_is_the_user_of_this_machine(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert start.find_operator() == f"ann on {platform.node()}"


def test_a_service_names_the_user_it_runs_for(monkeypatch):
    """The user who restarted a workflow counts, not the one who started it first."""
    monkeypatch.setenv("GITHUB_ACTOR", "bob")
    assert start.find_operator().startswith("bob on ")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "carol")
    assert start.find_operator().startswith("carol on ")


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_has_a_number(monkeypatch, error):
    """As in a container."""

    def unknown():
        raise error

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert start.find_operator().startswith("user ")


def test_the_key_to_shared_answers_is_a_secret(monkeypatch, tmp_path):
    """A cell that shows its environment must not show it."""
    redactor, told = Redactor(), f"/tmp/pymp-1/listener-2#{'0a1b2c3d' * 8}"
    monkeypatch.setattr(start, "REDACTOR", redactor)
    monkeypatch.setenv(VARIABLE, told)
    params = load(checkout() / "params" / "dev.yaml")
    start.aws_client(params, tmp_path, "run-1")
    assert "0a1b2c3d" not in redactor.redact_text(f"told: {told}")
