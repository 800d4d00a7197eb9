"""The loop that does all the work, on an account of our own making: no AWS, and no time that really passes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from runbook_lib.aws.shared_reads import Reads
from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.engine.plan import Action
from runbook_lib.errors import (
    Blocked,
    Failed,
    Locked,
    MissingDependency,
    NoAccess,
    NotOwned,
    RequestRejected,
    WaitTimeout,
)
from runbook_lib.journal.journal import Journal
from runbook_lib.resources.base import Observed, Remainder, Resource, kind
from runbook_lib.stacks.stack import Stack


@dataclass
class Made:
    """A thing in the account; it is ready, or gone, when its time has come."""

    size: int
    shape: str
    ready_at: float
    seen_at: float = 0.0
    gone_at: float | None = None
    failed: str = ""


IN_USE = (
    "DependencyViolation", "DeleteConflict", "ResourceInUse", "ResourceInUseException", "InvalidIPAddress.InUse",
    "InvalidDBSubnetGroupStateFault", "InvalidDBParameterGroupState", "ScalingActivityInProgress", "IncorrectState",
    "InvalidDBInstanceState", "BucketNotEmpty", "CacheSubnetGroupInUse", "InvalidReplicationGroupState",
    "InvalidCacheClusterState",
)  # fmt: skip
"""As EC2, IAM, ELB, CodeDeploy, RDS, Auto Scaling, S3 and ElastiCache say that something is still used."""


@dataclass
class World:
    """An account that keeps its own time, and a diary of all that is done to it."""

    env: str = "test"
    account: str = "123456789012"
    region: str = "us-west-2"
    reads: Reads = field(default_factory=Reads)
    now: float = 0.0
    things: dict[str, Made] = field(default_factory=dict)
    wrote: list[tuple[str, str]] = field(default_factory=list)
    at: dict[tuple[str, str], float] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    late: dict[str, float] = field(default_factory=dict)
    leaves: dict[str, float] = field(default_factory=dict)
    breaks: dict[str, str] = field(default_factory=dict)
    answers: dict[tuple[str, str], list[Exception | None]] = field(default_factory=dict)
    looked: int = 0
    adopted: dict[str, str] = field(default_factory=dict)

    def sleep(self, seconds):
        self.now += seconds

    def write(self, verb, name, deed):
        """Do it, unless the next answer for it is a refusal; one that is uncertain comes as it says."""
        answers = self.answers.get((verb, name), [])
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Lost) and answer.done:
            self.done(verb, name, deed)
        if answer:
            raise answer
        self.done(verb, name, deed)

    def done(self, verb, name, deed):
        self.wrote.append((verb, name))
        self.at[verb, name] = self.now
        deed()

    def find(self, name):
        self.looked += 1
        made = self.things.get(name)
        if made and made.gone_at is not None and made.gone_at <= self.now:
            del self.things[name]
        return self.things.get(name) if made and made.seen_at <= self.now else None

    def add(self, name, size, shape="round"):
        assert name not in self.things, f"{name} is there twice"
        ready, seen = self.now + self.takes.get(name, 0), self.now + self.late.get(name, 0)
        self.things[name] = Made(size, shape, ready, seen)


class Lost(RequestRejected):
    """No answer came; *done* says whether AWS heard."""

    def __init__(self, *, done):
        super().__init__("no answer", fix="Try again.", code="NoAnswer", retryable=True, outcome_known=False)
        self.done = done


class Exists(RequestRejected):
    """The request before has arrived just now."""

    done = True

    def __init__(self):
        super().__init__("it was refused: AlreadyExists", fix="Choose another name.", code="AlreadyExists")


def refused(code, **more):
    return RequestRejected(f"it was refused: {code}", fix="Correct it.", code=code, **more)


@kind
class Thing(Resource):
    """Stands on others, some of which it needs ready."""

    size: int = 1
    shape: str = "round"
    on: tuple[Resource, ...] = ()
    on_ready: tuple[Resource, ...] = ()

    immutable = frozenset({"shape"})
    ready_fields = frozenset({"on_ready"})
    eventual_errors = frozenset({"NotHeardOf"})

    def desired(self, ids):
        return {"size": self.size, "shape": self.shape}

    def observe(self, look, ids):
        world = look.aws
        made = world.find(self.key)
        if made is None:
            return None
        ready = made.ready_at <= world.now
        failed = world.breaks.get(self.key, "") if ready else ""
        status = "deleting" if made.gone_at is not None else "available" if ready else "pending"
        state = {"size": made.size, "shape": made.shape}
        there = ready and not failed
        return Observed(self.key, state, ready=there, status=status, failed=failed, deleting=made.gone_at is not None)

    def create(self, aws, ids):
        for need in self.dependencies:
            assert need in ids, f"{need.key} has no id yet"
        aws.write("create", self.key, lambda: aws.add(self.key, self._first(), self.shape))

    def _first(self):
        return self.size

    def update(self, aws, ids, seen, drift):
        assert drift == {"size"}
        aws.write("update", self.key, lambda: setattr(aws.things[self.key], "size", self.size))

    def delete(self, aws, ids, seen):
        gone = aws.now + aws.leaves.get(self.key, 0)
        aws.write("delete", self.key, lambda: setattr(aws.things[self.key], "gone_at", gone))


@kind
class Hasty(Thing):
    wait_timeout = 30


@kind
class Bare(Thing):
    """Made without its size, which is set by an update."""

    def _first(self):
        return 0


@kind
class Slow(Bare):
    update_when_ready = True


@kind
class Long(Thing):
    wait_timeout = 1200


@kind
class LongSlow(Slow):
    wait_timeout = 1200


@kind
class Dear(Thing):
    @property
    def retain(self):
        return "it is dear to us"


@kind
class Used(Thing):
    def users(self, snapshot, observed):
        return "eni-1 of somebody"


@kind
class Holder(Thing):
    holds_lock = True


@kind
class Lingering(Thing):
    delete_timeout = 1000


@kind
class Returning(Thing):
    """Something else creates it again while it is being deleted."""

    def come_back(self, world, at):
        find = world.find

        def found(name):
            made = find(name)
            if made and made.gone_at is not None and world.now >= at and not world.takes.get("returned"):
                world.takes["returned"] = 1
                made.gone_at = None
            return made

        world.find = found

    def observe(self, look, ids):
        observed = super().observe(look, ids)
        again = bool(observed and not observed.deleting and look.aws.takes.get("returned"))
        return replace(observed, recreated=again) if observed else None


@kind
class External(Thing):
    external = True


@pytest.fixture
def world():
    return World()


@pytest.fixture
def start(world, tmp_path):
    """A new run on the account."""

    def engine(**more):
        clock = Clock(now=lambda: world.now, sleep=world.sleep)
        return Engine(world, Journal(tmp_path / "journal.jsonl"), clock=clock, **more)

    return engine


@pytest.fixture
def engine(start):
    return start()


def stack(*resources):
    return Stack("s", all=resources)


def journal(tmp_path):
    return [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]


class TestStartEarlyWaitLate:
    def test_an_apply_returns_when_aws_has_accepted(self, engine, world):
        """Nobody waits for a thing of which an id is enough, however long it takes."""
        a = Thing(name="a")
        world.takes = {"thing.a": 1000}
        engine.apply(stack(a, Thing(name="b", on=(a,))))
        assert world.wrote == [("create", "thing.a"), ("create", "thing.b")]
        assert world.now == 0

    def test_what_needs_another_ready_waits_for_that_one_only(self, engine, world):
        a, slow = Thing(name="a"), Thing(name="slow")
        world.takes = {"thing.a": 40, "thing.slow": 1000}
        engine.apply(stack(a, slow, Thing(name="b", on=(slow,), on_ready=(a,))))
        assert 40 <= world.at["create", "thing.b"] < 60
        assert world.things["thing.slow"].ready_at == 1000

    def test_a_need_is_waited_for_until_it_is_enough(self, engine, world, monkeypatch):
        """Who needs it says what is: a status may do that is not ready yet."""
        monkeypatch.setattr(Hasty, "is_satisfied_by", lambda self, observed: observed.status == "pending")
        world.takes = {"thing.a": 100}
        a = Thing(name="a")
        engine.apply(stack(a, Hasty(name="b", on_ready=(a,))))
        assert world.at["create", "hasty.b"] == 0

    def test_all_that_needs_no_waiting_is_started_before_the_first_wait(self, engine, world):
        """In the order of the stack: what is independent is declared first, and starts at once."""
        a = Thing(name="a")
        world.takes = {"thing.a": 40}
        engine.apply(stack(a, Thing(name="free"), Thing(name="b", on_ready=(a,))))
        assert world.at["create", "thing.free"] == 0

    def test_settling_waits_side_by_side(self, engine, world):
        """Three that take a minute each take a minute together."""
        world.takes = {f"thing.{name}": 60 for name in "abc"}
        things = stack(*(Thing(name=name) for name in "abc"))
        engine.apply(things)
        engine.wait_until_ready(things, engine.survey(things))
        assert 60 <= world.now < 75

    @pytest.mark.parametrize("seconds", [1, 20, 150, 280, 1000])
    def test_it_is_noticed_soon_after_it_happens(self, engine, world, seconds):
        """At most a quarter of a second late after a short wait, and a fortieth, or 10 s, after a longer one."""
        for other in (LongSlow(name="updated"), Long(name="created")):
            world.now = 0.0
            world.takes = {other.key: seconds}
            engine.apply(stack(other, after := Thing(name=f"after-{other.name}", on_ready=(other,))))
            assert world.at["create", after.key] <= seconds + min(max(0.25, seconds / 40), 10)

    def test_a_long_wait_asks_no_more_than_aws_allows(self, engine, world):
        """Of what takes ten minutes, fewer than two looks in five seconds on average."""
        slow = Long(name="slow")
        world.takes = {"long.slow": 600}
        engine.apply(stack(slow, Thing(name="b", on_ready=(slow,))))
        assert world.looked < 240

    def test_settling_what_is_ready_takes_no_time(self, engine, world):
        things = stack(Thing(name="a"))
        engine.apply(things)
        engine.wait_until_ready(things, engine.survey(things))
        assert world.now == 0

    def test_who_watches_hears_what_is_awaited_and_for_how_long(self, engine, world):
        world.takes = {"thing.a": 5}
        a, heard = Thing(name="a"), []
        engine.apply(stack(a))
        engine.wait_until_ready(
            [a], engine.survey(stack(a)), lambda resource, status, took: heard.append((status, took))
        )
        assert {status for status, _ in heard} == {"pending", "available"}
        assert heard[-1][0] == "available"
        assert heard[-1][1] >= 5

    def test_patience_ends(self, engine, world):
        """It is said which, how long was waited, what was seen last, and how to go on; what is done stays done."""
        world.takes = {"hasty.a": 100}
        a = Hasty(name="a")
        engine.apply(stack(a))
        with pytest.raises(WaitTimeout, match=r"hasty\.a was not ready within 30 s; last status: pending"):
            engine.wait_until_ready([a], engine.survey(stack(a)))
        assert 30 <= world.now < 45
        world.now = 200
        engine.wait_until_ready([a], engine.survey(stack(a), refresh=True))

    def test_what_aws_calls_failed_is_not_waited_for(self, engine, world):
        world.takes = {"thing.a": 5}
        world.breaks = {"thing.a": "no capacity"}
        a = Thing(name="a")
        engine.apply(stack(a))
        with pytest.raises(Failed, match=r"thing\.a failed: no capacity"):
            engine.wait_until_ready([a], engine.survey(stack(a)))
        assert world.now < 15

    def test_what_needs_something_that_failed_is_not_begun(self, engine, world):
        world.takes = {"thing.a": 5}
        world.breaks = {"thing.a": "no capacity"}
        a = Thing(name="a")
        with pytest.raises(Failed, match=r"thing\.a failed"):
            engine.apply(stack(a, Thing(name="b", on_ready=(a,))))
        assert world.wrote == [("create", "thing.a")]

    def test_what_is_being_deleted_is_waited_for_and_then_made_anew(self, engine, world):
        """It is neither there nor gone; to make it now would be refused, or make it twice."""
        world.add("thing.a", 1)
        world.things["thing.a"].gone_at = 25.0
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]
        assert 25 <= world.at["create", "thing.a"] < 45

    def test_what_a_create_left_out_is_set_at_once(self, engine, world):
        world.takes = {"bare.a": 50}
        engine.apply(stack(Bare(name="a", size=3)))
        assert world.wrote == [("create", "bare.a"), ("update", "bare.a")]
        assert world.now == 0

    def test_what_takes_changes_only_when_ready_is_changed_then(self, engine, world):
        world.takes = {"slow.a": 50}
        engine.apply(stack(Slow(name="a", size=3)))
        assert world.wrote == [("create", "slow.a"), ("update", "slow.a")]
        assert 50 <= world.at["update", "slow.a"] < 70

    def test_a_new_thing_that_shows_late_is_not_made_twice(self, engine, world):
        """AWS lists new things late; the one that was accepted is waited for, however long it takes to show."""
        world.late = {"thing.a": 45}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]
        assert world.now >= 45


class TestWhatStandsInTheWay:
    def test_what_aws_cannot_change_in_place_stops_before_anything_is_done(self, engine, world):
        world.add("thing.b", 1, shape="square")
        with pytest.raises(Blocked, match=r"thing\.b: AWS cannot change shape in place"):
            engine.apply(stack(Thing(name="a"), Thing(name="b")))
        assert world.wrote == []

    def test_what_is_given_and_missing_stops_before_anything_is_done(self, engine, world):
        with pytest.raises(Blocked, match=r"external\.theirs: does not exist, and this runbook does not create it"):
            engine.apply(stack(Thing(name="a"), External(name="theirs")))
        assert world.wrote == []

    def test_a_need_of_an_earlier_layer_that_is_missing_is_named(self, engine, world):
        with pytest.raises(MissingDependency, match=r"s needs thing\.below, which does not exist"):
            engine.apply(stack(Thing(name="a", on=(Thing(name="below"),))))
        assert world.wrote == []

    def test_a_need_that_another_notebook_is_making_is_waited_for(self, start, world):
        below, heard = Thing(name="below"), []

        def coming():
            if world.now > 20 and "thing.below" not in world.things:
                world.add("thing.below", 1)
            return True

        a = stack(Thing(name="a", on=(below,)))
        start(dependencies_pending=coming).apply(
            a, on_progress=lambda resource, status, took: heard.append((resource.key, status))
        )
        assert world.wrote == [("create", "thing.a")]
        assert ("thing.below", "awaited") in heard

    def test_a_need_is_not_waited_for_once_the_others_are_done(self, start, world):
        """What another notebook made with its last breath is still seen; what it did not make is missing."""
        below = Thing(name="below")

        def ended():
            world.add("thing.below", 1)
            looked.append(engine.snapshot)
            return False

        looked, engine = [], start(dependencies_pending=ended)
        engine.apply(stack(Thing(name="a", on=(below,))))
        assert world.wrote == [("create", "thing.a")]
        assert engine.snapshot not in looked
        with pytest.raises(MissingDependency, match=r"thing\.other"):
            start(dependencies_pending=lambda: world.now < 10).apply(stack(Thing(name="b", on=(Thing(name="other"),))))

    def test_a_need_that_never_comes_is_waited_for_only_within_its_patience(self, start, world):
        with pytest.raises(MissingDependency, match=r"hasty\.below"):
            start(dependencies_pending=lambda: True).apply(stack(Thing(name="a", on=(Hasty(name="below"),))))
        assert 30 < world.now < 60


class TestLostAnswers:
    @pytest.mark.parametrize("late", [0, 15])
    def test_a_create_that_happened_is_never_sent_twice(self, engine, world, late):
        """Although its answer was lost, and AWS shows it late."""
        world.answers = {("create", "thing.a"): [Lost(done=True)]}
        world.late = {"thing.a": late}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]

    def test_a_create_that_did_not_happen_is_sent_again(self, engine, world):
        """After a while in which it would have shown up."""
        world.answers = {("create", "thing.a"): [Lost(done=False), Lost(done=False)]}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]
        assert world.at["create", "thing.a"] >= 20

    def test_it_is_looked_for_as_long_when_it_was_sent_late(self, engine, world):
        """The one before had to go first: what counts is when the answer was lost, not when the work began."""
        world.add("thing.a", 1)
        world.things["thing.a"].gone_at = 40.0
        world.answers = {("create", "thing.a"): [Lost(done=True)]}
        world.late = {"thing.a": 15}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]

    @pytest.mark.parametrize("done", [True, False])
    def test_an_update_is_looked_for_and_sent_again_if_need_be(self, engine, world, done):
        world.add("thing.a", 1)
        world.answers = {("update", "thing.a"): [Lost(done=done)]}
        engine.apply(stack(Thing(name="a", size=2)))
        assert world.wrote == [("update", "thing.a")]
        assert world.things["thing.a"].size == 2

    def test_an_update_that_shows_late_is_sent_once(self, start, world, monkeypatch):
        world.add("thing.a", 1)
        late = replace(world.things["thing.a"], size=2)

        def update(self, aws, ids, seen, drift):
            aws.write("update", self.key, lambda: None)

        def sleep(seconds):
            world.now += seconds
            if world.now > 10:
                world.things["thing.a"] = late

        monkeypatch.setattr(Thing, "update", update)
        monkeypatch.setattr(world, "sleep", sleep, raising=False)
        start().apply(stack(Thing(name="a", size=2)))
        assert world.wrote == [("update", "thing.a")]

    @pytest.mark.parametrize("done", [True, False])
    def test_a_delete_is_looked_for_and_sent_again_if_need_be(self, engine, world, done):
        world.add("thing.a", 1)
        world.answers = {("delete", "thing.a"): [Lost(done=done)]}
        engine.destroy(stack(Thing(name="a")))
        assert world.wrote == [("delete", "thing.a")]
        assert world.things == {}

    def test_no_answer_at_all_is_given_up_in_the_end_naming_the_resource(self, engine, world):
        world.answers = {("create", "thing.a"): [Lost(done=False)] * 1000}
        with pytest.raises(RequestRejected, match=r"thing\.a: no answer"):
            engine.apply(stack(Thing(name="a")))
        assert 180 <= world.now < 220

    def test_what_aws_would_make_twice_is_looked_for_until_a_request_is_too_old(self, engine, world, monkeypatch):
        """A proxy may hold a request back for longer than the client waits: it arrives while the run looks for it."""
        monkeypatch.setattr(Thing, "repeatable_create", False)
        world.answers = {("create", "thing.a"): [Lost(done=True)]}
        world.late = {"thing.a": 200}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]

    def test_it_is_sent_again_once_a_request_is_too_old(self, engine, world, monkeypatch):
        monkeypatch.setattr(Thing, "repeatable_create", False)
        world.answers = {("create", "thing.a"): [Lost(done=False)]}
        engine.apply(stack(Thing(name="a")))
        assert 320 <= world.at["create", "thing.a"] < 340

    def test_what_was_never_sent_is_sent_again_at_once(self, engine, world, monkeypatch):
        """There was no connection."""
        monkeypatch.setattr(Thing, "repeatable_create", False)
        unsent = Lost(done=False)
        unsent.outcome_known = True
        world.answers = {("create", "thing.a"): [unsent]}
        engine.apply(stack(Thing(name="a")))
        assert world.at["create", "thing.a"] < 5

    def test_that_a_name_is_taken_after_a_lost_answer_means_looking_again(self, engine, world):
        """The request before was carried out late: after the second one was sent, and before it arrived."""
        world.answers = {("create", "thing.a"): [Lost(done=False), Exists()]}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]


class TestRefusals:
    def test_that_aws_has_not_heard_of_a_need_yet_is_worth_another_try(self, engine, world):
        world.answers = {("create", "thing.a"): [refused("NotHeardOf")] * 3}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]
        assert world.now > 0

    def test_throttling_is_worth_another_try(self, engine, world):
        world.answers = {("create", "thing.a"): [refused("Throttling", retryable=True)]}
        engine.apply(stack(Thing(name="a")))
        assert world.wrote == [("create", "thing.a")]

    def test_throttling_is_worth_another_try_also_after_a_long_wait(self, engine, world):
        """It took ten minutes to be ready for the change, and the first word AWS has for it is to wait a little."""
        world.takes = {"long_slow.a": 600}
        world.answers = {("update", "long_slow.a"): [refused("Throttling", retryable=True)]}
        engine.apply(stack(LongSlow(name="a", size=3)))
        assert [verb for verb, _ in world.wrote] == ["create", "update"]

    def test_any_other_refusal_is_raised_at_once_naming_the_resource(self, engine, world, tmp_path):
        """What was done before stays done; the journal says what was refused."""
        world.answers = {("create", "thing.b"): [refused("AccessDenied")]}
        with pytest.raises(RequestRejected, match=r"thing\.b: it was refused: AccessDenied") as stopped:
            engine.apply(stack(Thing(name="a"), Thing(name="b"), Thing(name="c")))
        assert stopped.value.code == "AccessDenied"
        assert world.wrote == [("create", "thing.a")]
        assert world.now == 0
        assert [(line["key"], line["ok"]) for line in journal(tmp_path)] == [("thing.a", True), ("thing.b", False)]

    def test_what_aws_keeps_refusing_is_raised_within_minutes(self, engine, world):
        world.answers = {("create", "thing.a"): [refused("NotHeardOf")] * 1000}
        with pytest.raises(RequestRejected, match=r"thing\.a: .*NotHeardOf"):
            engine.apply(stack(Thing(name="a")))
        assert 90 <= world.now < 120

    def test_credentials_that_ran_out_are_no_refusal_and_stop_it(self, engine, world):
        world.answers = {("create", "thing.a"): [NoAccess("AWS does not know these", fix="Sign in again.")]}
        with pytest.raises(NoAccess):
            engine.apply(stack(Thing(name="a")))

    def test_the_next_apply_goes_on_from_there(self, start, world):
        world.answers = {("create", "thing.b"): [refused("AccessDenied")]}
        both = stack(Thing(name="a"), Thing(name="b"))
        with pytest.raises(RequestRejected):
            start().apply(both)
        start().apply(both)
        assert world.wrote == [("create", "thing.a"), ("create", "thing.b")]


class TestLeave:
    def test_every_write_is_allowed_and_held_first(self, start, world):
        """The approval is asked, and the lock looked at, before each write and not only once."""
        said = []

        def hold():
            said.append(("hold", len(world.wrote)))

        engine = start(ensure_lock=hold)
        world.add("thing.c", 1)
        engine.apply(
            stack(Thing(name="a"), Thing(name="b"), Thing(name="c", size=2)),
            require_approval=lambda change: said.append((f"{change.action} {change.key}", len(world.wrote))),
        )
        for key, before in (("create thing.a", 0), ("create thing.b", 1), ("update thing.c", 2)):
            assert (key, before) in said
            assert ("hold", before) in said
        assert len(world.wrote) == 3

    def test_nothing_is_begun_when_one_change_is_not_allowed(self, engine, world):
        def allow(change):
            if change.key == "thing.b":
                raise Blocked("not approved", fix="Review it.")

        things = stack(Thing(name="a"), Thing(name="b"))
        with pytest.raises(Blocked):
            engine.apply(things, require_approval=allow)
        assert world.wrote == []
        world.add("thing.a", 1)
        world.add("thing.b", 1)
        with pytest.raises(Blocked):
            engine.destroy(things, require_approval=allow)
        assert world.wrote == []

    def test_what_holds_the_lock_is_deleted_last(self, start, world, monkeypatch):
        """Nothing depends on it, and the lock has to outlive everything else; before that it is renewed."""
        asked = []
        monkeypatch.setattr(Long, "holds_lock", True)
        world.leaves = {"thing.a": 100}
        world.add("thing.a", 1)
        world.add("long.bucket", 1)
        start(ensure_lock=lambda **how: asked.append(how)).destroy(stack(Thing(name="a"), Long(name="bucket")))
        assert world.wrote == [("delete", "thing.a"), ("delete", "long.bucket")]
        assert world.at["delete", "long.bucket"] >= 100
        assert asked == [{}, {"deletes_bucket": True}]

    @pytest.mark.parametrize("verb", ["apply", "destroy"])
    def test_nothing_is_written_once_the_lock_is_lost(self, start, world, verb):
        def hold():
            if world.wrote:
                raise Blocked("the lock is not ours", fix="Wait.")

        if verb == "destroy":
            world.add("thing.a", 1)
            world.add("thing.b", 1)
        with pytest.raises(Blocked, match="lock"):
            getattr(start(ensure_lock=hold), verb)(stack(Thing(name="a"), Thing(name="b")))
        assert len(world.wrote) == 1

    def test_drift_that_comes_up_meanwhile_needs_leave_too(self, start, world):
        """What somebody changed between the plan and the write was never reviewed as such."""
        asked = []

        def allow(change):
            asked.append((change.key, change.action, change.fields.get("size")))
            if len(asked) == 1:
                world.things["thing.a"].size = 7

        world.add("thing.a", 1)
        start().apply(stack(Thing(name="a", size=2)), require_approval=allow)
        assert asked == [("thing.a", Action.UPDATE, (1, 2)), ("thing.a", Action.UPDATE, (7, 2))]

    @pytest.mark.parametrize("there", [True, False])
    def test_each_part_of_an_update_needs_leave_unless_it_was_made_with_it(self, start, world, monkeypatch, there):
        """What a create leaves out was approved with it; what an update leaves out is a change of its own."""
        parts = iter([("size", 3), ("shape", "square")])

        def update(self, aws, ids, seen, drift):
            aws.write("update", self.key, lambda: setattr(aws.things[self.key], *next(parts)))

        for name, value in (("update", update), ("immutable", frozenset())):
            monkeypatch.setattr(Bare, name, value)
        monkeypatch.setattr(
            Bare, "create", lambda self, aws, ids: aws.write("create", self.key, lambda: aws.add(self.key, 0))
        )
        if there:
            world.add("bare.a", 0)
        asked = []
        start().apply(
            stack(Bare(name="a", size=3, shape="square")),
            require_approval=lambda change: asked.append((change.action, sorted(change.fields))),
        )
        both, rest = ["shape", "size"], ["shape"]
        assert [verb for verb, _ in world.wrote] == ["create"] * (not there) + ["update", "update"]
        assert asked == (
            [(Action.UPDATE, both), (Action.UPDATE, both), (Action.UPDATE, rest)]
            if there
            else [(Action.CREATE, both)] * 2
        )


class TestRemoval:
    @pytest.fixture
    def tower(self, engine, world):
        """c on b on a, and d beside them."""
        a = Thing(name="a")
        b = Thing(name="b", on=(a,))
        tower = stack(a, b, Thing(name="c", on_ready=(b,)), Thing(name="d"))
        engine.apply(tower)
        world.wrote.clear()
        return tower

    def test_what_needs_a_thing_goes_first_and_is_gone_before(self, engine, world, tower):
        world.leaves = {"thing.c": 30}
        engine.destroy(tower)
        assert world.at["delete", "thing.b"] >= 30
        assert world.at["delete", "thing.a"] >= world.at["delete", "thing.b"]
        assert world.things == {}

    def test_what_nothing_needs_goes_at_once(self, engine, world, tower):
        world.leaves = {"thing.c": 30}
        engine.destroy(tower)
        assert world.at["delete", "thing.d"] == 0

    def test_it_returns_when_all_of_it_is_gone(self, engine, world, tower):
        world.leaves = {"thing.a": 50}
        engine.destroy(tower)
        assert world.now >= 50
        assert world.find("thing.a") is None
        assert engine.plan(tower, present=False, refresh=True).todo == ()

    @pytest.mark.parametrize("code", ["NotHeardOf", *IN_USE])
    def test_what_is_still_in_use_is_tried_again(self, engine, world, tower, code, tmp_path):
        """AWS's own bookkeeping lags behind; the others go meanwhile."""
        world.answers = {("delete", "thing.a"): [refused(code)] * 4}
        heard = []
        engine.destroy(tower, on_progress=lambda resource, status, took: heard.append((resource.key, status)))
        assert world.things == {}
        assert ("thing.a", "still in use") in heard
        assert Counter(world.wrote) == Counter([("delete", f"thing.{name}") for name in "abcd"])
        changes = [line for line in journal(tmp_path) if line["event"] == "change"]
        assert [line["ok"] for line in changes if line["key"] == "thing.a"][1:] == [True]

    def test_what_something_else_uses_for_good_is_named(self, engine, world, tower, tmp_path):
        world.answers = {("delete", "thing.a"): [refused("DependencyViolation")] * 1000}
        with pytest.raises(RequestRejected, match=r"thing\.a: it was refused: DependencyViolation"):
            engine.destroy(tower)
        assert set(world.things) == {"thing.a"}
        assert Thing.wait_timeout <= world.now < 300
        assert journal(tmp_path)[-1]["ok"] is False

    def test_who_uses_it_is_named_while_it_is_waited_for_and_at_the_end(self, engine, world):
        """AWS removes the interfaces of its own services later; what is somebody else's, never."""
        world.add("used.x", 1)
        x, heard = Used(name="x"), []
        world.answers = {("delete", "used.x"): [refused("DependencyViolation", message="eni-1")] * 1000}
        with pytest.raises(RequestRejected) as caught:
            engine.destroy(stack(x), on_progress=lambda resource, status, took: heard.append(status))
        assert "still in use by eni-1 of somebody" in heard
        assert caught.value.what == (
            "used.x: it was refused: DependencyViolation It is still used by eni-1 of somebody."
        )
        assert "destroy again later" in caught.value.fix
        assert (caught.value.code, caught.value.message) == ("DependencyViolation", "eni-1")

    def test_who_uses_it_is_not_asked_when_aws_refuses_for_another_reason(self, engine, world):
        world.add("used.x", 1)
        world.answers = {("delete", "used.x"): [refused("AccessDenied")]}
        with pytest.raises(RequestRejected) as caught:
            engine.destroy(stack(Used(name="x")))
        assert caught.value.fix == "Correct it."

    def test_what_holds_the_lock_goes_last_of_all(self, start, world, tmp_path):
        """And the lock is told that its bucket goes with it."""
        world.leaves, asked = {"thing.z": 40}, []
        for name in ("holder.h", "thing.z"):
            world.add(name, 1)
        start(ensure_lock=lambda **how: asked.append(how)).destroy(stack(Holder(name="h"), Thing(name="z")))
        assert asked == [{}, {"deletes_bucket": True}]
        assert world.at["delete", "holder.h"] >= 40

    def test_what_comes_back_is_deleted_again(self, engine, world):
        """Something else creates it anew, as a service its log group."""
        world.add("returning.r", 1)
        r = Returning(name="r")
        world.leaves = {"returning.r": 5}
        r.come_back(world, at=3)
        engine.destroy(stack(r))
        assert [verb for verb, _ in world.wrote] == ["delete", "delete"]

    def test_the_journal_says_how_long_each_deletion_took(self, start, world, tower, tmp_path):
        """Since its turn came, since AWS accepted it; what AWS refuses, too. And when it was gone."""
        world.leaves = {"thing.c": 30}
        world.answers = {("delete", "thing.d"): [refused("DependencyViolation")] * 4}
        start().destroy(tower)
        lines = journal(tmp_path)
        changes = {line["key"]: line for line in lines if line["event"] == "change" and line["action"] == "delete"}
        assert changes["thing.b"]["waited"] == changes["thing.b"]["sent"] >= 30
        assert changes["thing.d"]["waited"] == 0 < changes["thing.d"]["sent"] == changes["thing.d"]["took"]
        assert all(line["ready"] is False for line in changes.values())
        assert changes["thing.c"]["after"] == ["thing.b"]
        assert changes["thing.b"]["needs"] == ["thing.a"]
        assert [line["key"] for line in lines if line["event"] == "settled"].count("thing.c") == 1

    def test_a_deletion_that_takes_its_own_time_is_waited_for(self, engine, world):
        """Longer than the resource takes to be created."""
        world.add("lingering.l", 1)
        world.leaves = {"lingering.l": 900}
        engine.destroy(stack(Lingering(name="l")))
        assert world.now >= 900

    def test_any_other_refusal_is_raised_at_once(self, engine, world, tower):
        world.answers = {("delete", "thing.c"): [refused("AccessDenied")]}
        with pytest.raises(RequestRejected, match=r"thing\.c: it was refused: AccessDenied"):
            engine.destroy(tower)
        assert world.now == 0

    def test_what_went_without_us_is_written_down(self, engine, world, tower, tmp_path):
        """So that the evidence says of every planned removal what came of it."""
        world.things["thing.c"].gone_at = 20.0
        engine.destroy(tower)
        told = {line["key"]: line["event"] for line in journal(tmp_path) if line["event"] in ("change", "gone")}
        assert told == {"thing.a": "change", "thing.b": "change", "thing.c": "gone", "thing.d": "change"}

    def test_gone_is_gone_whoever_did_it(self, engine, world, tower):
        """AWS says that it does not exist, because somebody else was faster: that is what was wanted."""

        class Faster(RequestRejected):
            pass

        def vanish(*_):
            del world.things["thing.c"]
            raise Faster("no such thing", fix="", code="NotFound")

        before = Thing.delete
        try:
            Thing.delete = lambda self, *a: vanish() if self.key == "thing.c" else before(self, *a)
            engine.destroy(tower)
        finally:
            Thing.delete = before
        assert world.things == {}

    def test_what_is_already_going_is_only_waited_for(self, engine, world, tower):
        world.things["thing.c"].gone_at = 20.0
        engine.destroy(tower)
        assert ("delete", "thing.c") not in world.wrote
        assert world.at["delete", "thing.b"] >= 20

    def test_what_never_goes_is_named(self, engine, world, tower):
        world.leaves = {"thing.c": 10_000}
        with pytest.raises(WaitTimeout, match=r"thing\.c was not ready .*; last status: deleting"):
            engine.destroy(tower)
        assert {"thing.a", "thing.b"} <= set(world.things)

    def test_it_keeps_what_it_must_keep(self, engine, world):
        """What is kept stays, and so does what is not there to be removed: that of somebody else."""
        world.add("dear.x", 1)
        world.add("external.y", 1)
        world.add("thing.z", 1)
        plan = engine.destroy(stack(Dear(name="x"), External(name="y"), Thing(name="z"), Thing(name="never")))
        assert world.wrote == [("delete", "thing.z")]
        assert [(c.key, c.action, c.reason) for c in plan.changes if c.action is Action.KEEP] == [
            ("dear.x", Action.KEEP, "left on purpose: it is dear to us; its id is dear.x")
        ]

    @pytest.mark.parametrize("kind_of", [Thing, Dear])
    def test_what_remains_is_written_down(self, engine, world, tmp_path, monkeypatch, kind_of):
        """Of what is deleted, and of what is kept on purpose: somebody pays for it."""
        left = Remainder("snap-1", "a snapshot")
        monkeypatch.setattr(kind_of, "left_behind", lambda self, observed: left if self.name == "a" else None)
        a, b = kind_of(name="a"), kind_of(name="b")
        for thing in (a, b):
            world.add(thing.key, 1)
        engine.destroy(stack(a, b))
        written = [line for line in journal(tmp_path) if line["event"] == "left"]
        assert [(line["key"], line["id"], line["reason"]) for line in written] == [(a.key, "snap-1", "a snapshot")]

    def test_only_what_the_stack_names_is_removed(self, engine, world, tower):
        engine.destroy(stack(tower["thing.d"]))
        assert world.wrote == [("delete", "thing.d")]


class TestLooking:
    def test_a_plan_reads_again_what_is_older_than_half_a_minute(self, engine, world):
        """What a survey has read a moment ago is read again only when that is asked for."""
        things = stack(Thing(name="a"))
        for look in (engine.plan, engine.survey):
            look(things, refresh=True)
            first = engine.snapshot
            look(things)
            world.now += 30
            look(things)
            assert engine.snapshot is first
            look(things, refresh=True)
            second = engine.snapshot
            assert second is not first
            world.now += 30.25
            look(things)
            assert engine.snapshot is not second

    def test_a_plan_writes_nothing(self, engine, world):
        world.add("thing.b", 2)
        plan = engine.plan(stack(Thing(name="a"), Thing(name="b")))
        assert plan.count == {"create": 1, "update": 1}
        assert world.wrote == []
        assert engine.plan(stack(Thing(name="b")), present=False).count == {"delete": 1}
        assert world.wrote == []

    def test_cells_share_a_look_only_as_long_as_it_is_fresh(self, start, world):
        engine, looks = start(snapshot_age=30), []
        watched = stack(Thing(name="a"))
        world.find = lambda name: None
        for at in (0, 29, 31):
            world.now = float(at)
            engine.survey(watched)
            looks.append(engine._snapshot)
        assert looks[0] is looks[1]
        assert looks[1] is not looks[2]

    def test_an_apply_believes_nothing_older_than_itself(self, engine, world):
        """Between two changes of one apply somebody may act: each thing is looked at again before it is changed."""
        world.add("thing.b", 1)
        b = Thing(name="b", size=2)

        def allow(change):
            if change.key == "thing.b" and world.wrote:
                return
            world.things["thing.b"].size = 2

        engine.apply(stack(Thing(name="a"), b), require_approval=allow)
        assert world.wrote == [("create", "thing.a")]

    def test_nothing_to_do_does_nothing(self, engine, world):
        things = stack(Thing(name="a"), Bare(name="b", size=2))
        engine.apply(things)
        world.wrote.clear()
        assert engine.apply(things).todo == ()
        assert world.wrote == []
        engine.destroy(things)
        assert engine.destroy(things).todo == ()


@pytest.mark.parametrize("verb", ["apply", "wait", "destroy"])
def test_the_lock_is_kept_while_something_is_waited_for(world, start, verb):
    """No pause is as long as its lease, also when nothing is written for an hour; a lost lock ends the waiting."""
    web = Hasty(name="web", on_ready=(database := LongSlow(name="database"),))
    kept = []

    def keep():
        kept.append(world.now)
        if verb == "apply" and len(kept) > 5:
            raise Locked("another run has it", fix="Wait.")

    engine = start(keep_lock=keep)
    world.takes = {database.key: 900}
    world.leaves = {database.key: 900}
    if verb == "apply":
        with pytest.raises(Locked):
            engine.apply(Stack("s", database=database, web=web))
        assert ("create", web.key) not in world.wrote
        return
    start().apply(Stack("s", database=database))
    began = world.now
    if verb == "wait":
        world.things[database.key].ready_at = began + 900
        engine.wait_until_ready([database], engine.survey([database], refresh=True))
    else:
        engine.destroy(Stack("s", database=database))
    assert world.now - began >= 900
    assert max(later - earlier for earlier, later in pairwise([began, *kept])) <= 10


class TestToTheSecond:
    """On a clock that is looked at every quarter of a second."""

    @pytest.fixture
    def world(self, world):
        sleep = world.sleep
        world.sleep = lambda seconds: sleep(0.25)
        return world

    @pytest.mark.parametrize(("repeatable", "seconds"), [(True, 20), (False, 320)])
    @pytest.mark.parametrize("heard_after", [0, 5, 310])
    def test_a_lost_create_is_looked_for_before_it_is_sent_again(
        self, start, world, monkeypatch, repeatable, seconds, heard_after
    ):
        """From when the answer was lost; where AWS would make two, from when it was sent."""
        monkeypatch.setattr(Thing, "repeatable_create", repeatable)
        monkeypatch.setattr(Thing, "wait_timeout", 1000)
        lose(world, Thing, monkeypatch, heard_after)
        start().apply(stack(Thing(name="a")))
        expected = max(heard_after + 20, 0 if repeatable else seconds)
        assert expected <= world.at["create", "thing.a"] <= expected + 0.25

    @pytest.mark.parametrize(("repeatable", "seconds"), [(True, 180), (False, 960)])
    def test_no_answer_is_given_up_after_that_long(self, start, world, monkeypatch, repeatable, seconds):
        monkeypatch.setattr(Thing, "repeatable_create", repeatable)
        monkeypatch.setattr(Thing, "wait_timeout", 10_000)
        world.things["thing.a"] = Made(1, "round", 0.0)
        world.answers = {("update", "thing.a"): [Lost(done=False)] * 10_000}
        with pytest.raises(RequestRejected, match=r"thing\.a: no answer"):
            start().apply(stack(Thing(name="a", size=2)))
        assert world.now == seconds

    def test_what_has_reached_aws_in_between_begins_the_outage_anew(self, start, world, monkeypatch):
        """Each of two outages is shorter than the longest; between them a part of the update was heard."""
        world.things["thing.a"] = Made(1, "round", 0.0)
        silence = [Lost(done=False)] * (4 * 170)
        world.answers = {("update", "thing.a"): [*silence, Lost(done=True), *silence]}
        parts = iter([("size", 3), ("shape", "square")])

        def update(self, aws, ids, seen, drift):
            aws.write("update", self.key, lambda: setattr(aws.things[self.key], *next(parts)))

        for name, value in (("update", update), ("wait_timeout", 10_000), ("immutable", frozenset())):
            monkeypatch.setattr(Thing, name, value)
        start().apply(stack(Thing(name="a", size=3, shape="square")))
        assert [verb for verb, _ in world.wrote] == ["update", "update"]
        assert world.now >= 2 * 170

    def test_a_server_error_may_have_been_carried_out(self, start, world):
        """AWS has the request: what it makes may show up within 20 s."""
        error = refused("InternalError", retryable=True, outcome_known=False)
        world.answers = {("create", "thing.a"): [error]}
        start().apply(stack(Thing(name="a")))
        assert world.at["create", "thing.a"] == 20

    @pytest.mark.parametrize("code", ["NotHeardOf", "Throttling"])
    def test_a_refusal_is_tried_again_for_ninety_seconds(self, start, world, code):
        world.answers = {("create", "thing.a"): [refused(code, retryable=code == "Throttling")] * 10_000}
        with pytest.raises(RequestRejected, match=code):
            start().apply(stack(Thing(name="a")))
        assert world.now == 90

    def test_after_a_lost_answer_any_refusal_is_tried_again_for_as_long(self, start, world):
        world.answers = {("create", "thing.a"): [Lost(done=False)] + [Exists()] * 10_000}
        with pytest.raises(RequestRejected, match="AlreadyExists"):
            start().apply(stack(Thing(name="a")))
        assert world.now == 20 + 90

    @pytest.mark.parametrize("kind_of", [Hasty, Thing])
    def test_what_does_not_become_as_desired_is_given_up(self, start, world, monkeypatch, kind_of):
        """After its own patience, and ninety seconds in which AWS may show it late."""
        monkeypatch.setattr(kind_of, "update", lambda self, aws, *a: aws.write("update", self.key, lambda: None))
        thing = kind_of(name="a", size=2)
        world.things[thing.key] = Made(1, "round", 0.0)
        with pytest.raises(WaitTimeout, match=rf"{thing.key} was not ready within .*; last status: available"):
            start().apply(stack(thing))
        assert world.now == kind_of.wait_timeout + 90
        assert world.wrote == [("update", thing.key)]

    def test_what_was_lost_is_waited_for_as_much_longer_as_it_was_looked_for(self, start, world, monkeypatch):
        monkeypatch.setattr(Hasty, "repeatable_create", False)
        world.answers = {("create", "hasty.a"): [Lost(done=True)]}
        world.late = {"hasty.a": 310}
        start().apply(stack(Hasty(name="a")))
        assert world.wrote == [("create", "hasty.a")]
        assert world.now == 310

    def test_after_a_lost_create_it_is_given_up_twenty_seconds_later(self, start, world, monkeypatch):
        """Whatever the clock shows."""
        monkeypatch.setattr(Hasty, "_first", lambda self: 0)
        monkeypatch.setattr(Hasty, "update", lambda self, aws, *a: aws.write("update", self.key, lambda: None))
        world.now = 1000.0
        world.answers = {("create", "hasty.a"): [Lost(done=True)]}
        with pytest.raises(WaitTimeout):
            start().apply(stack(Hasty(name="a")))
        assert world.now == 1000 + 30 + 90 + 20

    def test_after_a_lost_update_a_refusal_is_a_refusal(self, start, world):
        """An update is seen in what AWS shows: nothing has to be looked for."""
        world.things["thing.a"] = Made(1, "round", 0.0)
        world.answers = {("update", "thing.a"): [Lost(done=False), refused("AccessDenied")]}
        with pytest.raises(RequestRejected, match="AccessDenied"):
            start().apply(stack(Thing(name="a", size=2)))
        assert world.now == 0.25

    def test_a_deletion_that_never_ends_is_given_up(self, start, world):
        world.things["thing.a"] = Made(1, "round", 0.0, gone_at=10_000.0)
        with pytest.raises(WaitTimeout, match=r"thing\.a was not ready within 120 s; last status: deleting"):
            start().apply(stack(Thing(name="a")))
        assert world.now == 120 + 90
        assert world.wrote == []

    def test_patience_ends_on_time(self, start, world):
        world.takes = {"hasty.a": 100}
        a, engine = Hasty(name="a"), start()
        engine.apply(stack(a))
        with pytest.raises(WaitTimeout):
            engine.wait_until_ready([a], engine.survey(stack(a)))
        assert world.now == 30

    def test_the_journal_says_how_long_each_part_took(self, start, world, tmp_path):
        """Until its needs were ready, until AWS had accepted every request, and in all."""
        world.takes = {"thing.a": 40, "slow.b": 30}
        a = Thing(name="a")
        start().apply(stack(a, Slow(name="b", size=3, on_ready=(a,)), Thing(name="c")))
        times = {
            e["key"]: [e[n] for n in ("waited", "sent", "took")] for e in journal(tmp_path) if e["event"] == "change"
        }
        assert times == {"thing.a": [0, 0, 0], "slow.b": [40, 70, 70], "thing.c": [0, 0, 0]}

    def test_it_is_told_in_milliseconds(self, world, tmp_path):
        """A clock has more digits than anybody reads."""
        moments = iter(number / 7 for number in range(1000))
        clock = Clock(now=lambda: next(moments), sleep=world.sleep)
        Engine(world, Journal(tmp_path / "journal.jsonl"), clock=clock).apply(stack(Thing(name="a")))
        took = [e["took"] for e in journal(tmp_path) if e["event"] == "change"]
        assert took == [round(took[0], 3)]
        assert took != [round(took[0], 2)]

    @pytest.mark.parametrize(("kind_of", "seconds"), [(Hasty, 30), (Thing, 120), (Lingering, 1000)])
    @pytest.mark.parametrize("refused_with", ["", "DependencyViolation", "Throttling"])
    def test_a_deletion_is_given_up_after_its_patience(self, start, world, tmp_path, kind_of, seconds, refused_with):
        """Its own, and ninety seconds in which AWS may show it late; the last refusal says more than the time."""
        thing = kind_of(name="a")
        world.now = 5000.0
        world.add(thing.key, 1)
        world.leaves = {thing.key: 10_000}
        error = refused(refused_with, retryable=refused_with == "Throttling")
        world.answers = {("delete", thing.key): [error] * 10_000} if refused_with else {}
        with pytest.raises(RequestRejected if refused_with else WaitTimeout) as given_up:
            start().destroy(stack(thing))
        assert given_up.value.what.startswith(thing.key)
        assert (refused_with or "last status: deleting") in given_up.value.what
        assert world.now == 5000 + seconds + 90 + 0.25
        (event,) = [line for line in journal(tmp_path) if line["event"] == "change"]
        assert (event["key"], event["ok"]) == (thing.key, not refused_with)
        assert (event["waited"], event["took"]) == (0, world.now - 5000 if refused_with else 0)
        assert refused_with in event.get("error", "")

    def test_once_accepted_a_deletion_is_no_longer_refused(self, start, world):
        """What was still in use is not, and is waited for like any other."""
        world.add("thing.a", 1)
        world.leaves = {"thing.a": 10_000}
        world.answers = {("delete", "thing.a"): [refused("DependencyViolation")] * 4}
        heard = []
        with pytest.raises(WaitTimeout, match="last status: deleting"):
            start().destroy(stack(Thing(name="a")), on_progress=lambda r, status, took: heard.append(status))
        assert list(dict.fromkeys(heard)) == ["deleting", "still in use"]
        assert heard[-1] == "deleting"

    @pytest.mark.parametrize("kind_of", [Used, Thing])
    def test_what_stays_in_use_is_told_as_aws_said_it(self, start, world, kind_of):
        """With who uses it and what to do, where that is known; a program still reads AWS's own code."""
        error = refused("DependencyViolation", message="resource has a dependent", retryable=True, outcome_known=False)
        thing = kind_of(name="a")
        world.add(thing.key, 1)
        world.answers = {("delete", thing.key): [error] * 10_000}
        with pytest.raises(RequestRejected) as told:
            start().destroy(stack(thing))
        found = told.value
        assert (found.code, found.message) == ("DependencyViolation", "resource has a dependent")
        assert (found.retryable, found.outcome_known) == (True, False)
        used = " It is still used by eni-1 of somebody." if kind_of is Used else ""
        assert found.what == f"{thing.key}: it was refused: DependencyViolation{used}"
        assert found.fix.startswith("AWS removes the interfaces") is bool(used)

    def test_who_uses_it_is_looked_up_in_what_aws_shows(self, start, world, monkeypatch):
        world.add("thing.a", 1)
        world.answers = {("delete", "thing.a"): [refused("DependencyViolation")]}
        monkeypatch.setattr(Thing, "users", lambda self, snapshot, observed: f"{snapshot.aws.account} {observed.id}")
        heard = []
        start().destroy(stack(Thing(name="a")), on_progress=lambda r, status, took: heard.append(status))
        assert "still in use by 123456789012 thing.a" in heard

    def test_a_destroy_says_what_goes_when(self, start, world, tmp_path):
        """Each when what stands on it is gone; what was gone or going before is no change of this run."""
        world.now = 1000.0
        a, c, d = (Thing(name=name) for name in "acd")
        b = Thing(name="b", on=(a,))
        world.leaves = {"thing.b": 10, "thing.a": 5}
        for thing in (a, b, c, d):
            world.add(thing.key, 1)
        world.things["thing.c"].gone_at = 1007.0
        heard = []
        start().destroy(stack(a, b, c), on_progress=lambda r, status, took: heard.append((r.key, status, took)))
        told = [(e["event"], e.get("key"), e.get("waited"), e.get("sent")) for e in journal(tmp_path)]
        assert told == [
            ("gone", "thing.c", None, None), ("change", "thing.b", 0, 0), ("settled", "thing.b", None, None),
            ("change", "thing.a", 10, 10), ("settled", "thing.a", None, None),
        ]  # fmt: skip
        words = dict.fromkeys((key, status) for key, status, _ in heard)
        assert list(words) == [
            ("thing.b", "deleting"), ("thing.c", "deleting"), ("thing.c", "gone"), ("thing.b", "gone"),
            ("thing.a", "deleting"), ("thing.a", "gone"),
        ]  # fmt: skip
        assert {key: took for key, status, took in heard if status == "gone"} == {
            "thing.a": 5,
            "thing.b": 10,
            "thing.c": 7,
        }
        assert {took for _, status, took in heard if status == "deleting"} >= {0.0}
        assert max(took for _, _, took in heard) == 10
        assert list(world.things) == ["thing.d"]

    def test_a_refusal_to_delete_is_told_at_once_with_its_needs(self, start, world, tmp_path):
        a = Thing(name="a")
        b = Thing(name="b", on_ready=(a,))
        for thing in (a, b):
            world.add(thing.key, 1)
        world.answers = {("delete", "thing.b"): [refused("AccessDenied")]}
        with pytest.raises(RequestRejected, match=r"thing\.b: it was refused: AccessDenied"):
            start().destroy(stack(a, b))
        assert world.now == 0
        (event,) = journal(tmp_path)
        assert (event["ok"], event["needs"], event["after"]) == (False, ["thing.a"], ["thing.a"])
        assert event["error"].startswith("it was refused: AccessDenied")


def lose(world, kind_of, monkeypatch, heard_after):
    """The first create's answer is lost, and it takes the client that long to give it up; AWS has not heard it."""
    world.answers = {("create", "thing.a"): [Lost(done=False)]}
    create = kind_of.create

    def late(self, aws, ids):
        try:
            create(self, aws, ids)
        except Lost:
            world.now += heard_after
            raise

    monkeypatch.setattr(kind_of, "create", late)


class TestHowOftenItLooks:
    def test_when_something_is_gone_it_looks_again_soon(self, start, world):
        """What went at the same time as another is gone at about the same time."""
        a, b = Thing(name="a"), Thing(name="b")
        for thing in (a, b):
            world.add(thing.key, 1)
        world.leaves = {"thing.a": 100, "thing.b": 108}
        start().destroy(stack(a, b))
        assert 108 <= world.now < 109


class TestWhatIsSaidMeanwhile:
    def heard(self, start, *resources):
        heard = []
        start().apply(
            stack(*resources), on_progress=lambda resource, status, took: heard.append((resource.key, status))
        )
        return list(dict.fromkeys(heard))

    def test_what_is_made_and_what_is_changed(self, start, world):
        """The last word is AWS's own."""
        world.add("thing.b", 1)
        assert self.heard(start, Thing(name="a"), Thing(name="b", size=2)) == [
            ("thing.a", "creating"), ("thing.a", "available"), ("thing.b", "updating"), ("thing.b", "available"),
        ]  # fmt: skip

    def test_what_it_waits_for(self, start, world):
        world.takes = {"slow.a": 30}
        assert self.heard(start, Slow(name="a", size=3)) == [
            ("slow.a", "creating"), ("slow.a", "pending"), ("slow.a", "available"),
        ]  # fmt: skip

    def test_that_the_old_one_goes_first(self, start, world):
        world.things["thing.a"] = Made(1, "round", 0.0, gone_at=10.0)
        assert [status for _, status in self.heard(start, Thing(name="a"))] == ["creating", "available"]


class TestWhatChangesMeanwhile:
    """Between the plan and the write, somebody else is at work."""

    def meanwhile(self, start, deed, *resources):
        done = []

        def allow(change):
            if not done:
                done.append(deed())

        return start().apply(stack(*resources), require_approval=allow)

    def test_what_cannot_be_changed_in_place_is_told_then(self, start, world):
        world.add("thing.a", 1)
        deed = lambda: setattr(world.things["thing.a"], "shape", "square")  # noqa: E731
        with pytest.raises(Blocked) as blocked:
            self.meanwhile(start, deed, Thing(name="a", size=2))
        assert blocked.value.what == "thing.a: AWS cannot change shape in place"
        assert blocked.value.fix == "Write the old value in params/ again: only a new resource can have another one."
        assert world.wrote == []

    def test_all_fields_are_named_in_order_with_the_way_out(self, start, world, monkeypatch):
        monkeypatch.setattr(Thing, "immutable", frozenset({"shape", "size"}))
        monkeypatch.setattr(Thing, "remedy", lambda self, observed, fields: f"Undo {'+'.join(sorted(fields))}.")

        def deed():
            world.things["thing.b"] = Made(5, "square", 0.0)

        with pytest.raises(Blocked) as blocked:
            self.meanwhile(start, deed, Thing(name="a"), Thing(name="b"))
        assert blocked.value.what == "thing.b: AWS cannot change shape, size in place"
        assert blocked.value.fix == "Undo shape+size."

    def test_what_turns_out_to_be_somebody_else_s_is_left_alone(self, start, world, monkeypatch):
        observe = Thing.observe

        def seen(self, look, ids):
            found = observe(self, look, ids)
            return replace(found, foreign="belongs to team B") if found and world.things[self.key].size == 9 else found

        monkeypatch.setattr(Thing, "observe", seen)
        world.add("thing.a", 1)
        deed = lambda: setattr(world.things["thing.a"], "size", 9)  # noqa: E731
        with pytest.raises(NotOwned, match=r"thing\.a: belongs to team B\."):
            self.meanwhile(start, deed, Thing(name="a", size=2))
        assert world.wrote == []

    def test_an_old_failure_is_mended_and_a_new_one_stops(self, start, world):
        """A change may be what mends it; what fails in another way meanwhile is told."""
        world.add("thing.a", 1)
        world.breaks = {"thing.a": "no capacity"}
        start().apply(stack(Thing(name="a", size=2)))
        assert world.wrote == [("update", "thing.a")]
        with pytest.raises(Failed, match=r"thing\.a failed: on fire"):
            self.meanwhile(start, lambda: world.breaks.update({"thing.a": "on fire"}), Thing(name="a", size=3))
        assert world.wrote == [("update", "thing.a")]

    def test_nothing_is_sent_to_what_is_going(self, start, world):
        """Neither is leave asked for it, nor the lock."""
        world.things["thing.a"] = Made(5, "round", 0.0, gone_at=10.0)
        asked = []
        start(ensure_lock=lambda: asked.append(world.now)).apply(
            stack(Thing(name="a")), require_approval=lambda change: asked.append(change.action)
        )
        assert asked[:2] == [Action.CREATE, Action.CREATE]
        assert len(asked) == 3
        assert asked[2] >= 10

    def test_a_failure_that_the_change_mends_is_over(self, start, world, monkeypatch):
        world.add("thing.a", 1)
        world.breaks = {"thing.a": "no capacity"}

        def update(self, aws, ids, seen, drift):
            aws.breaks.clear()
            aws.write("update", self.key, lambda: setattr(aws.things[self.key], "size", self.size))

        monkeypatch.setattr(Thing, "update", update)
        start().apply(stack(Thing(name="a", size=2)))
        assert world.wrote == [("update", "thing.a")]

    def test_what_fails_while_it_is_made_is_told(self, start, world):
        world.takes = {"slow.a": 10}
        world.breaks = {"slow.a": "no capacity"}
        with pytest.raises(Failed, match=r"slow\.a failed: no capacity"):
            start().apply(stack(Slow(name="a", size=3)))

    def test_the_tags_and_the_fields_are_set_and_nothing_else(self, start, world, monkeypatch):
        tags, told = {"Name": "a", "Owner": "me"}, []
        world.tag_map = lambda resource: {"Name": "a", "Owner": "us"}
        observe = Thing.observe

        def write(aws, new):
            told.append(new)
            tags.update(new)

        def seen(self, look, ids):
            found = observe(self, look, ids)
            return replace(found, tagging=SimpleNamespace(tags=tags, write=write)) if found else None

        monkeypatch.setattr(Thing, "observe", seen)
        world.add("thing.a", 1)
        start().apply(stack(Thing(name="a")))
        assert (told, world.wrote) == ([{"Owner": "us"}], [])
        start().apply(stack(Thing(name="a", size=2)))
        assert (told, world.wrote) == ([{"Owner": "us"}], [("update", "thing.a")])
