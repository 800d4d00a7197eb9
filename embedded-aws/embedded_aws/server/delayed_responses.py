"""Delayed responses: calls without a transitional state take AWS's time, at the pace, without blocking other calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from embedded_aws import pace, pacing
from embedded_aws.error_responses import operation_of, service_of

Environ = dict[str, Any]
Response = tuple[str, list[tuple[str, str]], bytes]
Forward = Callable[[Environ], Response]

POLL_SECONDS = 0.01

#: Operations whose response is delayed, by service, with the kind and verb of their duration.
DELAYED = {
    "ec2": {
        "CreateInternetGateway": ("internet_gateway", "create"),
        "AllocateAddress": ("elastic_ip", "create"),
        "CreateRouteTable": ("route_table", "create"),
        "CreateSecurityGroup": ("security_group", "create"),
        "CreateLaunchTemplate": ("launch_template", "create"),
        "DeleteInternetGateway": ("internet_gateway", "delete"),
        "DeleteVpc": ("vpc", "delete"),
    },
    "elbv2": {
        "CreateTargetGroup": ("target_group", "create"),
        "CreateListener": ("listener", "create"),
    },
}


class DelayedResponses:
    """WSGI-like middleware between `WsgiApp` and the fault injector; errors are not delayed."""

    def __init__(self, inject_faults: Callable[[Environ, Forward], Response]) -> None:
        self._inject_faults = inject_faults

    def __call__(self, environ: Environ, forward: Forward) -> Response:
        """Have a call answered, and hold the response back for its duration."""
        kind_and_verb = _kind_and_verb(environ) if pace.current_factor() else None
        response = self._inject_faults(environ, forward)
        if kind_and_verb and response[0].startswith("2"):
            transition = pacing.new_transition("", *kind_and_verb)
            while pacing.is_in_progress(transition):  # pace 0 ends it
                time.sleep(POLL_SECONDS)
        return response


def _kind_and_verb(environ: Environ) -> tuple[str, str] | None:
    service = service_of(environ)
    if service not in DELAYED:
        return None
    return DELAYED[service].get(operation_of(environ, service, environ["wsgi.input"].getvalue()))
