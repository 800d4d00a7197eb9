"""Listeners: one per port, with an issued certificate, and with actions read back whole."""

from __future__ import annotations

import re
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeAction, FakeListener
from moto.elbv2.responses import SSL_POLICIES, ELBV2Response

from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

SECURE = ("HTTPS", "TLS")
WEB = ("HTTP", "HTTPS")

# Policies that moto does not list, each with its protocols and ciphers.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
PROTOCOLS = ["TLSv1", "TLSv1.1", "TLSv1.2"]
CIPHERS = [*SSL_POLICIES["ELBSecurityPolicy-2016-08"]["ciphers"]]
FORWARD_SECRET = [cipher for cipher in CIPHERS if cipher.startswith("ECDHE-")]
RESTRICTED = [cipher for cipher in FORWARD_SECRET if not cipher.endswith("-SHA")]
for name, protocols, ciphers in (
    ("ELBSecurityPolicy-FS-2018-06", PROTOCOLS, FORWARD_SECRET),
    ("ELBSecurityPolicy-FS-1-1-2019-08", PROTOCOLS[1:], FORWARD_SECRET),
    ("ELBSecurityPolicy-FS-1-2-2019-08", PROTOCOLS[2:], FORWARD_SECRET),
    ("ELBSecurityPolicy-FS-1-2-Res-2019-08", PROTOCOLS[2:], RESTRICTED),
    ("ELBSecurityPolicy-TLS-1-0-2015-04", PROTOCOLS, [*CIPHERS, "DES-CBC3-SHA"]),
    ("ELBSecurityPolicy-2015-05", PROTOCOLS, CIPHERS),
):
    SSL_POLICIES[name] = {"name": name, "ciphers": ciphers, "ssl_protocols": protocols}

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
REDIRECT = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}

CERTIFICATE = re.compile(r"arn:[\w-]+:(?:acm:[\w-]+:\d{12}:certificate|iam::\d{12}:server-certificate)/")
DUPLICATE = "A listener already exists on this port for this load balancer"

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
ATTRIBUTES = {"routing.http.response.server.enabled": "true"}


@patch(FakeListener, "__init__")
def made(moto: Method, listener: Any, *args: Any, **sent: Any) -> None:
    """A listener has the attributes of its protocol."""
    moto(listener, *args, **sent)
    if listener.protocol in WEB:
        listener.attributes = dict(ATTRIBUTES)


@patch(FakeAction, "__init__")
def action(moto: Method, fake: Any, sent: dict[str, Any]) -> None:
    """An action is described in both of its forms, and a redirect with all of its parts.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
    """
    moto(fake, _whole(sent))


def _whole(sent: dict[str, Any]) -> dict[str, Any]:
    if sent.get("Type") == "redirect":
        return {**sent, "RedirectConfig": {**REDIRECT, **sent.get("RedirectConfig", {})}}
    if sent.get("Type") != "forward":
        return sent
    groups = sent.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": sent["TargetGroupArn"]}]
    alone = {"TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else {}
    forward = {"TargetGroupStickinessConfig": {"Enabled": False}, **sent.get("ForwardConfig", {})}
    weighted = [{"Weight": 1, **group} for group in groups]
    return {**sent, **alone, "ForwardConfig": {**forward, "TargetGroups": weighted}}


@patch(ELBV2Response, "create_listener")
def create(moto: Method, response: Any) -> Any:
    """What only a secure listener has is refused for another one, and a policy is one of those that there are.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
    """
    balancer = response.elbv2_backend.load_balancers.get(response._get_param("LoadBalancerArn"))
    protocol, policy = response._get_param("Protocol"), response._get_param("SslPolicy")
    if balancer and balancer.type == "application" and protocol not in WEB:
        raise ServiceError("ValidationError", f"Protocol '{protocol}' must be one of 'HTTP, HTTPS'")
    if protocol not in SECURE and response._get_param("Certificates"):
        raise ServiceError("ValidationError", f"A certificate cannot be specified for {protocol} listeners")
    if protocol not in SECURE and policy:
        raise ServiceError("ValidationError", f"An SSL policy cannot be specified for {protocol} listeners")
    if policy and policy not in SSL_POLICIES:
        raise ServiceError("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
    return moto(response)


@patch(ELBV2Response, "modify_listener")
def modify(moto: Method, response: Any) -> Any:
    """A policy is one of those that there are.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    policy = response._get_param("SslPolicy")
    if policy and policy not in SSL_POLICIES:
        raise ServiceError("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
    return moto(response)


@patch(ELBv2Backend, "create_listener")
def create_listener(moto: Method, elb: Any, **sent: Any) -> Any:
    """A port is taken once; the same request again is the same listener. Only a secure one has a TLS policy.

    "If you attempt to create multiple listeners with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
    """
    if sent["protocol"] in SECURE:
        _refuse_certificate(elb, sent["protocol"], sent["certificate"])
    else:
        sent["ssl_policy"] = None
    balancer = elb.load_balancers.get(sent["load_balancer_arn"])
    for listener in balancer.listeners.values() if balancer else []:
        if str(listener.port) == str(sent["port"]):
            if _settings(listener) == _asked(sent):
                return listener
            raise ServiceError("DuplicateListener", DUPLICATE)
    if balancer:
        _refuse_groups(elb, balancer, sent["actions"])
    return moto(elb, **sent)


def _settings(listener: Any) -> list[Any]:
    actions = [action.data for action in listener.default_actions]
    return [listener.protocol, listener.certificate, listener.ssl_policy, actions]


def _asked(sent: dict[str, Any]) -> list[Any]:
    actions = [_whole(action) for action in sent["actions"]]
    return [sent["protocol"], sent["certificate"], sent["ssl_policy"], actions]


@patch(ELBv2Backend, "modify_listener")
def modify_listener(
    moto: Method,
    elb: Any,
    arn: str,
    port: str | None,
    protocol: str | None,
    ssl_policy: str | None,
    certificates: list[dict[str, Any]],
    actions: list[dict[str, Any]],
) -> Any:
    """What it is given has to be as at its creation: a port of its own, issued certificates, its own target groups.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    for certificate in certificates:
        _refuse_certificate(elb, "HTTPS", certificate["CertificateArn"])
    for balancer in elb.load_balancers.values():
        others = [str(listener.port) for listener in balancer.listeners.values() if listener.arn != arn]
        if arn in balancer.listeners and port and str(port) in others:
            raise ServiceError("DuplicateListener", DUPLICATE)
        if arn in balancer.listeners:
            _refuse_groups(elb, balancer, actions)
    return moto(elb, arn, port, protocol, ssl_policy, certificates, actions)


@patch(ELBv2Backend, "add_listener_certificates")
def add_listener_certificates(moto: Method, elb: Any, arn: str, certificates: list[dict[str, Any]]) -> Any:
    """Like the default certificate; one that the listener has already is not added again.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddListenerCertificates.html
    """
    for certificate in certificates:
        _refuse_certificate(elb, "HTTPS", certificate["CertificateArn"])
    (listener,) = elb.describe_listeners(load_balancer_arn=None, listener_arns=[arn])
    return moto(elb, arn, [one for one in certificates if one["CertificateArn"] not in listener.certificates])


def _refuse_certificate(elb: Any, protocol: str, arn: str | None) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html."""
    if not arn:
        raise ServiceError("ValidationError", f"A certificate must be specified for {protocol} listeners")
    if not CERTIFICATE.match(arn):
        raise ServiceError("ValidationError", f"Certificate ARN '{arn}' is not valid")
    acm = world.backend("acm", elb.region_name)
    if ":iam:" in arn and world.backend("iam").get_certificate_by_arn(arn):
        return
    if arn not in acm._certificates:
        raise ServiceError("CertificateNotFound", f"Certificate '{arn}' not found")
    if acm.get_certificate(arn).status != "ISSUED":
        needs = "a fully-qualified domain name, a supported signature, and a supported key size"
        raise ServiceError("UnsupportedCertificate", f"The certificate '{arn}' must have {needs}.")


def _refuse_groups(elb: Any, balancer: Any, actions: list[dict[str, Any]]) -> None:
    """A target group is of the load balancer's VPC, and belongs to no other load balancer.

    "Each target group can be associated with only one load balancer":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
    """
    forwards = [_whole(action) for action in actions if action.get("Type") == "forward"]
    for arn in [group["TargetGroupArn"] for found in forwards for group in found["ForwardConfig"]["TargetGroups"]]:
        group = elb.target_groups.get(arn)
        if group is None:
            raise ServiceError("TargetGroupNotFound", f"Target groups '{arn}' not found")
        if group.vpc_id and group.vpc_id != balancer.vpc_id:
            where = f"is in a different VPC than load balancer '{balancer.arn}'"
            raise ServiceError("InvalidConfigurationRequest", f"Target group '{arn}' {where}")
        if any(_forwards_to(other, arn) for other in elb.load_balancers.values() if other is not balancer):
            why = f"The following target groups cannot be associated with more than one load balancer: {arn}"
            raise ServiceError("TargetGroupAssociationLimit", why)


def _forwards_to(balancer: Any, arn: str) -> bool:
    """moto writes down a target group's load balancers, and never that one has let go of it."""
    rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
    forwards = [action.data for rule in rules for action in rule.actions if action.data.get("Type") == "forward"]
    return any(
        arn == group["TargetGroupArn"] for found in forwards for group in _whole(found)["ForwardConfig"]["TargetGroups"]
    )
