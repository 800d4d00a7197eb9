"""The security controls are evaluated on what is there; what breaks one is seen by that one."""

from datetime import date

import pytest

from runbook_lib.params.controls import CONTROLS, ControlException, Controls
from runbook_lib.stacks.checks.controls import EVALUATIONS, conclude, controls
from runbook_lib.stacks.checks.controls.outcome import Offence, Outcome
from tests.stacks.checks import control_breakages
from tests.stacks.checks.breakages import Site

TODAY = date(2026, 11, 28)
WRONG = Outcome(("i-1", "i-2"), (Offence("i-1", "has an address", "instance.bastion"), Offence("i-2", "has one, too")))


def failing(found):
    return {claim.split()[0] for claim, (ok, _) in found.items() if not ok}


def test_each_control_is_evaluated_once():
    evaluated = [name for own in EVALUATIONS.values() for name in own]
    assert sorted(evaluated) == sorted(CONTROLS)
    assert len(evaluated) == len(set(evaluated))


def test_what_the_stacks_build_satisfies_all_but_the_parameters_exceptions(built):
    """With its reason each; and without exceptions, exactly those fail."""
    found = {claim.split()[0]: finding for claim, (_, finding) in built.look().items() if "control" in (finding or {})}
    assert set(found) == set(CONTROLS)
    results = {name: finding["result"] for name, finding in found.items()}
    assert {name for name, result in results.items() if result == "fail"} == set()
    excepted = {name for name, result in results.items() if result == "exception"}
    reasons = {each.control: each.reason for each in built.params.controls.exceptions}
    assert excepted == set(reasons) - {"ElastiCache.1"}
    assert all(reasons[name] in " ".join(found[name]["why"]) for name in excepted)
    assert all(found[name]["looked at"] for name, result in results.items() if result != "not applicable")
    bare = built.params.model_copy(update={"controls": Controls()})
    assert failing(built.look(bare, [controls])) == excepted


@pytest.mark.parametrize("name", control_breakages.MENDS)
def test_what_somebody_mends_no_longer_fails(built, name):
    function, mended = control_breakages.MENDS[name]
    bare = built.params.model_copy(update={"controls": Controls()})
    before = failing(built.look(bare, [controls]))
    change = function(Site(built.aws))
    next(change)
    try:
        after = failing(built.look(bare, [controls]))
    finally:
        assert next(change, None) is None
    assert before - after == mended
    assert after <= before


class TestExceptions:
    def conclude(self, *exceptions, outcome=WRONG):
        own = [ControlException.model_validate({"control": "EC2.9", "reason": "a b c", **each}) for each in exceptions]
        result, why = conclude(outcome, own, TODAY)
        return result, "; ".join(why)

    def test_without_one_it_fails_and_says_which_resource_has_which_value(self):
        assert self.conclude() == ("fail", "instance.bastion (i-1) has an address; i-2 has one, too")

    def test_one_for_all_excepts_all_with_its_reason(self):
        result, why = self.conclude({"reason": "it is meant so"})
        assert result == "exception"
        assert why == "instance.bastion (i-1) has an address, i-2 has one, too; exception: it is meant so"

    def test_one_for_a_resource_excepts_no_other(self):
        result, why = self.conclude({"resources": ["instance.bastion"]})
        assert result == "fail"
        assert why.startswith("i-2 has one, too; instance.bastion (i-1) has an address; exception")

    def test_it_counts_on_its_last_day_and_not_after(self):
        assert self.conclude({"expires": "2026-11-28"})[0] == "exception"
        result, why = self.conclude({"expires": "2026-11-27"})
        assert result == "fail"
        assert "i-2 has one, too; the exception expired after 2026-11-27" in why

    def test_one_that_nothing_needs_is_told(self):
        result, why = self.conclude({"resources": ["x"]}, outcome=Outcome(("i-1",)))
        assert result == "pass"
        assert "the exception for x in the parameters is not needed" in why

    def test_what_was_not_looked_at_never_passes(self):
        assert self.conclude(outcome=Outcome())[0] == "fail"
        assert self.conclude({}, outcome=Outcome(not_applicable="no"))[0] == "not applicable"
