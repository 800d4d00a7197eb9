"""Between an instance's launch and its being in service: it comes up, and waits for its group's lifecycle hooks.

CodeDeploy's hook holds it until the last successful revision is deployed to it:
https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from embedded_aws import pacing
from embedded_aws.account import backends as world
from embedded_aws.service_error import ServiceError
from embedded_aws.services.autoscaling.activities import cancel, finish
from embedded_aws.services.autoscaling.lifecycle_hooks import actions
from embedded_aws.services.codedeploy.deployments import AUTO_SCALING, create
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Fields
from embedded_aws.ticker import run_each

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
PENDING, WAITING, IN_SERVICE = "Pending", "Pending:Wait", "InService"
ALIVE = ("pending", "running")
DIED = "Instance became unhealthy while waiting for instance to be in InService state."

#: Does something with an Auto Scaling group and one of its instances.
Deed = Callable[[Any, Any], None]


def begin(group: Any, state: Any, activity: dict[str, Any]) -> bool:
    """Let a launched instance come up at the present pace; returns whether it is in service at once.

    Args:
        activity: The record of its launch, which says how it goes on.
    """
    state.activity = activity
    if pacing.start(state, PENDING, "auto_scaling_instance"):
        state.lifecycle_state = PENDING
        finish(activity, "PreInService")
        return False
    return _come_up(group, state)


def _come_up(group: Any, state: Any) -> bool:
    """Let an instance wait for the hooks of its group, or be in service at once; returns whether it is."""
    actions.begin(group, state, actions.LAUNCHING)
    _deploy(group, state)
    waits = actions.result(state) != actions.CONTINUE
    state.lifecycle_state = WAITING if waits else IN_SERVICE
    finish(state.activity, "MidLifecycleAction" if waits else "Successful")
    return not waits


def counted(group: Any) -> list[Any]:
    """The instances that count towards a group's capacity: in service, or on the way there."""
    return [state for state in group.instance_states if state.lifecycle_state in (PENDING, WAITING, IN_SERVICE)]


def tick(in_service: Deed, abandon: Callable[[Any, Any, str], None]) -> bool:
    """Bring every waiting instance forward; returns whether the account has changed.

    Args:
        in_service: Called for an instance that has just come into service: it is to be registered with load balancers.
        abandon: Called for an instance that will not come into service, with why: it is to be terminated.
    """
    waiting = [(group, state) for group in _groups() for state in group.instance_states if is_waiting(state)]
    return run_each(waiting, lambda one: _advance(*one, in_service, abandon))


def is_waiting(state: Any) -> bool:
    """Whether an instance comes up, or waits for a hook."""
    return state.lifecycle_state in (PENDING, WAITING)


def _hooking(group: Any) -> Iterator[tuple[Any, Fields, str]]:
    """The deployment groups whose hook an Auto Scaling group carries, and the hook's name."""
    for backend in world.existing("codedeploy"):
        for deployment_groups in backend.deployment_groups.values():
            for found in deployment_groups.values():
                for there in found["autoScalingGroups"]:
                    if there["name"] == group.name:
                        yield backend, found, there["hook"]


def _groups() -> list[Any]:
    return [group for scaling in world.existing("autoscaling") for group in scaling.autoscaling_groups.values()]


def _advance(group: Any, state: Any, in_service: Deed, abandon: Callable[[Any, Any, str], None]) -> bool:
    if state.instance.state not in ALIVE:
        cancel(state.activity, DIED)
        abandon(group, state, "an EC2 health check indicating it has been terminated or stopped")
        return True
    if state.lifecycle_state == PENDING:
        return _advance_pending(group, state, in_service)
    before = dict(_begun(state))
    _deploy(group, state)
    actions.expire(state)
    result = actions.result(state)
    if result == actions.ABANDON:
        cancel(state.activity, actions.complaint(state))
        abandon(group, state, "a launch failure")
    elif result == actions.CONTINUE:
        state.lifecycle_state = IN_SERVICE
        finish(state.activity, "Successful")
        in_service(group, state)
    return bool(result) or before != _begun(state)


def _advance_pending(group: Any, state: Any, in_service: Deed) -> bool:
    if pacing.transitional_state(state) or state.instance.state != "running":
        return False
    if _come_up(group, state):
        in_service(group, state)
    return True


def _deploy(group: Any, state: Any) -> None:
    """Answer CodeDeploy's hooks as their deployments end: at once where nothing was deployed successfully yet."""
    waiting = {action["hook"]: action for action in actions.outstanding(state)}
    for backend, found, hook in _hooking(group):
        if hook not in waiting:
            continue
        if not found.get("lastSuccessfulRevision"):
            actions.answer(waiting[hook], actions.CONTINUE)
            continue
        deployment = _deployment(backend, found, state)
        if deployment and deployment.status in ENDED:
            succeeded = deployment.status == "Succeeded"
            actions.answer(waiting[hook], actions.CONTINUE if succeeded else actions.ABANDON)


def _deployment(backend: Any, group: Fields, state: Any) -> Deployment | None:
    """The deployment of a deployment group to an instance; None while another one has to end first."""
    begun = _begun(state)
    deployment_id = begun.get(group["deploymentGroupId"])
    if deployment_id not in backend.deployments:
        try:
            made = create(backend, group, group["lastSuccessfulRevision"], {}, AUTO_SCALING, (state.instance.id,))
        except ServiceError:
            return None
        begun[group["deploymentGroupId"]] = deployment_id = made.deployment_id
    found: Deployment = backend.deployments[deployment_id]
    return found


def _begun(state: Any) -> dict[str, str]:
    """By deployment group: the deployment that was begun for an instance; kept with it, over a restart, too."""
    begun: dict[str, str] = vars(state).setdefault("launch_deployments", {})
    return begun
