"""When everything in a run was done, and what it waited for: from the journal alone, and as people read it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from runbook_lib.cli.timeline import MAX_ROWS, MAX_STEPS, WIDTH, render_timeline
from runbook_lib.engine.context import Clock
from runbook_lib.engine.engine import Engine
from runbook_lib.journal.journal import Journal
from runbook_lib.journal.reader import events_of
from runbook_lib.journal.timeline import Span, Timeline, build_timeline
from tests.engine.test_engine import Thing, World, stack

ZERO = datetime(2026, 11, 24, 8, 0, 0, tzinfo=UTC)


def at(seconds, event, **data):
    return {"at": (ZERO + timedelta(seconds=seconds)).isoformat(timespec="milliseconds"), "event": event, **data}


def change(seconds, key, took=0.0, *, waited=0.0, sent=None, ready=False, needs=(), after=(), **more):
    """A change that was accepted at this moment; it took so long, and had waited and sent after so long."""
    times = {"took": took, "waited": waited, "sent": took if sent is None else sent}
    data = {"key": key, "action": "create", "ok": True, "notebook": "01", "ready": ready, **times, **more}
    return at(seconds, "change", **data, needs=list(needs), after=list(after))


def settled(seconds, key):
    return at(seconds, "settled", key=key)


def spans(*events):
    return {span.key: span for span in build_timeline([at(0, "open"), *events]).spans}


def path(*events):
    return [span.key for span, _ in build_timeline([at(0, "open"), *events]).critical]


def test_a_change_has_its_parts():
    """It waited, acted, and settled, in seconds from the first thing that the run wrote down."""
    nat = spans(change(10, "nat.a", took=6, waited=4, sent=5), settled(120, "nat.a"))["nat.a"]
    assert (nat.queued, nat.started, nat.sent, nat.accepted, nat.settled) == (4, 8, 9, 10, 120)
    assert (nat.end, nat.duration) == (120, 116)


def test_what_was_ready_at_once_has_settled_when_it_was_accepted():
    assert spans(change(10, "vpc.main", ready=True))["vpc.main"].settled == 10


def test_what_nobody_saw_ready_has_not_settled():
    """A run that was cut short claims nothing."""
    assert spans(change(10, "nat.a"))["nat.a"].settled is None


def test_what_settled_is_the_last_change_of_its_resource():
    found = build_timeline(
        [at(0, "open"), change(1, "db.a", ready=True), change(5, "db.a", action="update"), settled(9, "db.a")]
    )
    assert [(span.action, span.settled) for span in found.spans] == [("create", 1), ("update", 9)]


def test_a_run_is_as_long_as_its_journal():
    """Also when most of the time nothing was changed; and what else is in the journal does not matter."""
    found = build_timeline([at(0, "open"), change(2, "vpc.main", ready=True), at(3, "call", ms=5), at(60, "ended")])
    assert (found.makespan, len(found.spans)) == (60, 1)
    assert build_timeline([]).spans == ()
    assert lines(at(60, "ended")) == []


def test_journals_of_before_have_no_times():
    """What was written without them is left out, and stops nothing."""
    assert spans(at(3, "change", key="vpc.main", action="create", ok=True)) == {}


def test_the_critical_path_goes_over_what_had_to_be_ready():
    """The route waited for the gateway, which waited for nothing but its turn."""
    events = [
        change(1, "vpc.main", took=1, ready=True),
        change(2, "nat.a", took=1, needs=["vpc.main"]),
        change(3, "db.a", took=1, needs=["vpc.main"]),
        settled(50, "db.a"),
        settled(110, "nat.a"),
        change(111, "route.a", took=108, waited=107, ready=True, needs=["nat.a"], after=["nat.a"]),
    ]
    assert path(*events) == ["vpc.main", "nat.a", "route.a"]


def test_an_id_is_enough_for_what_does_not_wait():
    """The listener needed the balancer's id, not that it was active; the balancer ended last all the same."""
    events = [
        change(1, "lb.a", took=1),
        change(2, "listener.a", took=1, ready=True, needs=["lb.a"]),
        settled(170, "lb.a"),
    ]
    assert path(*events) == ["lb.a"]


def test_notebooks_side_by_side_do_not_wait_for_each_other():
    """Only what needs something of the other one does."""
    events = [
        change(10, "vpc.main", took=10, ready=True),
        change(30, "db.a", took=20, notebook="02", needs=["vpc.main"]),
        change(40, "lb.a", took=25, notebook="03", needs=["vpc.main"], ready=True),
        settled(300, "db.a"),
    ]
    assert path(*events) == ["vpc.main", "db.a"]


def test_a_removal_waits_for_what_stands_on_it():
    """Until that is gone; waiting with all the others is not its own time."""
    gone = [
        change(1, "nat.a", took=1, action="delete", needs=["subnet.a"]),
        settled(51, "nat.a"),
        change(52, "subnet.a", took=52, waited=51, action="delete", needs=["vpc.main"]),
        settled(53, "subnet.a"),
        change(54, "vpc.main", took=54, waited=53, action="delete"),
        settled(55, "vpc.main"),
    ]
    assert path(*gone) == ["nat.a", "subnet.a", "vpc.main"]
    assert spans(*gone)["subnet.a"].duration == 2


def lines(*events, width=WIDTH):
    """The timeline as the command prints it into a log of this width."""
    console = Console(width=width)
    with console.capture() as capture:
        console.print(render_timeline(build_timeline([at(0, "open"), *events])))
    return [line.rstrip() for line in capture.get().splitlines()]


def bar(line):
    """The phases of a change: where its bar begins, and how long each phase is."""
    (drawn,) = re.findall(r"[·█─]+", line)
    return line.index(drawn), drawn.count("·"), drawn.count("█"), drawn.count("─")


def test_it_is_drawn_to_scale():
    """100 seconds on the 73 columns that the names leave."""
    title, legend, ruler, vpc, nat, chain = lines(
        change(10, "vpc.main", took=10, ready=True, sent=10),
        change(60, "nat.a", took=40, waited=20, sent=30, needs=["vpc.main"], after=["vpc.main"]),
        settled(100, "nat.a"),
    )
    assert title == "Timeline: 2 changes in 1 min 40 s"
    assert legend == "  · waits  █ acts  ─ settles  * on the critical path"
    assert ruler.split() == ["0", "25", "50", "75", "100", "s"]
    assert bar(vpc) == (ruler.index("0"), 0, 7, 0)
    assert bar(nat) == (ruler.index("0") + 15, 15, 7, 37)
    assert nat.endswith("20.0 +80.0 s")
    assert (vpc[0], nat[0]) == ("*", "*")
    assert chain == "Critical path: vpc.main 10.0 s → nat.a 1 min 00 s"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_it_fits_the_terminal_in_a_few_lines(width):
    """The longest are shown in the order in which they began; the others are counted."""
    many = [change(2 + n, f"security_group_rule.from-somewhere-far-away-{n:03}", took=2 + n / 100) for n in range(90)]
    drawn = lines(*many, width=width)
    assert max(map(len, drawn)) <= width
    assert len(drawn) <= MAX_ROWS + 3 * MAX_STEPS
    assert "  … and 80 that took less than 2.8 s" in drawn
    began = [float(line.split()[-3]) for line in drawn[3 : 3 + MAX_ROWS]]
    assert began == sorted(began)


def test_at_80_columns_it_names_things_whole():
    """Of four names that are cut, nobody knows which is which."""
    name = "route_table_association.private-us-west-2a"
    assert any(f" {name} " in line for line in lines(change(3, name, took=3), width=80))


def test_what_took_no_time_is_only_counted():
    """As at pace 0, where everything is ready at once."""
    drawn = lines(*[change(n / 10, f"thing.{n}", took=0.1, ready=True) for n in range(5)])
    assert drawn == ["Timeline: 5 changes in 0.4 s", "  each of them took less than a second"]
    drawn = lines(change(3, "db.a", took=3, ready=True), change(3.1, "thing.a", took=0.1, ready=True))
    assert "  … and 1 that took less than a second" in drawn


@pytest.mark.parametrize(("ok", "told"), [(True, ">3.0 s"), (False, "+3.0 s ✗")])
def test_what_failed_and_what_was_not_seen_to_its_end_is_told(ok, told):
    assert lines(change(3, "db.a", took=3, ok=ok))[3].endswith(told)


def test_the_engine_writes_down_all_that_it_takes(tmp_path):
    """A thing that is ready later, one that waits for it, and both removed again."""
    world = World(takes={"thing.a": 30.0}, leaves={"thing.a": 5.0})
    moments = Clock(lambda: world.now, world.sleep)
    journal = Journal(tmp_path / "journal.jsonl", clock=lambda: ZERO + timedelta(seconds=world.now))
    journal.write("open")
    engine = Engine(world, journal, clock=moments)
    first = Thing(name="a")
    things = stack(first, Thing(name="b", on_ready=(first,)))
    engine.apply(things)
    engine.wait_until_ready(things, engine.survey(things))
    built = {span.key: span for span in build_timeline(events_of(journal.path)).spans}
    assert built["thing.a"].settled >= 30
    assert built["thing.b"].started >= built["thing.a"].settled
    assert built["thing.b"].queued < 5
    built_at = world.now
    engine.destroy(things)
    removed = [span for span in build_timeline(events_of(journal.path)).spans if span.action == "delete"]
    assert {span.key: span.settled is not None for span in removed} == {"thing.a": True, "thing.b": True}
    assert min(span.queued for span in removed) >= built_at - 0.001  # the journal tells milliseconds


def test_a_removal_waits_for_the_notebook_before_it():
    """And not for what its own notebook removes beside it."""
    gone = [
        change(1, "group.a", took=1, action="delete", notebook="03"),
        settled(100, "group.a"),
        change(101, "bucket.a", took=1, action="delete", notebook="02", ready=True),
        change(102, "db.a", took=1, action="delete", notebook="02"),
        settled(300, "db.a"),
    ]
    assert path(*gone) == ["group.a", "db.a"]


class TestWhatAChangeWaitedFor:
    """Of its notebook all that was there before it; of others only what it needs."""

    @pytest.mark.parametrize(("notebook", "found"), [("01", ["bucket.a", "db.a"]), ("02", ["db.a"])])
    def test_the_changes_before_it_in_its_notebook(self, notebook, found):
        assert path(change(5, "bucket.a", took=5), change(9, "db.a", took=8, waited=4, notebook=notebook)) == found

    @pytest.mark.parametrize(("notebook", "found"), [("02", ["bucket.a", "db.a"]), ("01", ["db.a"])])
    def test_of_removals_it_is_the_other_way_round(self, notebook, found):
        removed = {"action": "delete", "ready": True}
        before = change(5, "bucket.a", took=5, **removed, notebook=notebook)
        assert path(before, change(9, "db.a", took=8, waited=4, **removed)) == found

    @pytest.mark.parametrize(("waited", "found"), [(9.94, ["b"]), (9.95, ["a", "b"]), (10, ["a", "b"])])
    def test_what_came_after_its_start_did_not_hold_it_up(self, waited, found):
        """Though two times may be out of order by a twentieth of a second."""
        assert path(change(10, "a", took=10), change(12, "b", took=12, waited=waited)) == found

    @pytest.mark.parametrize(("took", "found"), [(0.15, ["b"]), (0.2, ["b"]), (0.21, ["a", "b"]), (0.3, ["a", "b"])])
    def test_nor_did_what_was_begun_after_it_while_it_waited(self, took, found):
        assert path(change(0.5, "a", took=took), change(12, "b", took=11.75, waited=9.75)) == found

    def test_the_last_of_several(self):
        first, last = change(4, "a", took=4), change(6, "b", took=3)
        assert path(first, last, change(9, "c", took=5, waited=2)) == ["b", "c"]
        assert path(last, first, change(9, "c", took=5, waited=2)) == ["b", "c"]

    def test_the_path_tells_from_when_on_the_next_could_start(self):
        events = [change(5, "a", took=5), settled(20, "a"), change(30, "b", took=29, waited=19, needs=["a"])]
        found = build_timeline([at(0, "open"), *events, settled(40, "b")])
        assert [(span.key, end) for span, end in found.critical] == [("a", 5), ("b", 40)]
        ready = build_timeline([at(0, "open"), *events[:2], change(30, "b", took=29, waited=19, after=["a"])])
        assert [(span.key, end) for span, end in ready.critical] == [("a", 20), ("b", 30)]


class TestWhatIsReadOfAJournal:
    def test_an_empty_one_has_no_changes_and_no_length(self):
        assert build_timeline([]) == build_timeline([{"event": "open"}]) == Timeline((), 0.0, ())
        assert build_timeline([at(3, "open")]) == Timeline((), 0.0, ())

    def test_what_has_no_time_is_left_out(self):
        events = [{"event": "change", "key": "a", "took": 1}, at(2, "open"), change(5, "b", took=1)]
        found = build_timeline(events)
        assert ([span.key for span in found.spans], found.makespan) == (["b"], 3)

    def test_only_a_change_is_one(self):
        """Other events also tell how long they took."""
        assert spans(at(3, "check", took=2, key="a"), at(4, "ended", took=4)) == {}

    def test_what_settled_and_was_not_changed_is_no_matter(self):
        assert spans(change(1, "a", took=1), settled(9, "b"))["a"].settled is None

    def test_all_of_a_change(self):
        event = change(10, "b", took=6, waited=1, sent=2, ready=True, needs=["a", "c"], after=["c"], ok=False)
        assert spans(event)["b"] == Span("b", "create", "01", False, 4, 5, 6, 10, 10, ("a", "c"), ("c",))

    def test_what_an_earlier_version_did_not_write(self):
        event = at(10, "change", key="b", action="update", ok=True, took=6, waited=1, sent=2)
        assert spans(event)["b"] == Span("b", "update", "", True, 4, 5, 6, 10, None)

    def test_a_change_cannot_have_been_queued_before_the_run(self):
        assert spans(change(1, "a", took=1.5, waited=0.5))["a"].queued == 0

    def test_they_are_in_the_order_in_which_they_were_queued_and_then_started(self):
        events = [change(9, "c", took=4), change(8, "b", took=7, waited=3), change(8, "a", took=7, waited=1)]
        assert list(spans(*events)) == ["a", "b", "c"]

    @pytest.mark.parametrize(("action", "duration"), [("delete", 5), ("create", 8), ("update", 8)])
    def test_all_removals_are_queued_at_once(self, action, duration):
        """So the wait is not their own time."""
        assert spans(change(10, "a", took=8, waited=3, action=action))["a"].duration == duration
