"""Who runs it, for the record."""

import getpass
import platform

import pytest

from runbook_lib.runs import operator as people


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    for name in people.OPERATOR_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_it_is_who_works_on_this_machine(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert people.operator() == f"ann on {platform.node()}"


def test_a_service_says_for_whom_it_runs(monkeypatch):
    """Who started a workflow again counts, not who did it first."""
    monkeypatch.setenv("GITHUB_ACTOR", "bob")
    assert people.operator().startswith("bob on ")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "carol")
    assert people.operator().startswith("carol on ")


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_has_a_number(monkeypatch, error):
    """As in a container."""

    def unknown():
        raise error

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert people.operator().startswith("user ")
