"""Calls whose answer is the end of the work: at a pace it comes as late as AWS's, and keeps no other call waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from embedded_aws import pace, pacing
from embedded_aws.error_responses import operation_of, service_of

Environ = dict[str, Any]
Answer = tuple[str, list[tuple[str, str]], bytes]
Carry = Callable[[Environ], Answer]

LOOK_AGAIN_SECONDS = 0.01

#: What has no state to pass through, by its operations, with its durations' names.
KINDS = {
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


class LateAnswers:
    """Stands between the front and the wire; what is refused is refused at once."""

    def __init__(self, wire: Callable[[Environ, Carry], Answer]) -> None:
        self._wire = wire

    def __call__(self, environ: Environ, carry: Carry) -> Answer:
        """Have a call answered, and hold the answer back for its share of AWS's time."""
        asked = _kind(environ) if pace.factor() else None
        answer = self._wire(environ, carry)
        if asked and answer[0].startswith("2"):
            held = pacing.note("", *asked)
            while pacing.goes_on(held):  # pace 0 lets it go
                time.sleep(LOOK_AGAIN_SECONDS)
        return answer


def _kind(environ: Environ) -> tuple[str, str] | None:
    service = service_of(environ)
    if service not in KINDS:
        return None
    return KINDS[service].get(operation_of(environ, service, environ["wsgi.input"].getvalue()))
