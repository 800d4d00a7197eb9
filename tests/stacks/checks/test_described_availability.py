"""Whether each zone has a healthy server, from what the load balancer would describe."""

import pytest

from runbook_lib.stacks.checks.availability import availability
from tests.stacks.checks.described_site import TARGETS, A, B, Site


@pytest.fixture
def site():
    return Site()


def look(site):
    (check,) = availability(site.environment)
    assert check.claim == "Each zone has a server that the load balancer finds healthy"
    return check.probe(site.snapshot(), site.observed)


def describe(site, *targets):
    """The targets: each with its state and, where it is not healthy, with more."""
    described = [{"Target": {"Id": own}, "TargetHealth": {"State": state, **more}} for own, state, more in targets]
    site.answer("elbv2", "describe_target_health", {"TargetHealthDescriptions": described}, TargetGroupArn=TARGETS)


def test_a_healthy_server_in_each_zone(site):
    holds, found = look(site)
    assert holds is True
    assert list(found.items()) == [(A, ["i-a healthy"]), (B, ["i-b healthy"])]


def test_the_zones_are_those_of_the_parameters_in_order():
    zones = {
        f"us-west-2{letter}": {"public": f"10.20.{number}.0/24", "private": f"10.20.{number + 100}.0/24"}
        for number, letter in enumerate("hgfedcba")
    }
    assert list(look(Site(network_zones=zones))[1]) == sorted(zones)


def test_a_zone_without_a_healthy_server(site):
    describe(site, ("i-a", "healthy", {}), ("i-c", "unhealthy", {}), ("i-b", "unhealthy", {
        "Reason": "Target.Timeout", "Description": "Request timed out"}))  # fmt: skip
    site.see("auto_scaling_group", "local-web", instances={"i-a": A, "i-b": B, "i-c": A})
    assert look(site) == (False, {
        A: ["i-a healthy", "i-c unhealthy"], B: ["i-b unhealthy (Target.Timeout: Request timed out)"],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"Reason": "Elb.InternalError"}, " (Elb.InternalError)"), ({"Description": "Draining"}, " (Draining)"),
        ({"Reason": "", "Description": "Draining"}, " (Draining)"), ({"Reason": None}, ""), ({}, ""),
    ],
)  # fmt: skip
def test_the_reason_as_far_as_there_is_one(site, more, reason):
    describe(site, ("i-a", "draining", more))
    assert look(site) == (False, {A: [f"i-a draining{reason}"], B: []})


def test_a_server_that_is_not_in_service_counts_for_no_zone(site):
    """It is told by itself; nor does a server of the group that is no target."""
    site.see("auto_scaling_group", "local-web", instances={"i-a": A})
    assert look(site) == (False, {A: ["i-a healthy"], B: [], "not in service": ["i-b healthy"]})
    site.see("auto_scaling_group", None)
    assert look(site) == (False, {A: [], B: [], "not in service": ["i-a healthy", "i-b healthy"]})


def test_more_zones_than_are_promised(site):
    site.health["i-c"] = "healthy"
    site.see("auto_scaling_group", "local-web", instances={"i-a": A, "i-b": B, "i-c": "us-west-2c"})
    assert look(site) == (True, {A: ["i-a healthy"], B: ["i-b healthy"], "us-west-2c": ["i-c healthy"]})


@pytest.mark.parametrize("answer", ["TargetGroupNotFound", {}, {"TargetHealthDescriptions": []}])
def test_without_targets_no_zone_serves(site, answer):
    site.answer("elbv2", "describe_target_health", answer, TargetGroupArn=TARGETS)
    assert look(site) == (False, {A: [], B: []})
    site.see("target_group", None)
    assert look(site) == (False, {A: [], B: []})
