"""The health of targets is that of their applications."""

import http.client
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from embedded_aws.testing import eventually
from load_balancer.site import TESTS

HEALTHY = ("healthy", None, None)
BROKEN_OFF = "broken off"


@contextmanager
def application(name):
    """Start an application as a process of its own."""
    child = subprocess.Popen([sys.executable, "-m", "load_balancer.app", name], cwd=TESTS, stdout=subprocess.PIPE)
    try:
        yield SimpleNamespace(port=int(child.stdout.readline()), kill=child.kill)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def becomes(site, instance, *wanted):
    eventually(lambda: site.health(instance)[: len(wanted)] == wanted)


@pytest.mark.exhaustive
def test_a_new_target_needs_one_success(site, app):
    """Until then it is initial, and gets no request."""
    running = app("a")
    site.elb.modify_target_group(TargetGroupArn=site.group, HealthCheckPath="/wait")
    instance = site.instance(running)
    site.register(instance)
    eventually(lambda: site.open(443))
    assert running.entered.wait(10)
    state, reason, _ = site.health(instance)
    assert (state, reason) in [("initial", f"Elb.{why}") for why in ("RegistrationInProgress", "InitialHealthChecking")]
    assert site.ask().status == 503
    running.release.set()
    becomes(site, instance, *HEALTHY)
    assert site.ask().status == 200


def test_checks_have_the_headers_of_a_load_balancer(site, app):
    """The instance's own address, and AWS's User-Agent."""
    running = app("a")
    (instance,) = site.serve(running)
    address = site.network.describe_instance(instance)["PrivateIpAddress"]
    assert running.asked[0]["Host"] == f"{address}:8080"
    assert running.asked[0]["User-Agent"] == "ELB-HealthChecker/2.0"


def test_an_unexpected_code_is_unhealthy(site, app):
    """Until the target group names another path."""
    (instance,) = site.serve(app("a"))
    site.elb.modify_target_group(TargetGroupArn=site.group, HealthCheckPath="/status/404")
    becomes(site, instance, "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]")
    site.elb.modify_target_group(TargetGroupArn=site.group, Matcher={"HttpCode": "200,400-404"})
    becomes(site, instance, *HEALTHY)


def test_a_target_without_an_application_is_unhealthy(site, app):
    """One that has ended, and one that never started."""
    running = app("a")
    (instance,) = site.serve(running)
    silent = site.instance(None)
    site.register(silent)
    running.stop()
    for found in (instance, silent):
        becomes(site, found, "unhealthy", "Target.FailedHealthChecks", "Health checks failed")


def test_a_missing_rule_is_a_timeout(site, app):
    """An ingress rule of the instance, or an egress rule of the load balancer."""
    (instance,) = site.serve(app("a"))
    site.forbid(site.web, 8080, group=site.alb)
    becomes(site, instance, "unhealthy", "Target.Timeout", "Request timed out")
    assert site.ask().status == 504
    site.allow(site.web, 8080, group=site.alb)
    becomes(site, instance, *HEALTHY)
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    site.ec2.revoke_security_group_egress(GroupId=site.alb, IpPermissions=everything)
    becomes(site, instance, "unhealthy", "Target.Timeout", "Request timed out")


@pytest.mark.exhaustive
def test_an_application_that_hangs_is_a_timeout(site, app):
    (instance,) = site.serve(app("a"))
    site.elb.modify_target_group(TargetGroupArn=site.group, HealthCheckPath="/wait")
    becomes(site, instance, "unhealthy", "Target.Timeout")


def test_only_healthy_targets_get_requests(site, app):
    """All of them when none is healthy."""
    first, second = app("a"), app("b")
    one, other = site.serve(first, second)
    first.health = 500
    becomes(site, one, "unhealthy")
    assert {site.ask().request["app"] for _ in range(6)} == {"b"}
    second.health = 500
    becomes(site, other, "unhealthy")
    assert {site.ask().request["app"] for _ in range(6)} == {"a", "b"}
    first.health = 200
    becomes(site, one, *HEALTHY)
    assert {site.ask().request["app"] for _ in range(6)} == {"a"}


def test_a_group_without_a_listener_is_unused(site, app):
    """Its targets are not checked."""
    instance = site.instance(app("a"))
    site.register(instance)
    site.elb.delete_listener(ListenerArn=site.https)
    assert site.health(instance)[:2] == ("unused", "Target.NotInUse")
    site.https = site.listener(443, "HTTPS", {"Type": "forward", "TargetGroupArn": site.group})
    becomes(site, instance, *HEALTHY)


def test_a_stopped_instance_is_unused(site, app):
    """It is initial when it is started again."""
    (instance,) = site.serve(app("a"))
    site.ec2.stop_instances(InstanceIds=[instance])
    assert site.health(instance) == ("unused", "Target.InvalidState", "Target is in the stopped state")
    assert site.ask().status == 503
    site.ec2.start_instances(InstanceIds=[instance])
    assert site.health(instance)[0] == "initial"
    becomes(site, instance, *HEALTHY)


def test_a_draining_target_finishes_its_requests(site, app):
    """It drains for the delay at the pace, and gets no new request."""
    first, second = app("a"), app("b")
    one, other = site.serve(first, second)
    change = [{"Key": "deregistration_delay.timeout_seconds", "Value": "100"}]
    site.elb.modify_target_group_attributes(TargetGroupArn=site.group, Attributes=change)
    with ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(site.ask, path="/wait") for _ in range(2)]
        assert first.entered.wait(10)
        assert second.entered.wait(10)
        second.release.set()
        began = time.monotonic()
        site.deregister(one)
        told = ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
        assert site.health(one) == told
        assert site.targets() == {one: "draining", other: "healthy"}
        assert {site.ask().request["app"] for _ in range(6)} == {"b"}
        eventually(lambda: time.monotonic() - began > 2.5)  # the delay is over
        assert site.health(one) == told
        first.release.set()
        assert {found.result().body for found in waiting} == {b"a", b"b"}
    becomes(site, one, "unused", "Target.NotRegistered")
    assert site.targets() == {other: "healthy"}


def test_an_idle_target_drains_for_the_delay(site, app):
    """Fifty seconds are one at this pace; registered again, it is new."""
    (instance,) = site.serve(app("a"))
    change = [{"Key": "deregistration_delay.timeout_seconds", "Value": "50"}]
    site.elb.modify_target_group_attributes(TargetGroupArn=site.group, Attributes=change)
    began = time.monotonic()
    site.deregister(instance)
    becomes(site, instance, "unused")
    assert 0.9 < time.monotonic() - began < 30
    site.register(instance)
    site.deregister(instance)
    assert site.health(instance)[0] == "draining"
    site.set_app(instance, None)
    site.register(instance)
    assert site.health(instance)[0] == "initial"


def test_a_killed_target_costs_requests_until_its_checks_fail(site, app):
    """As on AWS, whatever the method: nobody else is asked. Later all requests reach the other target.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html (HTTP 502)
    """
    with application("b") as doomed:
        _, dead = site.serve(app("a"), doomed)
        answers = thousand(site, doomed.kill)
        eventually(lambda: site.health(dead)[0] == "unhealthy")
    assert {answer.request["app"] for _, _, answer in answers[:200]} == {"a", "b"}
    lost = {(method, status) for method, status, _ in answers if status != 200}
    assert {("GET", 502), ("POST", 502)} <= lost <= {(m, s) for m in ("GET", "POST") for s in (502, BROKEN_OFF)}
    assert {site.ask().request["app"] for _ in range(20)} == {"a"}


def thousand(site, deed):
    """Send a thousand requests by four clients, half of them POSTs; run an action after the first three hundred."""
    answers = []

    def client(number):
        method, body = ("POST", b"body") if number % 2 else ("GET", None)
        call = site.connect()
        for _ in range(250):
            try:
                answer = site.ask(method, "/", body, connection=call)
                answers.append((method, answer.status, answer))
            except (http.client.HTTPException, OSError):
                answers.append((method, BROKEN_OFF, None))
                call.close()  # the next request opens it again
            if len(answers) == 300:
                deed()
        call.close()

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(client, range(4)))
    return answers
