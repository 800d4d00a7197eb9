"""What listeners and their rules do not do: nothing at all, redirect onto themselves, or lose their default."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend
from moto.elbv2.responses import ELBV2Response

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

INVALID = "InvalidLoadBalancerAction"
# What has to differ: "You must modify at least one of the following components to avoid a redirect loop: protocol,
# port, hostname or path." https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
SAME = {"Host": "#{host}", "Path": "/#{path}"}


@patch(ELBV2Response, "create_listener")
def create_listener(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html (DefaultActions)."""
    sent = response.params
    if not sent.get("DefaultActions"):
        raise ServiceError("ValidationError", "A default action must be specified")
    _refuse_redirects(sent["DefaultActions"], sent.get("Protocol"), sent.get("Port"))
    return moto(response)


@patch(ELBV2Response, "modify_listener")
def modify_listener(moto: Method, response: Any) -> Any:
    """As it is afterwards: another port may make a loop of the redirect that it has.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    sent, listener = response.params, _listener(response.elbv2_backend, response.params["ListenerArn"])
    if listener:
        actions = sent.get("DefaultActions") or [action.data for action in listener.default_actions]
        _refuse_redirects(actions, sent.get("Protocol") or listener.protocol, sent.get("Port") or listener.port)
    return moto(response)


@patch(ELBV2Response, "create_rule")
def create_rule(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html."""
    sent, listener = response.params, _listener(response.elbv2_backend, response.params["ListenerArn"])
    if listener:
        _refuse_redirects(sent.get("Actions") or [], listener.protocol, listener.port)
    return moto(response)


@patch(ELBV2Response, "modify_rule")
def modify_rule(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html."""
    sent = response.params
    for listener in _listeners(response.elbv2_backend):
        if any(rule.arn == sent["RuleArn"] for rule in listener.rules.values()):
            _refuse_redirects(sent.get("Actions") or [], listener.protocol, listener.port)
    return moto(response)


@patch(ELBv2Backend, "delete_rule")
def delete_rule(moto: Method, elb: Any, arn: str) -> None:
    """ "You can't delete the default rule."

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
    """
    for listener in _listeners(elb):
        if any(rule.arn == arn and rule.is_default for rule in listener.rules.values()):
            raise ServiceError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
    moto(elb, arn)


def _listeners(elb: Any) -> list[Any]:
    return [listener for balancer in elb.load_balancers.values() for listener in balancer.listeners.values()]


def _listener(elb: Any, arn: str) -> Any:
    return next((listener for listener in _listeners(elb) if listener.arn == arn), None)


def _refuse_redirects(actions: list[dict[str, Any]], protocol: str | None, port: Any) -> None:
    for redirect in [action.get("RedirectConfig") for action in actions if action.get("Type") == "redirect"]:
        if not redirect:
            raise ServiceError(
                INVALID, "For actions of type 'redirect', you must specify the following fields: 'RedirectConfig'"
            )
        here = redirect.get("Protocol") in (None, "#{protocol}", protocol)
        here = here and str(redirect.get("Port") or "#{port}") in ("#{port}", str(port))
        if here and all(redirect.get(part) in (None, same) for part, same in SAME.items()):
            raise ServiceError(INVALID, "The redirect configuration is not valid because it creates a loop.")
