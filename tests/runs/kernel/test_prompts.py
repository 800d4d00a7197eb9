"""A question needs the exact phrase from a person."""

import pytest

from runbook_lib.errors import Unconfirmed
from runbook_lib.runs.kernel.prompts import prompt


@pytest.fixture
def operator(monkeypatch):
    """Answers the prompt at a terminal."""

    def types(answer):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: answer)

    return types


def test_the_phrase_continues(operator):
    operator(" local ")
    prompt("Remove it?", "local")


@pytest.mark.parametrize("answer", ["", "yes", "Local"])
def test_any_other_answer_stops(operator, answer):
    operator(answer)
    with pytest.raises(Unconfirmed, match="expected 'local'"):
        prompt("Remove it?", "local")


def test_without_anybody_to_answer_it_fails_at_once(monkeypatch):
    """It does not wait for an answer."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Unconfirmed, match="nobody is here to answer"):
        prompt("Remove it?", "local")
