"""The picture of a run's changes: each has its line, drawn to scale, and what made the run so long is marked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.evidence.drawing.svg import Box
from runbook_lib.evidence.drawing.timeline import LEFT, RIGHT, picture
from runbook_lib.journal.timeline import build_timeline
from tests.journal.test_timeline import at, change, settled
from tests.support.drawings import HAIR, NS, apart, groups, parsed, rects, spilling, within

EVENTS = (
    change(1, "vpc.main", took=1, ready=True),
    change(2, "nat_gateway.a", took=1, needs=["vpc.main"]),
    settled(110, "nat_gateway.a"),
    change(111, "route.a", took=108, waited=107, ready=True, needs=["nat_gateway.a"], after=["nat_gateway.a"]),
    change(60, "db_instance.a", took=20, ok=False, notebook="02"),
    change(70, "role.a", took=2, notebook="02", action="update"),
)


def drawn(*events):
    return picture(build_timeline([at(0, "open"), *events]))


def lines(svg):
    """The lines of the changes by their keys."""
    return {group.texts[1][0]: group for group in groups(svg, "change")}


def x(seconds, makespan=111):
    return LEFT + (RIGHT - LEFT) * seconds / makespan


def test_each_change_has_its_line_below_its_notebook():
    svg = drawn(*EVENTS)
    assert list(lines(svg)) == ["vpc.main", "nat_gateway.a", "route.a", "db_instance.a", "role.a"]
    assert [part.words for part in groups(svg, "part")] == ["01", "02"]
    tops = [g.texts[1][1].y for g in groups(svg, "change")]
    one, other = (part.box.y for part in groups(svg, "part"))
    assert one < tops[0] < tops[2] < other < tops[3]
    assert svg.title == "5 changes in 1 min 51 s"


def test_waiting_acting_and_settling_are_where_they_were():
    """To scale, one after the other; they differ in height, too."""
    svg = drawn(*EVENTS)
    (waits,) = rects_of(svg, "route.a", "waits")
    assert (waits.x, waits.right) == (pytest.approx(x(3), abs=HAIR), pytest.approx(x(110), abs=HAIR))
    (acts,) = rects_of(svg, "nat_gateway.a", "acts")
    (settles,) = rects_of(svg, "nat_gateway.a", "settles")
    assert acts.x == pytest.approx(x(1), abs=HAIR)
    assert (settles.x, settles.right) == (pytest.approx(acts.right, abs=HAIR), pytest.approx(x(110), abs=HAIR))
    assert waits.height < settles.height < acts.height


def rects_of(svg, key, look):
    row = lines(svg)[key].texts[1][1]
    return [box for box in rects(svg, look) if row.y - 4 < box.middle < row.bottom + 4]


def test_what_was_too_short_to_be_seen_is_seen_all_the_same():
    svg = drawn(change(1, "vpc.main", took=0.001, ready=True), at(3000, "ended"))
    (acts,) = rects_of(svg, "vpc.main", "acts")
    assert acts.width >= 2


def test_the_chain_that_made_the_run_so_long_is_marked():
    """With a mark, in bold, and with a line from each of its changes to the next."""
    svg = drawn(*EVENTS)
    bold = {key for key, group in lines(svg).items() if "chain" in _faces(svg)[key]}
    assert bold == {"vpc.main", "nat_gateway.a", "route.a"}
    assert len(paths(svg, "mark")) == 3
    assert len(paths(svg, "critical")) == 2 + 1  # and the legend's
    assert "The chain that made the run so long: vpc.main, then nat_gateway.a, then route.a." in svg.words


def _faces(svg):
    return {span.text: span.get("class") for span in parsed(svg).iter(f"{NS}tspan")}


def paths(svg, look):
    return [path.get("d") for path in parsed(svg).iter(f"{NS}path") if look in path.get("class").split()]


def test_what_failed_says_so():
    """Not by its colour alone."""
    svg = drawn(*EVENTS)
    words = lines(svg)["db_instance.a"].words
    assert words.startswith("✗ | db_instance.a")
    assert "failed" in words
    assert rects_of(svg, "db_instance.a", "failed")
    assert "db_instance.a at 40.0 s: asked 20.0 s; it failed" in svg.words


def test_what_nobody_saw_to_its_end_has_none():
    """A run that was cut short claims nothing."""
    svg = drawn(change(10, "nat_gateway.a", took=1))
    assert lines(svg)["nat_gateway.a"].words.endswith("> 1.0 s")
    assert len(paths(svg, "open")) == 1 + 1  # and the legend's
    assert "it was not seen to its end" in svg.words


@pytest.mark.parametrize(("action", "sign"), [("create", "+"), ("update", "~"), ("delete", "-")])
def test_a_sign_tells_what_was_done(action, sign):
    assert lines(drawn(change(1, "vpc.main", action=action)))["vpc.main"].words.startswith(f"{sign} | vpc.main")


def test_a_run_without_changes_is_a_picture_too():
    svg = drawn(at(60, "ended"))
    assert (svg.title, svg.words) == ("No change was written down in this run", "No change was written down.")
    assert spilling(svg) == []


def test_a_journal_of_before_belongs_to_no_notebook():
    events = change(1, "vpc.main", ready=True)
    del events["notebook"]
    assert [part.words for part in groups(drawn(events), "part")] == ["not known by which notebook"]


CHANGES = st.builds(
    lambda end, key, took, waited, sent, ready, ok, notebook: change(
        end, key, took=took, waited=took * waited, sent=took * max(waited, sent), ready=ready, ok=ok, notebook=notebook
    ),
    end=st.floats(0, 5000), key=st.one_of(st.text(max_size=80), st.sampled_from(["vpc.main", "nat_gateway.a"])),
    took=st.floats(0, 5000), waited=st.floats(0, 1), sent=st.floats(0, 1), ready=st.booleans(), ok=st.booleans(),
    notebook=st.sampled_from(["01", "02", ""]),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(CHANGES, max_size=12), st.floats(0, 5000))
def test_whatever_was_written_down_nothing_lies_on_anything(changes, later):
    """One line each, in its place; every bar between the beginning and the end; every text on the page."""
    svg = drawn(*changes, settled(later, "nat_gateway.a"))
    assert spilling(svg) == []
    found = groups(svg, "change")
    assert len(found) == len(changes)
    assert apart([room for group in found for _, room in group.texts])
    field = Box(LEFT - 3, 0, RIGHT - LEFT + 6, svg.height)
    legend = 60
    bars = [box for look in ("waits", "acts", "settles", "failed") for box in rects(svg, look) if box.y > legend]
    assert all(within(box, field) for box in bars)
