"""What AWS cannot change of a target group."""

from runbook_lib.resources.base import Observed
from tests.resources.cases_compute import targets


def test_another_port_is_blocked_with_the_way_out():
    """A new target group would need servers of its own; no application needs another port, since it gets $PORT."""
    observed = Observed("arn", {"port": 8080, "vpc": "vpc-1"})
    assert targets().remedy(observed, frozenset({"port"})) == (
        "Write 8080 back into compute.app_port: it is fixed with the first apply. Applications listen on $PORT."
    )
    assert targets().remedy(observed, frozenset({"vpc"})) == ""
