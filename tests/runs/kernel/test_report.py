"""What an operator reads of a verb: the same on a page and in a log, up to date while AWS settles."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from runbook_lib.engine.plan import Action, Change, Plan, count_text, make_plan
from runbook_lib.formatting import elapsed
from runbook_lib.runs.kernel.report import Report, Row
from tests.support.fake_kinds import KeptThing, LeavingThing, Thing, stack_of, there

ROUND, SQUARE = Thing(name="plate"), Thing(name="plate", shape="square")


def planned(*things, seen=None, present=True):
    return make_plan(stack_of(*things), seen or {}, present=present)


def mixed():
    """A plan with one of each."""
    new, grown, same, stuck = (Thing(name=name) for name in ("new", "grown", "same", "stuck"))
    seen = there(same) | there(grown, size=7) | there(Thing(name="stuck", shape="flat"))
    return planned(new, grown, same, stuck, seen=seen)


def test_a_line_for_each_change_with_its_sign():
    """New, changed and blocked have each their sign; what is changed says from what to what."""
    told = str(Report.of(mixed(), "plan"))
    assert told.splitlines()[0] == "plan"
    assert "  + thing.new" in told
    assert "  ~ thing.grown\n      size: 7 → 1" in told
    assert "  ! thing.stuck\n      (AWS cannot change shape in place)\n      shape: flat → round" in told


def test_what_stays_as_it_is_is_only_counted():
    """A hundred unchanged resources must not hide the one change."""
    report = Report.of(mixed(), f"plan: {count_text(mixed())}")
    assert "same" not in "\n".join(str(report).splitlines()[1:])
    assert report.title == "plan: 1 to create, 1 to update, 1 blocked, 1 unchanged"


def test_a_reviewer_sees_what_a_new_thing_is_to_be():
    """In the whole plan; a cell that acts has it shorter."""
    assert "shape=round, size=1" in str(Report.of(mixed(), "plan", whole=True))
    assert "shape=round" not in str(Report.of(mixed(), "apply"))


def test_a_removal_says_what_stays_and_what_it_leaves():
    kept, leaving = KeptThing(name="a"), LeavingThing(name="b")
    told = str(Report.of(planned(kept, leaving, seen=there(kept, leaving), present=False), "destroy"))
    assert "  = kept_thing.a\n      (left on purpose: it is dear to us)" in told
    assert "  - leaving_thing.b\n      (leaves a snapshot)" in told


def test_nothing_is_called_nothing():
    assert count_text(Plan("s", "s", ())) == "nothing"


def test_page_and_log_tell_the_same():
    """Whatever is read in the text is in the HTML, too."""
    report = Report.of(mixed(), "plan", "Fingerprint: 0123")
    page = report.html()
    for word in ("plan", "thing.new", "thing.grown", "size: 7 → 1", "AWS cannot change shape", "Fingerprint: 0123"):
        assert word in page
        assert word in str(report)


def test_nothing_that_aws_says_becomes_markup():
    """A name or an answer may hold anything."""
    evil = "<script>alert('x')</script>"
    change = Change(Thing(name=evil), Action.UPDATE, None, None, {"size": (evil, evil)}, evil)
    page = Report.of(Plan("s", "s", (change,)), evil, evil).html()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5


def test_a_long_table_can_be_folded_and_a_short_one_is_open():
    rows = [Row("+", f"thing.{n}") for n in range(25)]
    assert "<details open><summary>25 lines</summary>" in Report("plan", rows).html()
    assert "<details" not in Report("plan", rows[:24]).html()
    assert "<details><summary>1 lines" in Report("would destroy", rows[:1], folded=True).html()


def test_without_lines_there_is_no_empty_table():
    assert "<table" not in Report("plan: nothing", closing="Nothing to do.").html()


def test_how_far_a_resource_is_and_how_long_it_took():
    """Each time that its state is told, on the line that is there; what waits unplanned gets one of its own."""
    report = Report.of(planned(ROUND), "apply")
    report.watch(ROUND, "creating", 0.4)
    report.watch(ROUND, "available", 125)
    report.watch(Thing(name="gate"), "pending", 3)
    assert [(r.key, r.state, r.took) for r in report.rows] == [
        ("thing.plate", "available", 125),
        ("thing.gate", "pending", 3),
    ]
    assert "available  2 min 05 s" in str(report)
    assert "2 min 05 s" in report.html()


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0.0 s"), (4.24, "4.2 s"), (59.9, "59.9 s"), (60, "1 min 00 s"), (754.9, "12 min 35 s")]
)
def test_times_are_told_as_people_tell_them(seconds, told):
    assert elapsed(seconds) == told


@pytest.mark.parametrize("seconds", [59.95, 59.99])
def test_a_minute_is_never_called_sixty_seconds(seconds):
    assert elapsed(seconds) == "1 min 00 s"


def test_without_a_notebook_a_live_report_is_just_a_report(capsys):
    """In a script nothing is drawn and nothing printed."""
    report = Report.of(planned(ROUND), "apply").live()
    report.watch(ROUND, "creating", 1)
    assert report.close("Accepted by AWS.") is report
    assert capsys.readouterr() == ("", "")


CELLS = (
    """
from runbook_lib.runs.kernel.report import Report, Row
from tests.support.fake_kinds import Thing
report = Report("apply", [Row("+", "thing.plate")]).live()
for n in range(3):
    report.watch(Thing(name="plate"), f"state {n}", n)
report.close("Accepted by AWS.")
report
""",
    "report",
    "Report('plan', [Row('+', 'thing.cup')])",
    """
report = Report("apply").live()
report.watch(Thing(name="plate"), "creating", 1)
raise ValueError("the line was cut")
""",
)


@pytest.fixture(scope="module")
def outputs():
    """What is saved of each cell, when they are run in a kernel."""
    client = NotebookClient(
        new_notebook(cells=[new_code_cell(text) for text in CELLS]), allow_errors=True, kernel_name="python3"
    )
    return [cell.outputs for cell in client.execute().cells]


def shown(output):
    return output["data"]["text/plain"]


def test_what_is_saved_of_a_live_report_is_its_last_state_once(outputs):
    """It is updated in place: a notebook is evidence, not a film."""
    (only,) = outputs[0]
    assert shown(only).splitlines() == [
        "apply",
        "  + thing.plate                                  state 2  2.0 s",
        "Accepted by AWS.",
    ]
    assert "state 2" in only["data"]["text/html"]


def test_a_report_is_shown_again_when_it_is_asked_for_again(outputs):
    assert [shown(output) for output in outputs[1]] == [shown(outputs[0][0])]


def test_a_report_that_is_not_live_is_shown_by_the_last_line_of_its_cell(outputs):
    (only,) = outputs[2]
    assert shown(only).splitlines() == ["plan", "  + thing.cup"]
    assert nbformat.validate(new_notebook(cells=[new_code_cell("x", outputs=[only])])) is None


def test_what_was_on_the_screen_when_it_failed_is_kept(outputs):
    """Above the error stands how far it was."""
    report, error = outputs[3]
    assert "creating" in shown(report)
    assert error["ename"] == "ValueError"
