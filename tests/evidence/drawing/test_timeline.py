"""The drawing of a timeline: each change has its line, drawn to scale, and the critical path is marked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.evidence.drawing.svg import Box
from runbook_lib.evidence.drawing.timeline import BARS_LEFT, BARS_RIGHT, draw_timeline
from runbook_lib.journal.timeline import build_timeline
from tests.journal.test_timeline import at, change, settled
from tests.support.drawings import NS, TOLERANCE, are_apart, groups, is_within, overflowing_texts, parse, rects

EVENTS = (
    change(1, "vpc.main", took=1, ready=True),
    change(2, "nat_gateway.a", took=1, needs=["vpc.main"]),
    settled(110, "nat_gateway.a"),
    change(111, "route.a", took=108, waited=107, ready=True, needs=["nat_gateway.a"], after=["nat_gateway.a"]),
    change(60, "db_instance.a", took=20, ok=False, notebook="02"),
    change(70, "role.a", took=2, notebook="02", action="update"),
)


def draw(*events):
    return draw_timeline(build_timeline([at(0, "open"), *events]))


def lines(svg):
    """The lines of the changes by their keys."""
    return {group.texts[1][0]: group for group in groups(svg, "change")}


def x(seconds, makespan=111):
    return BARS_LEFT + (BARS_RIGHT - BARS_LEFT) * seconds / makespan


def test_each_change_has_its_line_below_its_notebook():
    svg = draw(*EVENTS)
    assert list(lines(svg)) == ["vpc.main", "nat_gateway.a", "route.a", "db_instance.a", "role.a"]
    assert [part.text for part in groups(svg, "part")] == ["01", "02"]
    tops = [g.texts[1][1].y for g in groups(svg, "change")]
    one, other = (part.box.y for part in groups(svg, "part"))
    assert one < tops[0] < tops[2] < other < tops[3]
    assert svg.title == "5 changes in 1 min 51 s"


def test_the_phases_of_a_change_are_drawn_to_scale():
    """They differ in height, too."""
    svg = draw(*EVENTS)
    (waits,) = rects_of(svg, "route.a", "waits")
    assert (waits.x, waits.right) == (pytest.approx(x(3), abs=TOLERANCE), pytest.approx(x(110), abs=TOLERANCE))
    (acts,) = rects_of(svg, "nat_gateway.a", "acts")
    (settles,) = rects_of(svg, "nat_gateway.a", "settles")
    assert acts.x == pytest.approx(x(1), abs=TOLERANCE)
    assert (settles.x, settles.right) == (
        pytest.approx(acts.right, abs=TOLERANCE),
        pytest.approx(x(110), abs=TOLERANCE),
    )
    assert waits.height < settles.height < acts.height


def rects_of(svg, key, css_class):
    row = lines(svg)[key].texts[1][1]
    return [box for box in rects(svg, css_class) if row.y - 4 < box.y + box.height / 2 < row.bottom + 4]


def test_a_short_change_has_a_visible_bar():
    svg = draw(change(1, "vpc.main", took=0.001, ready=True), at(3000, "ended"))
    (acts,) = rects_of(svg, "vpc.main", "acts")
    assert acts.width >= 2


def test_the_critical_path_is_marked():
    """With a mark, in bold, and with a line from each of its changes to the next."""
    svg = draw(*EVENTS)
    bold = {key for key, group in lines(svg).items() if "chain" in _classes(svg)[key]}
    assert bold == {"vpc.main", "nat_gateway.a", "route.a"}
    assert len(paths(svg, "mark")) == 3
    assert len(paths(svg, "critical")) == 2 + 1  # and the legend's
    assert "The chain that made the run so long: vpc.main, then nat_gateway.a, then route.a." in svg.description


def _classes(svg):
    return {span.text: span.get("class") for span in parse(svg).iter(f"{NS}tspan")}


def paths(svg, css_class):
    return [path.get("d") for path in parse(svg).iter(f"{NS}path") if css_class in path.get("class").split()]


def test_a_failed_change_is_marked():
    """Not only by its colour."""
    svg = draw(*EVENTS)
    text = lines(svg)["db_instance.a"].text
    assert text.startswith("✗ | db_instance.a")
    assert "failed" in text
    assert rects_of(svg, "db_instance.a", "failed")
    assert "db_instance.a at 40.0 s: asked 20.0 s; it failed" in svg.description


def test_a_change_whose_end_was_not_recorded_has_no_end():
    """As in an interrupted run."""
    svg = draw(change(10, "nat_gateway.a", took=1))
    assert lines(svg)["nat_gateway.a"].text.endswith("> 1.0 s")
    assert len(paths(svg, "open")) == 1 + 1  # and the legend's
    assert "it was not seen to its end" in svg.description


@pytest.mark.parametrize("length", [30, 60, 85, 400])
def test_a_long_name_is_never_lost(length):
    """It pushes the bars to the right; a longer one stands in full below the bars, where paper has no tooltip."""
    key = ("security_group_rule." + "bastion-ssh-198.51.100.7/32-" * 20)[:length]
    svg = draw(change(1, "vpc.main", took=1, ready=True), change(5, key, took=2, ready=True))
    shown = "".join(
        "".join(text.itertext()) for text in parse(svg).iter(f"{NS}text") if text.find(f"{NS}title") is None
    )
    assert key in shown
    assert overflowing_texts(svg) == []
    assert ("… [1]" in str(svg)) is (length > 60)


@pytest.mark.parametrize(("action", "symbol"), [("create", "+"), ("update", "~"), ("delete", "-")])
def test_a_symbol_shows_the_action(action, symbol):
    assert lines(draw(change(1, "vpc.main", action=action)))["vpc.main"].text.startswith(f"{symbol} | vpc.main")


def test_a_run_without_changes_is_drawn():
    svg = draw(at(60, "ended"))
    assert (svg.title, svg.description) == ("No change was written down in this run", "No change was written down.")
    assert overflowing_texts(svg) == []


def test_an_older_journal_has_no_notebook_names():
    events = change(1, "vpc.main", ready=True)
    del events["notebook"]
    assert [part.text for part in groups(draw(events), "part")] == ["not known by which notebook"]


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
def test_no_changes_overlap(changes, later):
    """One line each; every bar is between start and end of the run; every text is on the page."""
    svg = draw(*changes, settled(later, "nat_gateway.a"))
    assert overflowing_texts(svg) == []
    found = groups(svg, "change")
    assert len(found) == len(changes)
    assert are_apart([space for group in found for _, space in group.texts])
    field = Box(BARS_LEFT - 3, 0, BARS_RIGHT - BARS_LEFT + 6, svg.height)
    legend = 60
    bars = [
        box for css_class in ("waits", "acts", "settles", "failed") for box in rects(svg, css_class) if box.y > legend
    ]
    assert all(is_within(box, field) for box in bars)
