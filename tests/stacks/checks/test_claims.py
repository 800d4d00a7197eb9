"""The architecture's promises are proved from what is there, and what breaks one is seen by that one."""

import pytest

from runbook_lib.params import Params
from tests.stacks.checks.breakages import BREAKAGES, Site


def test_what_the_stacks_build_is_as_promised(built):
    found = built.look()
    wrong = {claim: finding for claim, (ok, finding) in found.items() if not ok}
    assert wrong == {}
    numbers = [int(claim.partition(".")[0]) for claim in found if claim[0].isdigit()]
    assert sorted(numbers) == list(range(1, 12))
    for claim, (_, finding) in found.items():
        if claim[0].isdigit():
            assert finding["result"] == "pass"
            assert finding["looked at"], claim
            assert finding["why"], claim


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_somebody_breaks_is_seen_by_the_right_checks_only(built, name):
    function, expected = BREAKAGES[name]
    breakage = function(Site(built.aws))
    next(breakage)
    try:
        found = {claim.split()[0]: finding for claim, (ok, finding) in built.look().items() if not ok}
    finally:
        assert next(breakage, None) is None
    assert set(found) == expected, found


def test_there_are_enough_of_them():
    assert sum(bool(expected) for _, expected in BREAKAGES.values()) >= 40


def test_the_parameters_promise_too(built):
    """What they do not promise is no fault: without Multi-AZ the database may be lost with its zone."""
    raw = built.params.model_dump(mode="json")
    raw["data"]["multi_az"], raw["network"]["nat"] = True, "per_zone"
    found = built.look(Params.model_validate(raw))
    assert {claim.split()[0] for claim, (ok, _) in found.items() if not ok} == {"5.", "8."}


def test_without_a_repository_no_push_deploys(built):
    """That is the parameters' choice, so it is an exception with its reason."""
    found = built.look(built.params.model_copy(update={"github": None}))
    (push,) = [finding for claim, (ok, finding) in found.items() if claim.startswith("10.") and ok]
    assert push["result"] == "exception"
    assert "name no repository" in push["why"][0]
