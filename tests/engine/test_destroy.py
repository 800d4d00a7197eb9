"""A destroy step by step: what is sent, what is waited for, and what the journal and the operator are told."""

from dataclasses import replace

import pytest

from runbook_lib.engine.destroy import DestroyResources
from runbook_lib.engine.plan import Action, Change
from runbook_lib.errors import RequestRejected, WaitTimeout
from runbook_lib.resources.base import Observed
from tests.engine.by_hand import Made, MadeBucket, World

A = Made(name="a")
B = Made(name="b", on=(A,))


def rejected(code="DependencyViolation", **more):
    return RequestRejected(f"AWS says {code}.", fix="Wait.", code=code, **more)


def destroy(world, *resources):
    changes = tuple(Change(resource, Action.DELETE, world.things.get(resource.key), None, {}) for resource in resources)
    state = {resource: world.things.get(resource.key) for resource in resources}
    DestroyResources(world.context(), changes, state).run()
    return state


def told(world, event):
    return [data for kind, data in world.events if kind == event]


def test_dependents_go_first_and_each_deletion_is_recorded():
    world = World()
    world.there(A, B)
    assert destroy(world, A, B) == {A: None, B: None}
    assert world.sent == ["delete made.b", "delete made.a"]
    times = {"waited": 0.0, "sent": 0.0, "took": 0.0}
    common = {"ok": True, "action": "delete", "fields": {}, "after": [], **times, "ready": False}
    assert told(world, "change") == [
        {"key": "made.b", "needs": ["made.a"], **common}, {"key": "made.a", "needs": [], **common},
    ]  # fmt: skip
    assert told(world, "settled") == [{"key": "made.b"}, {"key": "made.a"}]
    assert world.progress == [
        (key, status, 0.0) for key in ("made.b", "made.a") for status in ("deleting", "gone")
    ]  # fmt: skip
    assert world.slept == []


def test_what_is_gone_already_is_recorded_and_not_waited_for():
    world = World()
    assert destroy(world, A) == {A: None}
    assert world.events == [("gone", {"key": "made.a"})]
    assert (world.sent, world.locked, world.slept) == ([], [], [])
    assert world.progress == [("made.a", "gone", 0.0)]


def test_what_somebody_else_deletes_is_waited_for():
    world = World()
    going = Observed("id-a", {}, deleting=True, status="deleting")
    world.becomes["made.a"] = [going, going, going, None]
    destroy(world, A)
    assert world.events == [("gone", {"key": "made.a"})]
    assert world.sent == []
    assert world.slept == [0.25, 0.25]
    assert world.progress == [("made.a", "deleting", 0.0), ("made.a", "deleting", 0.25), ("made.a", "gone", 0.5)]


def test_the_lock_is_ensured_before_each_deletion_and_goes_last():
    world, bucket = World(), MadeBucket(name="lock")
    world.there(A, B, bucket)
    destroy(world, bucket, A, B)
    assert world.sent == ["delete made.b", "delete made.a", "delete made_bucket.lock"]
    assert world.locked == [{}, {}, {"deletes_bucket": True}]


@pytest.mark.parametrize(
    "error", [rejected("DependencyViolation"), rejected("Throttling", retryable=True), rejected("NotYet")]
)
def test_what_is_in_use_for_a_while_is_deleted_again(error):
    """Because of its code, of what AWS says of the request, or of what the kind knows."""
    world = World()
    world.there(A)
    world.errors["made.a"] = [error, error]
    destroy(world, A)
    assert world.sent == ["delete made.a"] * 3
    assert [status for _, status, _ in world.progress] == [
        "deleting", "still in use", "deleting", "still in use", "deleting", "gone",
    ]  # fmt: skip
    assert world.slept == [0.25, 0.25]
    (change,) = told(world, "change")
    assert (change["waited"], change["sent"], change["took"]) == (0.0, 0.5, 0.5)


def test_what_uses_it_is_named_while_it_is_waited_for():
    world = World()
    world.there(A)
    world.users["made.a"] = "eni-1"
    world.errors["made.a"] = [rejected()]
    destroy(world, A)
    assert ("made.a", "still in use by eni-1", 0.25) in world.progress


def test_what_aws_refuses_for_good_stops_the_destroy():
    world = World()
    world.there(A)
    world.users["made.a"] = "nobody is asked"
    world.errors["made.a"] = [rejected("AccessDenied")]
    with pytest.raises(RequestRejected) as stopped:
        destroy(world, A)
    assert (stopped.value.what, stopped.value.fix, stopped.value.code) == (
        "made.a: AWS says AccessDenied.", "Wait.", "AccessDenied",
    )  # fmt: skip
    assert world.events == [
        ("change", {"ok": False, "error": str(rejected("AccessDenied")), "key": "made.a", "action": "delete",
                    "fields": {}, "needs": [], "after": [], "waited": 0.0, "sent": 0.0, "took": 0.0}),
    ]  # fmt: skip


@pytest.mark.parametrize("users", ["", "eni-1 of a load balancer"])
def test_what_stays_in_use_stops_the_destroy_when_its_time_is_over(users):
    """With AWS's last error, not as a timeout; and with what uses it."""
    world = World()
    world.there(A)
    world.users["made.a"] = users
    world.errors["made.a"] = [rejected(message="in use", retryable=True, outcome_known=False)] * 1000
    with pytest.raises(RequestRejected) as stopped:
        destroy(world, A)
    assert 150 < world.elapsed < 160
    error = stopped.value
    assert (error.code, error.message, error.retryable, error.outcome_known) == (
        "DependencyViolation", "in use", True, False,
    )  # fmt: skip
    if users:
        assert error.what == "made.a: AWS says DependencyViolation. It is still used by eni-1 of a load balancer."
        assert error.fix == (
            "AWS removes the interfaces of its own services some time after what they belonged to: destroy again"
            " later. Delete yourself what is not this runbook's."
        )
    else:
        assert (error.what, error.fix) == ("made.a: AWS says DependencyViolation.", "Wait.")


def test_what_somebody_else_deletes_while_it_is_refused_is_recorded():
    """As gone: evidence has a result of each planned change."""
    world = World()
    world.there(A)
    one = world.things["made.a"]
    world.becomes["made.a"] = [one, one, None]
    world.errors["made.a"] = [rejected()]
    destroy(world, A)
    assert world.events == [("gone", {"key": "made.a"})]
    assert world.sent == ["delete made.a"]


def test_what_is_refused_once_and_accepted_then_is_not_in_use_any_more():
    """And does not go on for ever: it has to go in its time."""
    world = World()
    world.there(A)
    one = world.things["made.a"]
    world.becomes["made.a"] = [one, one, one, *[replace(one, deleting=True, status="going")] * 1000]
    world.errors["made.a"] = [rejected()]
    with pytest.raises(WaitTimeout):
        destroy(world, A)
    assert [status for _, status, _ in world.progress[:5]] == ["deleting", "still in use", "deleting", "going", "going"]


def test_of_several_that_go_each_is_told_at_each_turn():
    world, other = World(), Made(name="c")
    world.there(A, other)
    one = world.things["made.c"]
    world.becomes["made.c"] = [one, replace(one, deleting=True, status="going"), None]
    destroy(world, A, other)
    assert world.progress == [
        ("made.a", "deleting", 0.0), ("made.c", "deleting", 0.0), ("made.a", "gone", 0.0), ("made.c", "going", 0.0),
        ("made.c", "gone", 0.0),
    ]  # fmt: skip


def test_what_aws_made_again_before_it_was_deleted_is_deleted_once():
    world = World()
    world.there(A)
    again = Observed("id-a2", {}, recreated=True)
    world.becomes["made.a"] = [again, again, again, None]
    world.errors["made.a"] = [rejected()]
    destroy(world, A)
    assert world.sent == ["delete made.a"] * 2
    assert [kind for kind, _ in world.events] == ["change", "settled"]


def test_times_are_written_in_milliseconds():
    world = World()
    world.takes = 0.12345
    world.there(A)
    destroy(world, A)
    (change,) = told(world, "change")
    assert (change["waited"], change["sent"], change["took"]) == (0.0, 0.123, 0.123)


@pytest.mark.parametrize("refused", [True, False])
def test_the_time_to_go_includes_its_last_moment(monkeypatch, refused):
    """A deletion is sent, or looked for, once more when the time is just over."""
    monkeypatch.setattr(Made, "wait_timeout", 0.25 - 90)
    monkeypatch.setattr(Made, "delete_timeout", -90)
    world = World()
    world.there(A)
    one = world.things["made.a"]
    world.errors["made.a"] = [rejected()] * 9 if refused else []
    world.becomes["made.a"] = [one] * 99 if refused else [one, *[replace(one, deleting=True)] * 99]
    with pytest.raises(RequestRejected if refused else WaitTimeout):
        destroy(world, A)
    assert world.elapsed == 0.5
    assert len(world.sent) == (3 if refused else 1)


def test_what_is_gone_although_its_deletion_was_refused_is_recorded():
    world = World()
    world.there(A)
    world.becomes["made.a"] = [world.things["made.a"], None]
    world.errors["made.a"] = [rejected("NoSuchThing")]
    destroy(world, A)
    assert world.events == [("gone", {"key": "made.a"})]
    assert world.sent == ["delete made.a"]


def test_what_does_not_go_in_time_is_named():
    world = World()
    world.there(A)
    stays = Observed("id-a", {}, deleting=True, status="deleting")
    world.becomes["made.a"] = [world.things["made.a"], *[stays] * 1000]
    with pytest.raises(WaitTimeout, match=r"made.a \(id-a\) was not ready within 60 s; last status: deleting"):
        destroy(world, A)
    assert 150 < world.elapsed < 160


def test_a_kind_may_take_longer_to_go(monkeypatch):
    monkeypatch.setattr(Made, "delete_timeout", 600)
    world = World()
    world.there(A)
    world.becomes["made.a"] = [world.things["made.a"], *[Observed("id-a", {}, deleting=True)] * 1000]
    with pytest.raises(WaitTimeout):
        destroy(world, A)
    assert 690 < world.elapsed < 710


def test_what_aws_makes_again_is_deleted_again():
    world = World()
    world.there(A)
    one = world.things["made.a"]
    again = Observed("id-a2", {}, recreated=True)
    world.becomes["made.a"] = [one, again, None]
    destroy(world, A)
    assert world.sent == ["delete made.a"] * 2
    assert len(told(world, "change")) == 2
    assert told(world, "settled") == [{"key": "made.a"}]


def test_what_remains_is_recorded(monkeypatch):
    """Once AWS has accepted its deletion."""
    world = World()
    world.there(A, retain="a snapshot of it")
    destroy(world, A)
    assert told(world, "left") == [{"key": "made.a", "id": "id-a", "reason": "a snapshot of it"}]
