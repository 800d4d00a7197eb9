"""Listeners: one per port, with an issued certificate, and with complete actions."""

from __future__ import annotations

import re
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeAction, FakeListener
from moto.elbv2.responses import SSL_POLICIES, ELBV2Response

from embedded_aws.account import backends
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
def initialize(moto: Method, listener: Any, *args: Any, **params: Any) -> None:
    """Set the default attributes of an HTTP or HTTPS listener."""
    moto(listener, *args, **params)
    if listener.protocol in WEB:
        listener.attributes = dict(ATTRIBUTES)


@patch(FakeAction, "__init__")
def initialize_action(moto: Method, action: Any, data: dict[str, Any]) -> None:
    """Complete an action: a forward in both of its forms, and a redirect with all of its fields.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
    """
    moto(action, _complete_action(data))


def _complete_action(data: dict[str, Any]) -> dict[str, Any]:
    if data.get("Type") == "redirect":
        return {**data, "RedirectConfig": {**REDIRECT, **data.get("RedirectConfig", {})}}
    if data.get("Type") != "forward":
        return data
    groups = data.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": data["TargetGroupArn"]}]
    single = {"TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else {}
    forward = {"TargetGroupStickinessConfig": {"Enabled": False}, **data.get("ForwardConfig", {})}
    weighted = [{"Weight": 1, **group} for group in groups]
    return {**data, **single, "ForwardConfig": {**forward, "TargetGroups": weighted}}


@patch(ELBV2Response, "create_listener")
def validate_new_listener(moto: Method, response: Any) -> Any:
    """Reject certificates and policies of insecure listeners, and unknown policies.

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
def validate_modified_listener(moto: Method, response: Any) -> Any:
    """Reject an unknown policy.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    policy = response._get_param("SslPolicy")
    if policy and policy not in SSL_POLICIES:
        raise ServiceError("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
    return moto(response)


@patch(ELBv2Backend, "create_listener")
def create_listener(moto: Method, elb: Any, **params: Any) -> Any:
    """Reject a second listener on a port; return the existing one for the same request. Drop the policy of HTTP.

    "If you attempt to create multiple listeners with the same settings, each call succeeds":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
    """
    if params["protocol"] in SECURE:
        _validate_certificate(elb, params["protocol"], params["certificate"])
    else:
        params["ssl_policy"] = None
    balancer = elb.load_balancers.get(params["load_balancer_arn"])
    for listener in balancer.listeners.values() if balancer else []:
        if str(listener.port) == str(params["port"]):
            if _settings_of(listener) == _requested_settings(params):
                return listener
            raise ServiceError("DuplicateListener", DUPLICATE)
    if balancer:
        _validate_target_groups(elb, balancer, params["actions"])
    return moto(elb, **params)


def _settings_of(listener: Any) -> list[Any]:
    actions = [action.data for action in listener.default_actions]
    return [listener.protocol, listener.certificate, listener.ssl_policy, actions]


def _requested_settings(params: dict[str, Any]) -> list[Any]:
    actions = [_complete_action(action) for action in params["actions"]]
    return [params["protocol"], params["certificate"], params["ssl_policy"], actions]


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
    """Validate port, certificates and target groups as at the creation.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    for certificate in certificates:
        _validate_certificate(elb, "HTTPS", certificate["CertificateArn"])
    for balancer in elb.load_balancers.values():
        others = [str(listener.port) for listener in balancer.listeners.values() if listener.arn != arn]
        if arn in balancer.listeners and port and str(port) in others:
            raise ServiceError("DuplicateListener", DUPLICATE)
        if arn in balancer.listeners:
            _validate_target_groups(elb, balancer, actions)
    return moto(elb, arn, port, protocol, ssl_policy, certificates, actions)


def _validate_certificate(elb: Any, protocol: str, arn: str | None) -> None:
    """Require a certificate that is issued for a full domain name; "localhost" or "web" is none.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
    https://github.com/crossplane-contrib/provider-upjet-aws/issues/338
    """
    if not arn:
        raise ServiceError("ValidationError", f"A certificate must be specified for {protocol} listeners")
    if not CERTIFICATE.match(arn):
        raise ServiceError("ValidationError", f"Certificate ARN '{arn}' is not valid")
    acm = backends.backend("acm", elb.region_name)
    if ":iam:" in arn and backends.backend("iam").get_certificate_by_arn(arn):
        return
    if arn not in acm._certificates:
        raise ServiceError("CertificateNotFound", f"Certificate '{arn}' not found")
    certificate = acm.get_certificate(arn)
    if certificate.status != "ISSUED" or "." not in certificate.common_name:
        needs = "a fully-qualified domain name, a supported signature, and a supported key size"
        raise ServiceError("UnsupportedCertificate", f"The certificate '{arn}' must have {needs}.")


def _validate_target_groups(elb: Any, balancer: Any, actions: list[dict[str, Any]]) -> None:
    """Require that the target groups are in the load balancer's VPC and used by no other load balancer.

    "Each target group can be associated with only one load balancer":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
    """
    for arn in _target_groups_of(actions):
        group = elb.target_groups.get(arn)
        if group is None:
            raise ServiceError("TargetGroupNotFound", f"Target groups '{arn}' not found")
        if group.vpc_id and group.vpc_id != balancer.vpc_id:
            problem = f"is in a different VPC than load balancer '{balancer.arn}'"
            raise ServiceError("InvalidConfigurationRequest", f"Target group '{arn}' {problem}")
        if any(_forwards_to(other, arn) for other in elb.load_balancers.values() if other is not balancer):
            message = f"The following target groups cannot be associated with more than one load balancer: {arn}"
            raise ServiceError("TargetGroupAssociationLimit", message)


def _forwards_to(balancer: Any, arn: str) -> bool:
    """Return whether a rule forwards to a target group; moto's own list of its load balancers never shrinks."""
    rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
    return arn in _target_groups_of([action.data for rule in rules for action in rule.actions])


def _target_groups_of(actions: list[dict[str, Any]]) -> list[str]:
    forwards = [_complete_action(action) for action in actions if action.get("Type") == "forward"]
    return [group["TargetGroupArn"] for forward in forwards for group in forward["ForwardConfig"]["TargetGroups"]]
