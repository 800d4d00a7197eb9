"""Find the rule of a listener that matches a request."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from embedded_aws.load_balancer.listeners import Listener


def action_for(listener: Listener, request: web.BaseRequest) -> Mapping[str, Any]:
    """Return the action of the first rule whose conditions all match; the last rule has none.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
    """
    return next(
        rule.action for rule in listener.rules if all(_matches(condition, request) for condition in rule.conditions)
    )


def target_group_of(action: Mapping[str, Any]) -> str:
    """Return the target group for a forwarded request: of several, a random one by their weights."""
    groups = action["ForwardConfig"]["TargetGroups"]
    weights = [group.get("Weight", 1) for group in groups]
    if len(groups) == 1 or not any(weights):
        return str(groups[0]["TargetGroupArn"])
    return str(random.choices(groups, weights)[0]["TargetGroupArn"])


def _matches(condition: Mapping[str, Any], request: web.BaseRequest) -> bool:
    """Whether a condition on path, host or method matches; other conditions never do."""
    field = condition["Field"]
    patterns = condition.get("Values") or condition.get(CONFIG_FIELDS.get(field, ""), {}).get("Values", [])
    if field == "path-pattern":
        return any(fnmatchcase(request.raw_path.partition("?")[0], pattern) for pattern in patterns)
    if field == "host-header":
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        return any(fnmatchcase(host, pattern.lower()) for pattern in patterns)
    return field == "http-request-method" and request.method in patterns


CONFIG_FIELDS = {
    "path-pattern": "PathPatternConfig",
    "host-header": "HostHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
}
