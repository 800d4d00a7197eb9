"""The architecture's promises are proved from what is there, and what breaks one is seen by that one."""

import re

import pytest

from runbook_lib.errors import RunbookError
from runbook_lib.params import Params
from runbook_lib.params.controls import CONTROLS
from runbook_lib.runs.connections import show_connections
from runbook_lib.stacks.checks.claims import claims
from runbook_lib.stacks.checks.controls import controls
from tests.stacks.checks import control_breakages
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


def seen(built, name, kinds):
    """The checks that fail while something is broken; it is mended afterwards."""
    breakage = BREAKAGES[name][0](Site(built.aws))
    next(breakage)
    try:
        found = built.look(kinds=kinds)
    finally:
        assert next(breakage, None) is None
    return {claim.split()[0]: finding for claim, (ok, finding) in found.items() if not ok}


def sampled():
    """One breakage for each check; test_described_*.py holds each check against every way to break it."""
    first = {check: name for name, (_, expected) in reversed(BREAKAGES.items()) for check in expected}
    return [pytest.param(name, marks=() if name in first.values() else pytest.mark.exhaustive) for name in BREAKAGES]


@pytest.mark.parametrize("name", sampled())
def test_what_somebody_breaks_is_seen_by_the_right_claims_or_controls_only(built, name):
    """Each list of breakages with its own kind of check."""
    function, expected = BREAKAGES[name]
    own = controls if function.__module__ == control_breakages.__name__ else claims
    found = seen(built, name, [own])
    assert set(found) == {check for check in expected if (check in CONTROLS) is (own is controls)}, found


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("the_database_opened_to_the_bastion", r"i-\w+ \(local-bastion\) reaches local-database in subnet-\w+ on 3306"),
        ("the_database_opened_to_the_load_balancer", r"ELB app/local-web/\w+ \(local-alb\) reaches .* on 33\d\d"),
        ("the_database_opened_to_a_stranger", r"a member of by-hand reaches local-database in subnet-\w+ on 3306"),
    ],
)
def test_a_finding_says_who_reaches_what_and_names_groups(built, name, who):
    why = seen(built, name, [claims])["4."]["why"]
    assert any(re.fullmatch(who, line) for line in why), why


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", BREAKAGES)
def test_what_somebody_breaks_is_seen_by_the_right_claims_and_controls_only(built, name):
    """Claims and controls together."""
    found = seen(built, name, [claims, controls])
    assert set(found) == BREAKAGES[name][1], found


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


def test_a_person_asks_about_one_connection(built):
    """`book.reach`: the path, or what stops it, as Reachability Analyzer calls it."""

    def ask(*question, protocol="tcp"):
        return str(show_connections(built.params, built.engine.aws, *question, protocol))

    assert "4 of 4 connections are possible" in ask("web", "database", 3306)
    assert "✓ eni-" in ask("web", "database", 3306)
    stopped = ask("bastion", "database", 3306)
    assert "0 of 2 connections are possible" in stopped
    assert "ENI_SG_RULES_MISMATCH at sg-" in stopped
    assert "ENI_SG_RULES_MISMATCH" in ask("web", "database", 3306, protocol="udp")
    assert "2 of 2" in ask("internet", "load_balancer", 443)
    assert "NO_ROUTE_TO_DESTINATION" in ask("internet", "web", 8080)
    assert "→ nat-" in ask("web", "internet", 443)
    assert "ENI_SG_RULES_MISMATCH" in ask("198.51.100.1", "bastion", 22)
    assert "1 of 1" in ask("203.0.113.7", "bastion", 22)
    with pytest.raises(RunbookError, match="no 'databse'"):
        ask("web", "databse", 3306)
