"""The report of a verb: the same as HTML and as text, updated while AWS works."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from runbook_lib.engine.plan import Action, Change, Plan, count_text, make_plan
from runbook_lib.formatting import elapsed
from runbook_lib.resources.nat_gateway import NatGateway
from runbook_lib.runs.kernel.report import Report, Row, sleep_and_tick
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
    """New, changed and blocked resources have their own signs; an update shows the old and new values."""
    text = str(Report.of(mixed(), "plan"))
    assert text.splitlines()[0] == "plan"
    assert "  + thing.new" in text
    assert "  ~ thing.grown\n      size: 7 → 1" in text
    assert "  ! thing.stuck\n      (AWS cannot change shape in place. Write the old value" in text
    assert "another one.)\n      shape: flat → round" in text


def test_unchanged_resources_are_only_counted():
    """Many unchanged resources must not hide one change."""
    report = Report.of(mixed(), f"plan: {count_text(mixed())}")
    assert "same" not in "\n".join(str(report).splitlines()[1:])
    assert report.title == "plan: 1 to create, 1 to update, 1 blocked, 1 unchanged"


def test_the_whole_plan_lists_the_fields_of_new_resources():
    """The report of an apply does not."""
    assert "shape=round, size=1" in str(Report.of(mixed(), "plan", whole=True))
    assert "shape=round" not in str(Report.of(mixed(), "apply"))


def test_a_destroy_names_what_is_retained_and_left_behind():
    kept, leaving = KeptThing(name="a"), LeavingThing(name="b")
    text = str(Report.of(planned(kept, leaving, seen=there(kept, leaving), present=False), "destroy"))
    assert re.search(
        r"  = kept_thing.a\n      \(left on purpose: it is dear to us; its id is thing-[0-9a-f]{8}\)", text
    )
    assert re.search(r"  - leaving_thing.b\n      \(leaves a snapshot: thing-[0-9a-f]{8}-final\)", text)


def test_an_empty_plan_is_counted_as_nothing():
    assert count_text(Plan("s", "s", ())) == "nothing"


def test_html_and_text_have_the_same_content():
    report = Report.of(mixed(), "plan", "Fingerprint: 0123")
    page = report.html()
    for word in ("plan", "thing.new", "thing.grown", "size: 7 → 1", "AWS cannot change shape", "Fingerprint: 0123"):
        assert word in page
        assert word in str(report)


def test_text_from_aws_is_escaped():
    evil = "<script>alert('x')</script>"
    change = Change(Thing(name=evil), Action.UPDATE, None, None, {"size": (evil, evil)}, evil)
    page = Report.of(Plan("s", "s", (change,)), evil, evil).html()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5


def test_a_long_table_can_be_folded_and_a_short_one_is_open():
    """By action and kind; what is changed, deleted or blocked stays in sight, and so does progress."""
    rows = [Row("+", f"thing.{n}") for n in range(22)]
    rows += [Row("~", "thing.grown"), Row("!", "thing.stuck"), Row("-", "thing.old"), Row("+", "other.one")]
    page = Report("plan", rows).html()
    assert re.findall("<summary>(.*?)</summary>", page) == ["+ 22 × thing", "+ other.one"]
    in_sight = re.sub("<details>.*?</details>", "", page, flags=re.DOTALL)
    assert [row.key for row in rows if row.key in in_sight] == ["thing.grown", "thing.stuck", "thing.old"]
    assert "<details" not in Report("plan", rows[:24]).html()
    assert "<details" not in Report("apply", [*rows, Row("…", "thing.slow", state="creating")]).html()
    assert "<details><summary>1 line<" in Report("would destroy", rows[:1], folded=True).html()


def test_without_lines_there_is_no_empty_table():
    assert "<table" not in Report("plan: nothing", closing="Nothing to do.").html()


def test_how_far_a_resource_is_and_how_long_it_took():
    """In the row of the resource; one that was not planned gets its own."""
    report = Report.of(planned(ROUND), "apply")
    report.on_progress(ROUND, "creating", 0.4)
    report.on_progress(ROUND, "available", 125)
    report.on_progress(Thing(name="gate"), "pending", 3)
    assert [(r.key, r.state, r.took) for r in report.rows] == [
        ("thing.plate", "available", 125),
        ("thing.gate", "pending", 3),
    ]
    assert "available  2 min 05 s" in str(report)
    assert "2 min 05 s" in report.html()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (4.24, "4.2 s"), (59.9, "59.9 s"), (60, "1 min 00 s"), (754.9, "12 min 35 s")]
)
def test_durations_are_formatted(seconds, text):
    assert elapsed(seconds) == text


@pytest.mark.parametrize("seconds", [59.95, 59.99])
def test_a_minute_is_never_called_sixty_seconds(seconds):
    assert elapsed(seconds) == "1 min 00 s"


def test_without_a_notebook_a_live_report_is_just_a_report(capsys):
    """In a script nothing is printed."""
    report = Report.of(planned(ROUND), "apply").live()
    report.on_progress(ROUND, "creating", 1)
    assert report.close("Accepted by AWS.") is report
    assert capsys.readouterr() == ("", "")


CELLS = (
    """
from runbook_lib.runs.kernel.report import Report, Row, sleep_and_tick
from tests.support.fake_kinds import Thing
report = Report("apply", [Row("+", "thing.plate")]).live()
for n in range(3):
    report.on_progress(Thing(name="plate"), f"state {n}", n)
report.close("Accepted by AWS.")
report
""",
    "report",
    "Report('plan', [Row('+', 'thing.cup')])",
    """
report = Report("apply").live()
report.on_progress(Thing(name="plate"), "creating", 1)
raise ValueError("connection lost")
""",
)


@pytest.fixture(scope="module")
def outputs():
    """The outputs of the cells, run in a kernel."""
    client = NotebookClient(
        new_notebook(cells=[new_code_cell(text) for text in CELLS]), allow_errors=True, kernel_name="python3"
    )
    return [cell.outputs for cell in client.execute().cells]


def shown(output):
    return output["data"]["text/plain"]


def test_a_notebook_keeps_the_last_state_of_a_live_report(outputs):
    """It is updated in place."""
    (only,) = outputs[0]
    assert shown(only).splitlines() == [
        "apply",
        "  + thing.plate                                  state 2  2.0 s",
        "Accepted by AWS.",
    ]
    assert "state 2" in only["data"]["text/html"]


def test_a_report_is_shown_again_when_it_is_evaluated_again(outputs):
    assert [shown(output) for output in outputs[1]] == [shown(outputs[0][0])]


def test_a_report_that_is_not_live_is_shown_by_the_last_line_of_its_cell(outputs):
    (only,) = outputs[2]
    assert shown(only).splitlines() == ["plan", "  + thing.cup"]
    assert nbformat.validate(new_notebook(cells=[new_code_cell("x", outputs=[only])])) is None


def test_a_failed_cell_keeps_its_report(outputs):
    """Above the error."""
    report, error = outputs[3]
    assert "creating" in shown(report)
    assert error["ename"] == "ValueError"


def test_while_aws_settles_a_bar_shows_what_is_done_and_what_is_waited_for():
    """In text and in HTML; the seconds go on between two looks at AWS; nothing of it is left at the end."""
    other = Thing(name="gate")
    report = Report.of(planned(ROUND, other), "apply").live()
    report.on_progress(ROUND, "available", 2.0)
    report.on_progress(other, "pending", 3.0)
    assert "  [##########          ] 1 of 2 · thing.gate pending 3.0 s" in str(report)
    assert re.search(r'<progress value="1" max="2"[^>]*></progress> 1 of 2 · thing.gate pending 3.0 s', report.html())
    sleep_and_tick(0.3)
    row = next(row for row in report.rows if row.key == "thing.gate")
    assert row.took >= 3.3
    report.close("Accepted by AWS.")
    assert "1 of 2" not in str(report) + report.html()
    before = row.took
    sleep_and_tick(0.01)
    assert row.took == before


def test_of_what_is_polled_together_all_that_is_not_ready_is_waited_for():
    things = [Thing(name=name) for name in "abcde"]
    report = Report.of(planned(*things), "verify").live()
    for thing in things:
        report.on_progress(thing, "pending", 1.0)
    for thing in things[1:]:
        report.on_progress(thing, "pending", 2.0)
    assert "1 of 5 · thing.b pending 2.0 s; thing.c pending 2.0 s; thing.d pending 2.0 s; 1 more" in str(report)
    report.close("")


def test_what_is_waited_for_is_shown_with_the_time_that_it_usually_takes():
    """Until it is ready, or gone; in text and in HTML."""
    gate = NatGateway(name="a", subnet=None, address=None, gateway=None)
    for sign, state, expected in (("+", "pending", "1 to 2 min"), ("-", "deleting", "1 min")):
        report = Report("it", [Row(sign, gate.key)]).live()
        report.on_progress(gate, state, 65.0)
        waiting = f"0 of 1 · nat_gateway.a {state} 1 min 05 s, usually {expected}"
        assert waiting in str(report)
        assert waiting in report.html()
        report.close("")


def test_files_of_the_evidence_are_linked():
    page = Report("end", links={"report.html": "../artifacts/local/a%20run/report.html"}).html()
    assert '<a href="../artifacts/local/a%20run/report.html">report.html</a>' in page


def test_a_long_value_is_folded_and_never_cut():
    """A policy that is approved has to be read to its end."""
    report = Report("plan", [Row("~", "role_policy.a", (f"allows: {'s3:GetObject, ' * 40}the end",))])
    assert "the end" in str(report)
    assert re.search(
        r"<details[^>]*><summary>allows: s3:GetObject.{50,120}…</summary>.*the end</details>", report.html()
    )


def test_rows_of_a_section_are_a_table_of_their_own_below_the_others():
    """The security controls, with their counts, folded until somebody opens them."""
    report = Report("verify network", [
        Row("○", "EC2.9 No address", ("exception: the bastion",), section="Controls: 1 exception"),
        Row("✓", "1. One VPC"),
    ])  # fmt: skip
    text = str(report).splitlines()
    assert [line.strip() for line in text] == [
        "verify network", "✓ 1. One VPC", "Controls: 1 exception", "○ EC2.9 No address", "exception: the bastion",
    ]  # fmt: skip
    assert report.html().index("1. One VPC") < report.html().index("<summary>Controls: 1 exception</summary>")
