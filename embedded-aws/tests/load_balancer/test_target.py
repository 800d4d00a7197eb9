"""The rules of target health, and ports that stay."""

import json
import socket

import pytest

from embedded_aws.load_balancer.ports import ListenerPorts
from embedded_aws.load_balancer.target import FAILED, HEALTHY, TIMEOUT, Check, Target, code_mismatch, describe_site

CHECK = Check(
    unused=None,
    port=1,
    reachable=True,
    host="10.0.0.1:8080",
    path="/",
    codes="200",
    interval=15.0,
    timeout=5.0,
    healthy=3,
    unhealthy=2,
)


def states(*results):
    """Return the states of a new target after each of these results."""
    target, seen = Target("group", "i-1", CHECK, since=0.0), []
    for result in results:
        target.record_result(result, now=1.0)
        seen.append(target.current_status.state)
    return seen


def test_one_success_makes_a_new_target_healthy():
    """After fewer failures than the threshold."""
    assert states(HEALTHY) == ["healthy"]
    assert states(FAILED, HEALTHY) == ["initial", "healthy"]


def test_failures_in_a_row_make_a_target_unhealthy():
    """Fewer do not, nor failures with a success between them."""
    assert states(FAILED, FAILED) == ["initial", "unhealthy"]
    assert states(HEALTHY, FAILED, HEALTHY, FAILED, FAILED)[2:] == ["healthy", "healthy", "unhealthy"]


def test_successes_in_a_row_make_it_healthy_again():
    """As many as the threshold says."""
    assert states(FAILED, FAILED, HEALTHY, HEALTHY, FAILED, HEALTHY, HEALTHY, HEALTHY)[2:] == [
        *("unhealthy", "unhealthy", "unhealthy"),
        *("unhealthy", "unhealthy", "healthy"),
    ]


def test_the_reason_is_that_of_the_last_check():
    """So that after a fix the operator sees the next problem."""
    target = Target("group", "i-1", CHECK, since=0.0)
    for result in (TIMEOUT, TIMEOUT, code_mismatch(404)):
        target.record_result(result, now=1.0)
    assert target.current_status == code_mismatch(404)


def test_unhealthy_since_is_the_check_that_decided():
    """Until it is healthy again, whatever the reasons meanwhile."""
    target, since = Target("group", "i-1", CHECK, since=0.0), []
    for now, result in enumerate((FAILED, FAILED, TIMEOUT, HEALTHY, HEALTHY, HEALTHY, FAILED, FAILED)):
        target.record_result(result, float(now))
        since.append(target.unhealthy_since)
    assert since == [None, 1.0, 1.0, 1.0, 1.0, None, None, 7.0]


@pytest.mark.parametrize(
    ("states", "booted", "said"),
    [
        (["healthy", "unhealthy"], False, ""),
        (["initial", "unhealthy"], True, "starting"),
        (["unhealthy"], False, "starting"),
        (["unhealthy"], True, "failed"),
        ([], True, "failed"),
    ],
)
def test_a_site_is_described_by_its_targets(states, booted, said):
    """Nothing is said where one is healthy; soon after a start, it is starting."""
    assert describe_site(states, booted).partition(":")[0] == said


@pytest.mark.parametrize(
    ("codes", "good", "bad"), [("200", [200], [201]), ("200,302", [200, 302], [301]), ("200-299", [200, 299], [300])]
)
def test_matchers(codes, good, bad):
    """A code, a list and a range."""
    check = Check(**{**vars(CHECK), "codes": codes})
    assert [code for code in [*good, *bad] if check.expects(code)] == good


def test_a_target_is_drained_after_its_delay():
    """Shortened by the pace when it is idle; else after the whole delay."""
    target = Target("group", "i-1", CHECK, since=0.0, leaving_since=100.0, delay=60.0)
    assert [target.is_drained(now, 0.5) for now in (129.0, 130.0)] == [False, True]
    target.in_flight = 1
    assert [target.is_drained(now, 0.5) for now in (130.0, 159.0, 160.0)] == [False, False, True]


def test_a_taken_port_is_replaced(tmp_path):
    """The new one is kept from then on; two listeners never share one."""
    first = ListenerPorts(tmp_path).bind("web", 443)
    with first:
        port = first.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
        second = ListenerPorts(tmp_path).bind("web", 443)
        with second:
            other = second.getsockname()[1]
            assert other != port
    assert json.loads((tmp_path / "ports.json").read_text()) == {"web:443": other}
    with ListenerPorts(tmp_path).bind("web", 443) as again:
        assert again.getsockname()[1] == other
        assert again.type == socket.SOCK_STREAM
