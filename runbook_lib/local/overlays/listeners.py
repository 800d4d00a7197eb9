"""Listeners: one per port, with an issued certificate, and with actions read back whole."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeAction, FakeListener

from runbook_lib.local import world
from runbook_lib.local.overlays.around import Method, around
from runbook_lib.local.overlays.refused import Refused

SECURE = ("HTTPS", "TLS")

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
REDIRECT = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
ATTRIBUTES = {"routing.http.response.server.enabled": "true"}


@around(FakeListener, "__init__")
def made(moto: Method, listener: Any, *args: Any, **sent: Any) -> None:
    """A listener has the attributes of its protocol."""
    moto(listener, *args, **sent)
    if listener.protocol in ("HTTP", "HTTPS"):
        listener.attributes = dict(ATTRIBUTES)


@around(FakeAction, "__init__")
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


@around(ELBv2Backend, "create_listener")
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
            raise Refused("DuplicateListener", f"A listener already exists on port {listener.port}.")
    return moto(elb, **sent)


def _settings(listener: Any) -> list[Any]:
    actions = [action.data for action in listener.default_actions]
    return [listener.protocol, listener.certificate, listener.ssl_policy, actions]


def _asked(sent: dict[str, Any]) -> list[Any]:
    actions = [_whole(action) for action in sent["actions"]]
    return [sent["protocol"], sent["certificate"], sent["ssl_policy"], actions]


@around(ELBv2Backend, "modify_listener")
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
    """A certificate that it is given has to be issued, as at its creation.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    for certificate in certificates:
        _refuse_certificate(elb, "HTTPS", certificate["CertificateArn"])
    return moto(elb, arn, port, protocol, ssl_policy, certificates, actions)


def _refuse_certificate(elb: Any, protocol: str, arn: str | None) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html."""
    if not arn:
        raise Refused("ValidationError", f"A certificate must be specified for {protocol} listeners")
    if ":acm:" not in arn:
        return
    acm = world.backend("acm", elb.region_name)
    if arn not in acm._certificates:
        raise Refused("CertificateNotFound", f"Certificate '{arn}' not found")
    if acm.get_certificate(arn).status != "ISSUED":
        needs = "a fully-qualified domain name, a supported signature, and a supported key size"
        raise Refused("UnsupportedCertificate", f"The certificate '{arn}' must have {needs}.")
