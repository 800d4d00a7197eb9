"""What AWS cannot change of a target group."""

from types import SimpleNamespace

import pytest

from runbook_lib.resources.base import Observed
from tests.resources.cases_compute import targets


def test_another_port_is_blocked_with_the_way_out():
    """A new target group would need servers of its own; no application needs another port, since it gets $PORT."""
    observed = Observed("arn", {"port": 8080, "vpc": "vpc-1"})
    assert targets().remedy(observed, frozenset({"port"})) == (
        "Write 8080 back into compute.app_port: it is fixed with the first apply. Applications listen on $PORT."
    )
    assert targets().remedy(observed, frozenset({"vpc"})) == ""


def health(*states):
    """A snapshot that answers with one target for each state."""
    targets = [{"TargetHealth": {"State": state}} for state in states]
    return SimpleNamespace(get=lambda *names, **given: {"TargetHealthDescriptions": targets})


def foreseen(group, states=("healthy", "unhealthy"), fields=frozenset({"path"})):
    return group.foresee_refusal(health(*states), {}, Observed("arn", {"path": "/healthz"}), fields)


def test_another_path_is_blocked_while_servers_answer_at_the_old_one():
    """It took all of them out of service at once, and was only documented."""
    refusal = foreseen(targets(path="/ready"))
    assert refusal.fields == {"path"}
    assert "take every server out of service that does not answer at /ready" in refusal.reason
    assert "answers with 200 at both /healthz and /ready" in refusal.fix
    assert "compute.health_check: {path: /ready, former_path: /healthz}" in refusal.fix


@pytest.mark.parametrize("states", [(), ("unhealthy",), ("initial", "draining")])
def test_another_path_is_free_where_no_server_is_in_service(states):
    """As after a first deployment that failed, since the path was wrong."""
    assert foreseen(targets(path="/ready"), states) is None


def test_another_path_is_free_once_the_parameters_name_the_old_one():
    """The second step; a path that is named is not part of the plan, so that taking it out again changes nothing."""
    changed = targets(path="/ready", former_path="/healthz")
    assert foreseen(changed) is None
    assert foreseen(targets(path="/ready", former_path="/other")) is not None
    assert foreseen(targets(interval=30), fields={"interval"}) is None
    assert targets().foresee_refusal(health("healthy"), {}, None, {"path"}) is None, "a new one has no servers"
    assert changed.desired({}) == targets(path="/ready").desired({})
