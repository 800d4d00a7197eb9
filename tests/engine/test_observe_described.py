"""What a look at a resource tells: its tags, whether it is ready, and the errors that name it."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import replace
from types import SimpleNamespace

import pytest

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.engine.observe import failed_error, is_ready, observe, observe_all, timeout_error
from runbook_lib.errors import NotOwned, RequestRejected
from runbook_lib.resources.base import Observed
from runbook_lib.resources.tagging import Tagging
from tests.aws.fake_account import ENV, KEY, OWNER, FakeAws
from tests.support.fake_kinds import Thing

WANTED = {"Name": "prod-a", OWNER: "runbook", ENV: "prod", KEY: "thing.a"}
THING = Thing(name="a")
TAKEN = NotOwned("taken", fix="-")


def seen(monkeypatch, tags, **more):
    """What is told of a thing with these tags."""
    tagging = None if tags is None else Tagging("ec2", "id-a", tags)
    monkeypatch.setattr(Thing, "observe", lambda self, look, ids: Observed("id-a", {}, tagging=tagging, **more))
    return observe(THING, Snapshot(FakeAws(), {}), {})


class TestTags:
    @pytest.mark.parametrize(
        ("tags", "drift"),
        [
            (WANTED, {}),
            (WANTED | {"team": "blue"}, {}),
            ({}, {name: (None, value) for name, value in WANTED.items()}),
            (WANTED | {"Name": "b", KEY: ""}, {"Name": ("b", "prod-a"), KEY: ("", "thing.a")}),
        ],
    )
    def test_those_that_differ_from_what_they_should_be(self, monkeypatch, tags, drift):
        assert seen(monkeypatch, tags).tag_drift == drift

    @pytest.mark.parametrize(("tags", "more"), [(None, {}), ({}, {"deleting": True}), ({}, {"unowned": TAKEN})])
    def test_not_of_what_has_none_or_goes_or_may_be_somebody_else_s(self, monkeypatch, tags, more):
        assert seen(monkeypatch, tags, **more).tag_drift == {}

    def test_what_is_not_there_has_none(self, monkeypatch):
        monkeypatch.setattr(Thing, "observe", lambda self, look, ids: None)
        assert observe(THING, Snapshot(FakeAws(), {}), {}) is None


class TestWhatMayBeSomebodyElses:
    def look(self, monkeypatch, *noted, found=True):
        """Two looks of a survey, each of which notes it or not."""
        notes, looks = list(noted), []

        def answer(self, look, ids):
            looks.append((look, ids))
            if error := notes.pop(0):
                look._refuse(self, error)
            return Observed("id-a", {}) if found else None

        monkeypatch.setattr(Thing, "observe", answer)
        observed = observe(THING, Snapshot(FakeAws(), {}), {"b": "id-b"})
        assert notes == []
        assert [ids for _, ids in looks] == [{"b": "id-b"}] * len(looks)
        return observed

    def test_it_is_looked_at_again_before_that_is_told(self, monkeypatch):
        other = NotOwned("still taken", fix="-")
        assert self.look(monkeypatch, None).unowned is None
        assert self.look(monkeypatch, TAKEN, None).unowned is None
        assert self.look(monkeypatch, TAKEN, other).unowned is other

    def test_what_is_gone_then_is_nobody_s(self, monkeypatch):
        assert self.look(monkeypatch, TAKEN, TAKEN, found=False) is None


class TestReadiness:
    @pytest.mark.parametrize(
        ("observed", "ready"),
        [
            (None, False),
            (Observed("i", {}), True),
            (Observed("i", {}, ready=False), False),
            (Observed("i", {}, deleting=True), False),
        ],
    )
    def test_what_is_there_and_stays_and_is_ready_can_be_used(self, observed, ready):
        assert is_ready(observed) is ready

    @pytest.mark.parametrize("enough", [True, False])
    def test_who_needs_it_says_what_is_enough(self, enough):
        assert is_ready(Observed("i", {}, ready=not enough), lambda observed: enough) is enough
        assert not is_ready(None, lambda observed: enough)
        assert not is_ready(Observed("i", {}, deleting=True), lambda observed: enough)


class TestErrors:
    @pytest.mark.parametrize(("id_", "name"), [("id-a", "thing.a (id-a)"), ("thing.a", "thing.a")])
    def test_what_failed_is_named_as_we_and_as_aws_call_it(self, id_, name):
        error = failed_error(THING, Observed(id_, {}, failed="no capacity"))
        assert (error.what, error.fix) == (f"{name} failed: no capacity", "Correct the cause, then apply again.")

    @pytest.mark.parametrize(
        ("observed", "name", "status"),
        [
            (None, "thing.a", "not there yet"),
            (Observed("id-a", {}, ready=False), "thing.a (id-a)", "not ready yet"),
            (Observed("thing.a", {}, ready=False, status="pending"), "thing.a", "pending"),
        ],
    )
    def test_what_was_not_ready_in_time(self, observed, name, status):
        error = timeout_error(THING, observed)
        assert error.what == f"{name} was not ready within 120 s; last status: {status}."
        assert error.fix == (
            "Look at it in the AWS console. When it is ready, run this again: it continues from there."
        )


def test_an_error_waits_for_no_answer_and_asks_for_nothing_more(monkeypatch):
    """As an interrupt: whoever stopped the run does not wait until AWS answers."""
    begun, may_end, looked = threading.Event(), threading.Event(), []

    def look(self, snapshot, ids):
        looked.append(self.name)
        if self.name == "a":
            assert begun.wait(20)
            raise RequestRejected("refused", fix="-", code="AccessDenied")
        begun.set()
        assert may_end.wait(20)

    monkeypatch.setattr(Thing, "observe", look)
    before = set(threading.enumerate())
    with pytest.raises(RequestRejected, match="refused"):
        observe_all([Thing(name=name) for name in "abcdef"], Snapshot(SimpleNamespace()), 2)
    assert not may_end.is_set()
    workers = set(threading.enumerate()) - before
    assert any(worker.is_alive() for worker in workers), "one still waits for its answer"
    may_end.set()
    for worker in workers:
        worker.join(20)
    assert set(looked) <= {"a", "b", "c"}


def test_who_looks_can_count_what_is_there_before(monkeypatch):
    counts = {}

    def look(self, snapshot, ids):
        counts[self.name] = len(ids)
        return Observed(f"id-{self.name}", {}) if self.name != "b" else None

    monkeypatch.setattr(Thing, "observe", look)
    observe_all([Thing(name=name) for name in "abcd"], Snapshot(SimpleNamespace()), 3)
    assert counts == {"a": 0, "b": 1, "c": 1, "d": 2}


def test_a_look_is_made_in_the_context_of_the_cell(monkeypatch):
    """There a kernel finds what a cell shows."""
    cell = ContextVar("cell", default="none")
    monkeypatch.setattr(Thing, "observe", lambda self, look, ids: Observed(cell.get(), {}))
    cell.set("cell 1")
    things = [replace(THING, name=name) for name in "ab"]
    assert [one.id for one in observe_all(things, Snapshot(SimpleNamespace()), 2).values()] == ["cell 1"] * 2
