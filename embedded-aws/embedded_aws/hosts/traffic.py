"""Instances taken from behind their load balancer for a deployment, and put back after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.account import backends as world
from embedded_aws.services.codedeploy.deployer import Outcome
from embedded_aws.services.codedeploy.model import Deployment, Target

#: The health of a target: (ARN of the target group, id of the instance) -> healthy, initial, draining, …
State = Callable[[str, str], str]

ALLOW_SECONDS = 3600.0  # CodeDeploy waits no longer for an instance to be found healthy


class Traffic:
    """BlockTraffic and AllowTraffic; each call is one look, under the lock of the account.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-elastic-load-balancing.html
    """

    def __init__(self, state: State, patience: float = ALLOW_SECONDS) -> None:
        self._state, self._patience = state, patience

    def block(self, deployment: Deployment, target: Target) -> Outcome | None:
        """Deregister the instance, and wait until its connections are drained, no longer than the group says."""
        groups, problem = target_groups(deployment)
        if problem:
            return problem
        for group in groups:
            if target.instance_id in group.targets:
                group.deregister([{"Id": target.instance_id}])
        since = _since(target, "BlockTraffic")
        waits = [group for group in groups if self._state(group.arn, target.instance_id) == "draining"]
        return None if any(since < _delay(group) for group in waits) else Outcome(message="Succeeded")

    def allow(self, deployment: Deployment, target: Target) -> Outcome | None:
        """Register the instance, and wait until it is found healthy."""
        groups, problem = target_groups(deployment)
        if problem:
            return problem
        for group in groups:
            if target.instance_id not in group.targets:
                group.register([{"Id": target.instance_id, "Port": group.port}])
        states = {group.name: self._state(group.arn, target.instance_id) for group in groups}
        if all(state == "healthy" for state in states.values()):
            return Outcome(message="Succeeded")
        if _since(target, "AllowTraffic") < self._patience:
            return None
        told = ", ".join(f"{state} in {name}" for name, state in states.items())
        return Outcome("UnknownError", f"The instance was not found healthy in {self._patience:.0f} s: it is {told}.")


def target_groups(deployment: Deployment) -> tuple[list[Any], Outcome | None]:
    """The target groups that a deployment group names, or why there are none."""
    named = (deployment.info.get("loadBalancerInfo") or {}).get("targetGroupInfoList") or []
    known = {group.name: group for group in world.backend("elbv2").target_groups.values()}
    for name in (entry["name"] for entry in named):
        if name not in known:
            return [], Outcome("UnknownError", f"The target group {name} could not be found.")
    return [known[entry["name"]] for entry in named], None


def state_as_moto_has_it(arn: str, instance_id: str) -> str:
    """Where nobody checks: a registered target is healthy, another one is unused."""
    group, ec2 = world.backend("elbv2").target_groups[arn], world.backend("ec2")
    return str(group.health_for({"Id": instance_id}, ec2).status) if instance_id in group.targets else "unused"


def _delay(group: Any) -> float:
    return float(group.attributes.get("deregistration_delay.timeout_seconds", 300))


def _since(target: Target, name: str) -> float:
    began = next((event.began for event in target.events if event.name == name), None)
    return (utcnow() - began).total_seconds() if began else 0.0
