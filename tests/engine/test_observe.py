"""A resource that is lost or not ours at one look is looked at once more; no refusal is taken for its absence."""

import threading
from types import SimpleNamespace

import pytest

from runbook_lib.aws.shared_reads import Reads
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.observe import observe, observe_all, status_text
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
        first = Snapshot(SimpleNamespace(reads=Reads()))
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


class Account:
    """Answers a look at each thing of a stack when the test lets it, and knows who is looking."""

    def __init__(self, monkeypatch):
        self.at_work, self.most, self.lock, self.answers = 0, 0, threading.Lock(), {}
        monkeypatch.setattr(Thing, "observe", lambda thing, snapshot, ids: self.look(thing, ids))

    def look(self, thing, ids):
        answer = self.answers.get(thing.name)
        with self.lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        try:
            answer = answer(ids) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer
        finally:
            with self.lock:
                self.at_work -= 1


@pytest.fixture
def account(monkeypatch):
    return Account(monkeypatch)


def things(*names):
    return [Thing(name=name) for name in names]


def there(name, **more):
    return Observed(f"id-{name}", {}, **more)


@pytest.mark.parametrize("side_by_side", [1, 2, 16])
def test_each_is_observed_with_the_ids_of_those_before_it(account, side_by_side):
    """Of those that exist and are not being deleted; what comes later is not known, nor waited for."""
    a, b, c, d, e = stack = things(*"abcde")
    seen = {}

    def answer(thing):
        def observed(ids):
            seen[thing] = (dict(ids), [ids.get(other) for other in stack], [other in ids for other in stack])
            return {b: None, c: there("c", deleting=True)}.get(thing, there(thing.name))

        return observed

    account.answers = {thing.name: answer(thing) for thing in stack}
    observed = observe_all(stack, Snapshot(None), side_by_side)
    assert list(observed) == stack
    assert [one and one.id for one in observed.values()] == ["id-a", None, "id-c", "id-d", "id-e"]
    assert [seen[thing][0] for thing in stack] == [{}, {a: "id-a"}, {a: "id-a"}, {a: "id-a"}, {a: "id-a", d: "id-d"}]
    assert seen[e][1:] == (["id-a", None, None, "id-d", None], [True, False, False, True, False])
    assert len(seen[e][0]) == 2


def test_they_are_looked_at_side_by_side(account):
    """None of these can end before all have begun."""
    together = threading.Barrier(4, timeout=30)
    account.answers = dict.fromkeys("abcd", lambda ids: together.wait(30) < 0 or None)
    assert list(observe_all(things(*"abcd"), Snapshot(None), 4).values()) == [None] * 4
    assert account.most == 4


def test_not_more_than_so_many_at_once(account):
    account.answers = {name: lambda ids: there("x") for name in "abcdefgh"}
    observe_all(things(*"abcdefgh"), Snapshot(None), 2)
    assert account.most <= 2


@pytest.mark.parametrize("side_by_side", [1, 2, 16])
def test_the_error_is_that_of_the_first_in_the_order(account, side_by_side):
    account.answers = {"b": lambda ids: refused("First"), "c": refused("Second"), "d": there("d")}
    with pytest.raises(RequestRejected, match="First"):
        observe_all(things(*"abcd"), Snapshot(None), side_by_side)


def test_who_needs_what_could_not_be_read_is_not_looked_at(account):
    a, b = things(*"ab")
    looked = []
    account.answers = {"a": refused("AccessDenied"), "b": lambda ids: looked.append(ids[a])}
    with pytest.raises(RequestRejected, match="AccessDenied"):
        observe_all([a, b], Snapshot(None), 16)
    assert looked == []
