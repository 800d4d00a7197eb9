"""ELB.x, ACM.x and AutoScaling.x: the load balancer, its certificates, and the group of the web servers.

https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/acm-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from ....aws.snapshot import ApiObject, tags_of
from ....formatting import pluralize
from ....resources.auto_scaling_group import AutoScalingGroup, find_scaling_group
from ....resources.base import Resource
from ....resources.listener import Listener, RedirectListener
from ....resources.load_balancer import LoadBalancer
from ....resources.target_group import TargetGroup
from ..account import Account
from ..claims_of_servers import NEAR, accepts_old_tls, plain_answers
from .outcome import Evaluation, Offence, Outcome, Wrong, judge, none

_NO_BALANCER = "there is no load balancer"
_NO_GROUP = "there is no Auto Scaling group"
_ON, _DESYNC = ("true",), ("defensive", "strictest")


def _own(account: Account, kind: type[Resource], found: list[ApiObject], name: str) -> Iterator[tuple[str, ApiObject]]:
    """What AWS describes of the environment's resources of a kind, with their keys; *name* is the field with theirs."""
    for wanted in account.environment.every(kind):
        yield from ((wanted.key, each) for each in found if each[name] == account.snapshot.aws.name(wanted))


def _balancer(account: Account) -> tuple[str, ApiObject] | None:
    found = account.snapshot.all("elbv2", "describe_load_balancers", "LoadBalancers")
    return next(_own(account, LoadBalancer, found, "LoadBalancerName"), None)


def _attribute(name: str, accepted: tuple[str, ...], account: Account) -> Outcome:
    balancer = _balancer(account)
    if balancer is None:
        return none(_NO_BALANCER)
    key, arn = balancer[0], balancer[1]["LoadBalancerArn"]
    answer = account.snapshot.get("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=arn) or {}
    value = next((each["Value"] for each in answer.get("Attributes", []) if each["Key"] == name), "not set")
    return Outcome([arn], [] if value in accepted else [Offence(arn, f"has {name} {value}", key)])


def _zones(account: Account) -> Outcome:
    balancer = _balancer(account)
    if balancer is None:
        return none(_NO_BALANCER)
    key, arn, zones = balancer[0], balancer[1]["LoadBalancerArn"], len(balancer[1]["AvailabilityZones"])
    return Outcome([arn], [] if zones > 1 else [Offence(arn, f"is in {pluralize(zones, 'zone')}", key)])


def _listeners(account: Account) -> list[ApiObject]:
    balancer = _balancer(account)
    arn = balancer[1]["LoadBalancerArn"] if balancer else ""
    return account.snapshot.all("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn)


def _each_listener(account: Account, wrong: Wrong) -> Outcome:
    own = (*account.environment.every(Listener), *account.environment.every(RedirectListener))
    keys = {each.port: each.key for each in own}
    looked_at, offences = list[str](), list[Offence]()
    for listener in _listeners(account):
        looked_at.append(listener["ListenerArn"])
        if why := wrong(listener):
            key = keys.get(listener["Port"], "")
            offences.append(Offence(listener["ListenerArn"], f"{why} on port {listener['Port']}", key))
    return Outcome(looked_at, offences) if looked_at else none(_NO_BALANCER)


def _redirects(account: Account) -> Outcome:
    def wrong(listener: ApiObject) -> str:
        return ", ".join(plain_answers(account, listener)) if listener["Protocol"] == "HTTP" else ""

    return _each_listener(account, wrong)


def _old_policy(listener: ApiObject) -> str:
    policy = listener.get("SslPolicy")
    return f"has the policy {policy}" if policy and accepts_old_tls(policy) else ""


def _target_group(field: str, account: Account) -> Outcome:
    found = account.snapshot.all("elbv2", "describe_target_groups", "TargetGroups")
    own = [(key, each["TargetGroupArn"], each[field]) for key, each in
           _own(account, TargetGroup, found, "TargetGroupName")]  # fmt: skip
    offences = [Offence(arn, f"has {field} {value}", key) for key, arn, value in own if value not in ("HTTPS", "TLS")]
    return Outcome([arn for _, arn, _ in own], offences) if own else none("there is no target group")


def _certificates(account: Account, wrong: Wrong) -> Outcome:
    arns = {c["CertificateArn"] for listener in _listeners(account) for c in listener.get("Certificates") or ()}
    answers = (
        account.snapshot.get("acm", "describe_certificate", missing="ResourceNotFoundException", CertificateArn=arn)
        for arn in sorted(arns)
    )
    found = [answer["Certificate"] for answer in answers if answer]
    return judge(found, "CertificateArn", wrong, "no listener has a certificate", key="certificate.web")


def _expires(certificate: ApiObject) -> str:
    until = certificate.get("NotAfter")
    return f"expires at {until:%Y-%m-%d}" if until and until <= datetime.now(UTC) + NEAR else ""


def _short_key(certificate: ApiObject) -> str:
    name = str(certificate.get("KeyAlgorithm"))
    kind, _, bits = name.replace("-", "_").partition("_")
    return f"has a key of {name}" if kind == "RSA" and bits.isdigit() and int(bits) < 2048 else ""


def _group(account: Account) -> ApiObject | None:
    wanted = account.the(AutoScalingGroup)
    return find_scaling_group(account.snapshot, wanted) if wanted else None


def _each_group(account: Account, wrong: Wrong) -> Outcome:
    group = _group(account)
    return judge([group] if group else [], "AutoScalingGroupName", wrong, _NO_GROUP)


def _health(group: ApiObject) -> str:
    balanced = group.get("TargetGroupARNs") or group.get("LoadBalancerNames")
    kind = group["HealthCheckType"]
    return f"uses {kind} health checks" if balanced and "ELB" not in kind.split(",") else ""


def _group_zones(group: ApiObject) -> str:
    zones = group["AvailabilityZones"]
    return "" if len(zones) > 1 else f"covers {', '.join(zones)} only"


def _types(group: ApiObject) -> str:
    template = (group.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    types = {each.get("InstanceType") for each in template.get("Overrides") or () if each.get("InstanceType")}
    return "" if len(types) > 1 and len(group["AvailabilityZones"]) > 1 else "has one type of instance"


def _templates(group: ApiObject) -> str:
    return "" if group.get("LaunchTemplate") or group.get("MixedInstancesPolicy") else "has no launch template"


def _launch_configuration(instead: str, account: Account) -> Outcome:
    """AutoScaling.3 and .5: new accounts cannot make launch configurations, so any is wrong here."""
    group = _group(account) or {}
    name = group.get("LaunchConfigurationName")
    if not name:
        return none(f"the group has no launch configuration; {instead} looks at its launch template")
    own = group["AutoScalingGroupName"]
    key = tags_of(group).get("runbook:key", "")
    return Outcome([own, name], [Offence(own, f"has the launch configuration {name}", key)])


EVALUATIONS: dict[str, Evaluation] = {
    "ACM.1": lambda a: _certificates(a, _expires),
    "ACM.2": lambda a: _certificates(a, _short_key),
    "AutoScaling.1": lambda a: _each_group(a, _health),
    "AutoScaling.2": lambda a: _each_group(a, _group_zones),
    "AutoScaling.3": partial(_launch_configuration, "EC2.170"),
    "AutoScaling.5": partial(_launch_configuration, "EC2.25"),
    "AutoScaling.6": lambda a: _each_group(a, _types),
    "AutoScaling.9": lambda a: _each_group(a, _templates),
    "ELB.1": _redirects,
    "ELB.4": partial(_attribute, "routing.http.drop_invalid_header_fields.enabled", _ON),
    "ELB.5": partial(_attribute, "access_logs.s3.enabled", _ON),
    "ELB.6": partial(_attribute, "deletion_protection.enabled", _ON),
    "ELB.12": partial(_attribute, "routing.http.desync_mitigation_mode", _DESYNC),
    "ELB.13": _zones,
    "ELB.17": lambda a: _each_listener(a, _old_policy),
    "ELB.18": lambda a: _each_listener(a, lambda i: "" if i["Protocol"] == "HTTPS" else f"speaks {i['Protocol']}"),
    "ELB.21": partial(_target_group, "HealthCheckProtocol"),
    "ELB.22": partial(_target_group, "Protocol"),
}
