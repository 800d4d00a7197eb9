"""A question is answered by a person with the right words, or not at all."""

import pytest

from runbook_lib.errors import Unconfirmed
from runbook_lib.runs.kernel.prompts import prompt


@pytest.fixture
def person(monkeypatch):
    """Somebody at a terminal who types this."""

    def types(answer):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: answer)

    return types


def test_the_right_words_go_on(person):
    person(" local ")
    prompt("Remove it?", "local")


@pytest.mark.parametrize("answer", ["", "yes", "Local"])
def test_other_words_stop(person, answer):
    person(answer)
    with pytest.raises(Unconfirmed, match="that needs 'local'"):
        prompt("Remove it?", "local")


def test_where_nobody_is_it_fails_at_once(monkeypatch):
    """It does not wait for an answer that cannot come."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Unconfirmed, match="nobody is here to answer"):
        prompt("Remove it?", "local")
