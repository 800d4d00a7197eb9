"""A resource that is lost or not ours at one look is looked at once more; no refusal is taken for its absence."""

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.observe import observe, status_text
from runbook_lib.errors import NotOwned, RequestRejected
from runbook_lib.resources.base import Observed
from tests.support.fake_kinds import Thing

ABSENT = ("NoSuchEntity", "InvalidGroup.NotFound", "DoesNotExistException", "404")
OTHER = ("AccessDenied", "Throttling", "4040", "x404", "Notfound")
THERE = Observed("i-1", {})


def refused(code):
    return RequestRejected(f"refused: {code}", fix="-", code=code)


class Looks:
    """A resource that answers each look in turn, and the snapshots that it was given."""

    def __init__(self, monkeypatch, *answers):
        self.answers, self.snapshots = list(answers), []
        monkeypatch.setattr(Thing, "observe", self.answer)

    def answer(self, snapshot, ids):
        self.snapshots.append(snapshot)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def look(monkeypatch):
    def run(*answers):
        looks = Looks(monkeypatch, *answers)
        first = Snapshot(None)
        try:
            return observe(Thing(name="a"), first, {})
        finally:
            assert looks.answers == [], "each answer was asked for"
            assert looks.snapshots[0] is first
            assert len(set(map(id, looks.snapshots))) == len(looks.snapshots), "the second look is a new one"

    return run


@pytest.mark.parametrize("code", ABSENT)
def test_what_was_listed_and_then_not_found_is_looked_at_again(look, code):
    assert look(refused(code), THERE) is THERE
    assert look(refused(code), None) is None
    assert look(refused(code), refused("NoSuchThing")) is None


@pytest.mark.parametrize("code", OTHER)
def test_a_refusal_is_no_absence_neither_at_the_first_look_nor_at_the_second(look, code):
    """It would be created a second time."""
    with pytest.raises(RequestRejected, match=code):
        look(refused(code))
    with pytest.raises(RequestRejected, match=code):
        look(refused("NoSuchEntity"), refused(code))


def test_what_is_not_ours_is_looked_at_once_more(look):
    assert look(NotOwned("taken", fix="-"), THERE) is THERE
    with pytest.raises(NotOwned, match="still taken"):
        look(NotOwned("taken", fix="-"), NotOwned("still taken", fix="-"))


@pytest.mark.parametrize(
    ("observed", "text"),
    [
        (None, "not there yet"), (Observed("i", {}, status="modifying", ready=False), "modifying"),
        (Observed("i", {}), "ready"), (Observed("i", {}, ready=False), "not ready yet"),
    ],
)  # fmt: skip
def test_a_state_is_said_in_aws_s_word_where_there_is_one(observed, text):
    assert status_text(observed) == text
