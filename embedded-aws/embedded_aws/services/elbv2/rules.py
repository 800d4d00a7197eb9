"""Validate actions of listeners and rules: a default action, no redirect loops, and a default rule that stays."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend
from moto.elbv2.responses import ELBV2Response

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

INVALID = "InvalidLoadBalancerAction"
# "You must modify at least one of the following components to avoid a redirect loop: protocol,
# port, hostname or path." https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
UNCHANGED = {"Host": "#{host}", "Path": "/#{path}"}


@patch(ELBV2Response, "create_listener")
def create_listener(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html (DefaultActions)."""
    params = response.params
    if not params.get("DefaultActions"):
        raise ServiceError("ValidationError", "A default action must be specified")
    _validate_redirects(params["DefaultActions"], params.get("Protocol"), params.get("Port"))
    return moto(response)


@patch(ELBV2Response, "modify_listener")
def modify_listener(moto: Method, response: Any) -> Any:
    """Validate the listener as it is after the change: another port can turn its redirect into a loop.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html
    """
    params, listener = response.params, _find_listener(response.elbv2_backend, response.params["ListenerArn"])
    if listener:
        actions = params.get("DefaultActions") or [action.data for action in listener.default_actions]
        _validate_redirects(actions, params.get("Protocol") or listener.protocol, params.get("Port") or listener.port)
    return moto(response)


@patch(ELBV2Response, "create_rule")
def create_rule(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html."""
    params, listener = response.params, _find_listener(response.elbv2_backend, response.params["ListenerArn"])
    if listener:
        _validate_redirects(params.get("Actions") or [], listener.protocol, listener.port)
    return moto(response)


@patch(ELBV2Response, "modify_rule")
def modify_rule(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html."""
    params = response.params
    for listener in _all_listeners(response.elbv2_backend):
        if any(rule.arn == params["RuleArn"] for rule in listener.rules.values()):
            _validate_redirects(params.get("Actions") or [], listener.protocol, listener.port)
    return moto(response)


@patch(ELBv2Backend, "delete_rule")
def delete_rule(moto: Method, elb: Any, arn: str) -> None:
    """ "You can't delete the default rule".

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
    """
    for listener in _all_listeners(elb):
        if any(rule.arn == arn and rule.is_default for rule in listener.rules.values()):
            raise ServiceError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
    moto(elb, arn)


def _all_listeners(elb: Any) -> list[Any]:
    return [listener for balancer in elb.load_balancers.values() for listener in balancer.listeners.values()]


def _find_listener(elb: Any, arn: str) -> Any:
    return next((listener for listener in _all_listeners(elb) if listener.arn == arn), None)


def _validate_redirects(actions: list[dict[str, Any]], protocol: str | None, port: Any) -> None:
    for redirect in [action.get("RedirectConfig") for action in actions if action.get("Type") == "redirect"]:
        if not redirect:
            raise ServiceError(
                INVALID, "For actions of type 'redirect', you must specify the following fields: 'RedirectConfig'"
            )
        same_listener = redirect.get("Protocol") in (None, "#{protocol}", protocol)
        same_listener = same_listener and str(redirect.get("Port") or "#{port}") in ("#{port}", str(port))
        if same_listener and all(redirect.get(part) in (None, unchanged) for part, unchanged in UNCHANGED.items()):
            raise ServiceError(INVALID, "The redirect configuration is not valid because it creates a loop.")
