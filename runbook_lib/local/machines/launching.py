"""Between an instance's launch and its being in service: CodeDeploy brings it what the others run.

Its hook on the Auto Scaling group holds the instance until the last successful revision is deployed to it:
https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from runbook_lib.local import world
from runbook_lib.local.overlays import pacing
from runbook_lib.local.overlays.codedeploy.deployments import AUTO_SCALING, create
from runbook_lib.local.overlays.codedeploy.model import ENDED, Deployment, Fields
from runbook_lib.local.overlays.refused import Refused

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
PENDING, WAITING, IN_SERVICE = "Pending", "Pending:Wait", "InService"
ALIVE = ("pending", "running")

#: Does something with an Auto Scaling group and one of its instances.
Deed = Callable[[Any, Any], None]


def begin(group: Any, state: Any) -> bool:
    """Let a launched instance come up at the present pace; returns whether it is in service at once."""
    if pacing.begin(state, PENDING, "auto_scaling_instance"):
        state.lifecycle_state = PENDING
        return False
    return _come_up(group, state)


def _come_up(group: Any, state: Any) -> bool:
    """Let an instance wait for its deployment, or be in service at once; returns whether it is.

    CodeDeploy answers its hook at once where nothing has been deployed successfully yet.
    """
    waits = any(True for _ in deploying(group))
    state.lifecycle_state = WAITING if waits else IN_SERVICE
    return not waits


def counted(group: Any) -> list[Any]:
    """The instances that count towards a group's capacity: in service, or on the way there."""
    return [state for state in group.instance_states if state.lifecycle_state in (PENDING, WAITING, IN_SERVICE)]


def tick(in_service: Deed, abandon: Callable[[Any, Any, str], None]) -> bool:
    """Bring every waiting instance forward; returns whether the account has changed.

    Args:
        in_service: Called for an instance that has just come into service: it is to be registered with load balancers.
        abandon: Called for an instance whose deployment has failed, with why: it is to be terminated.
    """
    waiting = [(group, state) for group in _groups() for state in group.instance_states]
    stepped = [_advance(group, state, in_service, abandon) for group, state in waiting if is_waiting(state)]
    return any(stepped)


def is_waiting(state: Any) -> bool:
    """Whether an instance comes up, or waits for its deployment."""
    return state.lifecycle_state in (PENDING, WAITING)


def deploying(group: Any) -> Iterator[tuple[Any, Fields]]:
    """The deployment groups whose hook an Auto Scaling group carries and that have something to deploy."""
    for backend in world.existing("codedeploy"):
        for deployment_groups in backend.deployment_groups.values():
            for found in deployment_groups.values():
                hooked = any(_is_there(group, there) for there in found["autoScalingGroups"])
                if hooked and found.get("lastSuccessfulRevision"):
                    yield backend, found


def _is_there(group: Any, there: Fields) -> bool:
    hooks = group.autoscaling_backend.lifecycle_hooks
    return there["name"] == group.name and f"{group.name}_{there['hook']}" in hooks


def _groups() -> list[Any]:
    return [group for scaling in world.existing("autoscaling") for group in scaling.autoscaling_groups.values()]


def _advance(group: Any, state: Any, in_service: Deed, abandon: Callable[[Any, Any, str], None]) -> bool:
    if state.instance.state not in ALIVE:
        abandon(group, state, "an EC2 health check indicating it has been terminated or stopped")
        return True
    if state.lifecycle_state == PENDING:
        return _advance_pending(group, state, in_service)
    before = dict(_begun(state))
    deployments = [_deployment(backend, found, state) for backend, found in deploying(group)]
    statuses = [deployment.status if deployment else "Queued" for deployment in deployments]
    if any(status in ENDED and status != "Succeeded" for status in statuses):
        abandon(group, state, f"a lifecycle hook abandoned by the deployment {_failed(deployments)}")
        return True
    if all(status == "Succeeded" for status in statuses):
        state.lifecycle_state = IN_SERVICE
        in_service(group, state)
        return True
    return before != _begun(state)


def _advance_pending(group: Any, state: Any, in_service: Deed) -> bool:
    if pacing.on_its_way(state) or state.instance.state != "running":
        return False
    if _come_up(group, state):
        in_service(group, state)
    return True


def _deployment(backend: Any, group: Fields, state: Any) -> Deployment | None:
    """The deployment of a deployment group to an instance; None while another one has to end first."""
    begun = _begun(state)
    deployment_id = begun.get(group["deploymentGroupId"])
    if deployment_id not in backend.deployments:
        try:
            made = create(backend, group, group["lastSuccessfulRevision"], {}, AUTO_SCALING, (state.instance.id,))
        except Refused:
            return None
        begun[group["deploymentGroupId"]] = deployment_id = made.deployment_id
    found: Deployment = backend.deployments[deployment_id]
    return found


def _begun(state: Any) -> dict[str, str]:
    """By deployment group: the deployment that was begun for an instance; kept with it, over a restart, too."""
    begun: dict[str, str] = vars(state).setdefault("launch_deployments", {})
    return begun


def _failed(deployments: list[Deployment | None]) -> str:
    return next(one.deployment_id for one in deployments if one and one.status in ENDED and one.status != "Succeeded")
