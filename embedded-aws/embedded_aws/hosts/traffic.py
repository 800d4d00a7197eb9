"""Take instances from their load balancer for a deployment, and put them back afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.account import backends
from embedded_aws.services.codedeploy.deployer import Outcome
from embedded_aws.services.codedeploy.model import Deployment, Target

#: The health of a target: (ARN of the target group, id of the instance) -> healthy, initial, draining, …
HealthState = Callable[[str, str], str]

ALLOW_SECONDS = 3600.0  # for how long CodeDeploy waits for an instance to become healthy


class Traffic:
    """BlockTraffic and AllowTraffic; each call is one step, with the lock of the account held.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-elastic-load-balancing.html
    """

    def __init__(self, state: HealthState, timeout: float = ALLOW_SECONDS) -> None:
        self._state, self._timeout = state, timeout

    def block(self, deployment: Deployment, target: Target) -> Outcome | None:
        """Deregister the instance, and wait until it is drained, at most for the deregistration delay."""
        groups, problem = target_groups(deployment)
        if problem:
            return problem
        for group in groups:
            if target.instance_id in group.targets:
                group.deregister([{"Id": target.instance_id}])
        since = _since(target, "BlockTraffic")
        draining = [group for group in groups if self._state(group.arn, target.instance_id) == "draining"]
        return None if any(since < _delay(group) for group in draining) else Outcome(message="Succeeded")

    def allow(self, deployment: Deployment, target: Target) -> Outcome | None:
        """Register the instance, and wait until it is healthy."""
        groups, problem = target_groups(deployment)
        if problem:
            return problem
        for group in groups:
            if target.instance_id not in group.targets:
                group.register([{"Id": target.instance_id, "Port": group.port}])
        states = {group.name: self._state(group.arn, target.instance_id) for group in groups}
        if all(state == "healthy" for state in states.values()):
            return Outcome(message="Succeeded")
        if _since(target, "AllowTraffic") < self._timeout:
            return None
        described = ", ".join(f"{state} in {name}" for name, state in states.items())
        return Outcome("UnknownError", f"The instance did not become healthy in {self._timeout:.0f} s: {described}.")


def target_groups(deployment: Deployment) -> tuple[list[Any], Outcome | None]:
    """Return the target groups that a deployment group names, or the outcome when one does not exist."""
    named = (deployment.info.get("loadBalancerInfo") or {}).get("targetGroupInfoList") or []
    known = {group.name: group for group in backends.backend("elbv2").target_groups.values()}
    for name in (entry["name"] for entry in named):
        if name not in known:
            return [], Outcome("UnknownError", f"The target group {name} could not be found.")
    return [known[entry["name"]] for entry in named], None


def moto_state(arn: str, instance_id: str) -> str:
    """Return moto's state of a target, without health checks: registered targets are healthy, others unused."""
    group, ec2 = backends.backend("elbv2").target_groups[arn], backends.backend("ec2")
    return str(group.health_for({"Id": instance_id}, ec2).status) if instance_id in group.targets else "unused"


def _delay(group: Any) -> float:
    return float(group.attributes.get("deregistration_delay.timeout_seconds", 300))


def _since(target: Target, name: str) -> float:
    began = next((event.began for event in target.events if event.name == name), None)
    return (utcnow() - began).total_seconds() if began else 0.0
