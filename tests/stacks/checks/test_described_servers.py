"""The controls of the load balancer, its certificates and the Auto Scaling group, evaluated on what AWS would describe.

https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/acm-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html
"""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from runbook_lib.resources.auto_scaling_group import AutoScalingGroup
from runbook_lib.resources.listener import Listener, RedirectListener
from runbook_lib.resources.load_balancer import LoadBalancer
from runbook_lib.resources.target_group import TargetGroup
from runbook_lib.stacks.checks.controls import load_balancing
from tests.stacks.checks.described import call, evaluate, wanted

BALANCER, GROUP, SERVERS = wanted(LoadBalancer), wanted(TargetGroup), wanted(AutoScalingGroup)
LISTENERS = [wanted(RedirectListener, "http", port=80), wanted(Listener, "https", port=443)]
NO_BALANCER = "there is no load balancer"


def balancers(*zones, there=True):
    """The environment's load balancer between two others."""
    own = [
        {"LoadBalancerName": name, "LoadBalancerArn": f"arn:{name}", "AvailabilityZones": [*zones]}
        for name in ("test-x", *(["prod-x"] if there else []), "prod-y")
    ]
    return {call("elbv2", "describe_load_balancers"): {"LoadBalancers": own}}


ATTRIBUTES = {  # its name, what is accepted, what is not
    "ELB.4": ("routing.http.drop_invalid_header_fields.enabled", ["true"], ["false"]),
    "ELB.5": ("access_logs.s3.enabled", ["true"], ["false"]),
    "ELB.6": ("deletion_protection.enabled", ["true"], ["false"]),
    "ELB.12": ("routing.http.desync_mitigation_mode", ["defensive", "strictest"], ["monitor", "true"]),
}


@pytest.mark.parametrize("control", ATTRIBUTES)
def test_an_attribute_of_the_load_balancer(control):
    name, accepted, others = ATTRIBUTES[control]
    asked = call("elbv2", "describe_load_balancer_attributes", LoadBalancerArn="arn:prod-x")
    for value in (*accepted, *others, "not set"):
        listed = [{"Key": "a", "Value": accepted[0]}, {"Key": name, "Value": value}, {"Key": "b", "Value": "false"}]
        answer = {"Attributes": [each for each in listed if each["Value"] != "not set"]}
        offences = [] if value in accepted else [("arn:prod-x", f"has {name} {value}", "own.x")]
        assert evaluate(control, balancers() | {asked: answer}, BALANCER) == (["arn:prod-x"], offences)
    unset = (["arn:prod-x"], [("arn:prod-x", f"has {name} not set", "own.x")])
    assert evaluate(control, balancers() | {asked: {}}, BALANCER) == unset
    assert evaluate(control, balancers(there=False), BALANCER) == NO_BALANCER
    assert evaluate(control, balancers()) == NO_BALANCER


def test_a_load_balancer_without_an_arn_has_no_attributes():
    """AWS may leave out each field."""
    bare = {call("elbv2", "describe_load_balancers"): {"LoadBalancers": [
        {"LoadBalancerName": "prod-x", "LoadBalancerArn": ""}]}}  # fmt: skip
    assert evaluate("ELB.5", bare, BALANCER) == ([""], [("", "has access_logs.s3.enabled not set", "own.x")])


@pytest.mark.parametrize(("zones", "why"), [("", "is in 0 zones"), ("a", "is in 1 zone"), ("ab", ""), ("abc", "")])
def test_the_zones_of_the_load_balancer(zones, why):
    offences = [("arn:prod-x", why, "own.x")] if why else []
    assert evaluate("ELB.13", balancers(*zones), BALANCER) == (["arn:prod-x"], offences)
    assert evaluate("ELB.13", balancers(*zones, there=False), BALANCER) == NO_BALANCER
    assert evaluate("ELB.13", balancers(*zones)) == NO_BALANCER


def listeners(*items):
    """Listeners l-1, l-2 …, by default of HTTPS on port 443."""
    own = [{"ListenerArn": f"l-{n}", "Protocol": "HTTPS", "Port": 443, **more} for n, more in enumerate(items, 1)]
    return balancers() | {call("elbv2", "describe_listeners", LoadBalancerArn="arn:prod-x"): {"Listeners": own}}


def rules(listener, *actions):
    own = [{"Priority": f"{n}", "IsDefault": n == 1, "Actions": [each]} for n, each in enumerate(actions, 1)]
    return {call("elbv2", "describe_rules", ListenerArn=listener): {"Rules": own}}


HTTP, FORWARD = {"Protocol": "HTTP", "Port": 80}, {"Type": "forward"}
REDIRECT = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS"}}
CURRENT, OLD = "ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"
OFFENCES = {
    "ELB.1": (
        listeners(HTTP, {}, HTTP | {"Port": 81}, HTTP) | rules("l-1", REDIRECT) | rules("l-3", FORWARD, FORWARD)
        | rules("l-4", REDIRECT, FORWARD),
        [("l-3", "answers by default with forward, not with a redirect to HTTPS, "
          "answers with rule 2 with forward, not with a redirect to HTTPS on port 81", ""),
         ("l-4", "answers with rule 2 with forward, not with a redirect to HTTPS on port 80", "own.http")],
    ),
    "ELB.17": (
        listeners({"SslPolicy": CURRENT}, HTTP, {"SslPolicy": OLD}, {"SslPolicy": OLD, "Port": 8443}),
        [("l-3", f"has the policy {OLD} on port 443", "own.https"), ("l-4", f"has the policy {OLD} on port 8443", "")],
    ),
    "ELB.18": (
        listeners({}, HTTP, {"Protocol": "TLS", "Port": 444}, {}),
        [("l-2", "speaks HTTP on port 80", "own.http"), ("l-3", "speaks TLS on port 444", "")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("control", OFFENCES)
def test_the_listeners_of_the_load_balancer(control):
    answers, offences = OFFENCES[control]
    assert evaluate(control, answers, BALANCER, *LISTENERS) == (["l-1", "l-2", "l-3", "l-4"], offences)
    for none in (listeners(), balancers(there=False)):
        assert evaluate(control, none, BALANCER, *LISTENERS) == NO_BALANCER
    assert evaluate(control, answers, *LISTENERS) == NO_BALANCER


@pytest.mark.parametrize(("control", "field"), [("ELB.21", "HealthCheckProtocol"), ("ELB.22", "Protocol")])
def test_the_target_group_speaks_tls(control, field):
    def answers(value):
        own = [
            {"TargetGroupName": name, "TargetGroupArn": f"arn:{name}", "HealthCheckProtocol": "TCP", "Protocol": "TCP"}
            | ({field: value} if name == "prod-x" else {})
            for name in ("test-x", *(["prod-x"] if value else []), "prod-y")
        ]
        return {call("elbv2", "describe_target_groups"): {"TargetGroups": own}}

    for value in ("HTTPS", "TLS", "HTTP", "TCP"):
        offences = [] if value in ("HTTPS", "TLS") else [("arn:prod-x", f"has {field} {value}", "own.x")]
        assert evaluate(control, answers(value), GROUP) == (["arn:prod-x"], offences)
    assert evaluate(control, answers(""), GROUP) == "there is no target group"
    assert evaluate(control, answers("HTTPS")) == "there is no target group"


def certificates(*described):
    """Of five listeners, the last but one has the first certificate, too; the last has none."""
    arns = [f"c-{n}" for n in range(1, len(described) + 1)]
    used = [*reversed(arns), *arns[:1]]
    answers = listeners(*({"Certificates": [{"CertificateArn": each}]} for each in used), {}, {"Certificates": None})
    for arn, each in zip(arns, described, strict=True):
        asked = call("acm", "describe_certificate", CertificateArn=arn)
        answers[asked] = each if isinstance(each, str) else {"Certificate": {"CertificateArn": arn, **each}}
    return answers


GONE, NOW = "ResourceNotFoundException", datetime(2026, 11, 28, 12, tzinfo=UTC)
MONTH, SECOND = timedelta(days=30), timedelta(seconds=1)


def test_a_certificate_is_renewed_a_month_before_it_ends(monkeypatch):
    monkeypatch.setattr(load_balancing, "datetime", SimpleNamespace(now=lambda zone: NOW if zone else None))
    ends = [NOW + MONTH + SECOND, NOW + MONTH, NOW - MONTH]
    answers = certificates(
        {"NotAfter": ends[0]}, {"NotAfter": ends[1]}, {}, GONE, {"NotAfter": ends[2]}, {"NotAfter": None}
    )
    offences = [
        ("c-2", "expires at 2026-12-28", "certificate.web"),
        ("c-5", "expires at 2026-10-29", "certificate.web"),
    ]
    assert evaluate("ACM.1", answers, BALANCER) == (["c-1", "c-2", "c-3", "c-5", "c-6"], offences)


def test_the_key_of_a_certificate_has_2048_bits():
    names = [
        "RSA_1024",
        "RSA-1024",
        "RSA_2048",
        "RSA-2048",
        "RSA_2047",
        "EC_prime256v1",
        "EC_1024",
        "RSA_a",
        "RSA",
        "",
        None,
    ]
    answers = certificates(*({"KeyAlgorithm": each} for each in names), {}, GONE)
    looked_at, offences = evaluate("ACM.2", answers, BALANCER)
    assert looked_at == sorted(f"c-{n}" for n in range(1, 13))
    assert offences == [(f"c-{n + 1}", f"has a key of {names[n]}", "certificate.web") for n in (0, 1, 4)]


@pytest.mark.parametrize("control", ["ACM.1", "ACM.2"])
def test_without_a_certificate(control):
    for answers in (certificates(), certificates(GONE), balancers(there=False)):
        assert evaluate(control, answers, BALANCER) == "no listener has a certificate"
    assert evaluate(control, certificates({})) == "no listener has a certificate"


def groups(there=True, **more):
    """The environment's group between two others."""
    own = [
        {"AutoScalingGroupName": name, "AvailabilityZones": ["a", "b"], "HealthCheckType": "ELB", **more}
        for name in ("test-x", *(["prod-x"] if there else []), "prod-y")
    ]
    return {call("autoscaling", "describe_auto_scaling_groups"): {"AutoScalingGroups": own}}


def types(*names, **more):
    overrides = [{"InstanceType": name} if name else {} for name in names]
    return {"MixedInstancesPolicy": {"LaunchTemplate": {"Overrides": overrides}}, **more}


TARGETS, CLASSIC = {"TargetGroupARNs": ["t"]}, {"LoadBalancerNames": ["b"]}
ONE_TYPE = "has one type of instance"


@pytest.mark.parametrize(
    ("control", "described", "why"),
    [
        ("AutoScaling.1", TARGETS, ""),
        ("AutoScaling.1", TARGETS | {"HealthCheckType": "EC2"}, "uses EC2 health checks"),
        ("AutoScaling.1", CLASSIC | {"HealthCheckType": "EC2"}, "uses EC2 health checks"),
        ("AutoScaling.1", TARGETS | {"HealthCheckType": "EBS,ELB"}, ""),
        ("AutoScaling.1", TARGETS | {"HealthCheckType": "EBS,EC2"}, "uses EBS,EC2 health checks"),
        ("AutoScaling.1", {"HealthCheckType": "EC2"}, ""),
        ("AutoScaling.2", {}, ""), ("AutoScaling.2", {"AvailabilityZones": ["a"]}, "covers a only"),
        ("AutoScaling.2", {"AvailabilityZones": ["a", "b", "c"]}, ""),
        ("AutoScaling.6", {}, ONE_TYPE), ("AutoScaling.6", {"MixedInstancesPolicy": {}}, ONE_TYPE),
        ("AutoScaling.6", {"MixedInstancesPolicy": {"LaunchTemplate": {}}}, ONE_TYPE),
        ("AutoScaling.6", types("s"), ONE_TYPE), ("AutoScaling.6", types("s", "s"), ONE_TYPE),
        ("AutoScaling.6", types("s", ""), ONE_TYPE), ("AutoScaling.6", types("s", "m"), ""),
        ("AutoScaling.6", types("s", "m", "l", AvailabilityZones=["a", "b", "c"]), ""),
        ("AutoScaling.6", types("s", "m", AvailabilityZones=["a"]), ONE_TYPE),
        ("AutoScaling.9", {}, "has no launch template"), ("AutoScaling.9", {"LaunchTemplate": {"Version": "1"}}, ""),
        ("AutoScaling.9", types("s"), ""),
        ("AutoScaling.9", {"LaunchConfigurationName": "c"}, "has no launch template"),
    ],
)  # fmt: skip
def test_the_auto_scaling_group(control, described, why):
    for key in ("auto_scaling_group.web", ""):
        tags = {"Tags": [{"Key": "runbook:key", "Value": key}]} if key else {}
        found = evaluate(control, groups(**described, **tags), SERVERS)
        assert found == (["prod-x"], [("prod-x", why, key)] if why else [])
    assert evaluate(control, groups(there=False, **described), SERVERS) == "there is no Auto Scaling group"
    assert evaluate(control, groups(**described)) == "there is no Auto Scaling group"


@pytest.mark.parametrize(("control", "instead"), [("AutoScaling.3", "EC2.170"), ("AutoScaling.5", "EC2.25")])
def test_a_launch_configuration_is_wrong_as_such(control, instead):
    own = {"LaunchConfigurationName": "old", "Tags": [{"Key": "runbook:key", "Value": "auto_scaling_group.web"}]}
    offence = ("prod-x", "has the launch configuration old", "auto_scaling_group.web")
    assert evaluate(control, groups(**own), SERVERS) == (["prod-x", "old"], [offence])
    none = f"the group has no launch configuration; {instead} looks at its launch template"
    assert evaluate(control, groups(LaunchConfigurationName=""), SERVERS) == none
    assert evaluate(control, groups(), SERVERS) == evaluate(control, groups(there=False, **own), SERVERS) == none
    assert evaluate(control, groups(**own)) == none
