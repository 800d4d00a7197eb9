"""What a check found, as the journal keeps it and as a report shows it."""

import pytest

from runbook_lib.stacks.checks import check
from runbook_lib.stacks.checks.check import Finding, check_symbol, count_results, is_control, shown_finding


def test_a_finding_fails_with_its_problems_and_passes_with_what_holds():
    assert Finding.of(["i-1", "i-2"], ["wrong", "worse"], ["well"]) == Finding(
        "fail", ("i-1", "i-2"), ("wrong", "worse")
    )
    assert Finding.of(["i-1", "i-2"], [], ["well", "fine"]) == Finding("pass", ("i-1", "i-2"), ("well", "fine"))
    assert Finding.of((), iter(()), iter(["well"])) == Finding("pass", (), ("well",))
    assert Finding.of((), iter(["wrong"]), ()) == Finding("fail", (), ("wrong",))


def test_what_was_looked_at_is_named_once_in_its_order_and_what_is_not_there_is_left_out():
    looked_at = ["i-2", "", "i-1", "i-2", "i-3", "", "i-1"]
    assert Finding.of(looked_at, (), ()).looked_at == ("i-2", "i-1", "i-3")


def test_a_finding_in_the_journal():
    found = Finding("exception", ("i-1", "i-2"), ("so", "it is")).as_dict()
    assert found == {"result": "exception", "why": ["so", "it is"], "looked at": ["i-1", "i-2"]}


def test_the_words_of_the_results():
    """The journal and the evidence keep them."""
    results = [check.PASS, check.FAIL, check.EXCEPTION, check.NOT_APPLICABLE]
    assert results == ["pass", "fail", "exception", "not applicable"]


@pytest.mark.parametrize(
    ("ok", "found", "symbol"),
    [
        (True, {"result": "pass"}, "✓"), (True, {"result": "exception"}, "○"),
        (True, {"result": "not applicable"}, "–"), (False, {"result": "fail"}, "✗"),
        (False, {"result": "exception"}, "✗"), (True, {"us-west-2a": []}, "✓"),
        (True, {}, "✓"), (True, None, "✓"), (True, ["result"], "✓"), (True, "exception", "✓"), (False, None, "✗"),
        (True, {"result": None}, "✓"), (True, {"result": ["exception"]}, "✓"),
    ],
)  # fmt: skip
def test_the_symbol_of_a_result(ok, found, symbol):
    assert check_symbol(ok, found) == symbol


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([], ""), (["pass"], "1 pass"), (["pass", "fail", "pass"], "1 fail, 2 pass"),
        (["not applicable", "pass", "exception", "fail", "pass", "pass", "exception"],
         "1 fail, 2 exception, 3 pass, 1 not applicable"),
    ],
)  # fmt: skip
def test_how_many_came_to_what_the_worst_first(results, text):
    assert count_results(iter(results)) == text


@pytest.mark.parametrize(
    ("found", "control"),
    [({"control": "S3.2"}, True), ({"control": None}, True), ({"result": "pass"}, False), ({}, False), (None, False),
     (["control"], False), ("control", False)],
)  # fmt: skip
def test_whether_a_finding_is_that_of_a_control(found, control):
    assert is_control(found) is control


@pytest.mark.parametrize("ok", [True, False])
@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ({"control": "S3.2", "result": "fail", "why": ["so", "and so"], "looked at": ["b"]}, ["so", "and so"]),
        ({"control": "S3.2", "why": ()}, []),
        ({"result": "fail", "why": ["so", "or so"], "looked at": ["i-1", "i-2"]},
         ["so", "or so", "looked at: i-1, i-2"]),
        ({"result": "pass", "why": [], "looked at": []}, ["looked at: none"]),
    ],
)  # fmt: skip
def test_a_claim_says_why_it_holds_or_not(ok, found, lines):
    assert shown_finding(ok, found) == lines


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ({"us-west-2a": ["i-1 healthy"], "us-west-2b": []}, ["us-west-2a: i-1 healthy", "us-west-2b: none"]),
        (["i-1", "i-2"], ["i-1, i-2"]), ("result", ["result"]), (["result"], ["result"]), (None, []),
    ],
)  # fmt: skip
def test_another_check_says_only_what_is_wrong(found, lines):
    assert shown_finding(False, found) == lines
    assert shown_finding(True, found) == []
