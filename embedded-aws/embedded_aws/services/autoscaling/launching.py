"""Bring launched instances into service: they are pending first, then wait for the lifecycle hooks of their group.

CodeDeploy's hook is completed when the last successful revision is deployed to the instance:
https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.service_error import ServiceError
from embedded_aws.services.autoscaling.activities import cancel, set_status
from embedded_aws.services.autoscaling.lifecycle_hooks import actions
from embedded_aws.services.codedeploy.deployments import AUTO_SCALING, create
from embedded_aws.services.codedeploy.model import ENDED, Deployment, Fields
from embedded_aws.ticker import run_each

# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
PENDING, WAITING, IN_SERVICE = "Pending", "Pending:Wait", "InService"
ALIVE = ("pending", "running")
UNHEALTHY = "Instance became unhealthy while waiting for instance to be in InService state."

#: Callback with an Auto Scaling group and one of its instances; the second one also gets a reason.
OnInService = Callable[[Any, Any], None]
OnAbandon = Callable[[Any, Any, str], None]


def begin(group: Any, state: Any, activity: dict[str, Any]) -> bool:
    """Start to bring a launched instance into service; return whether it is in service at once.

    Args:
        activity: The activity of its launch, whose status is updated.
    """
    state.activity = activity
    if pacing.start(state, PENDING, "auto_scaling_instance"):
        state.lifecycle_state = PENDING
        set_status(activity, "PreInService")
        return False
    return _wait_for_hooks(group, state)


def _wait_for_hooks(group: Any, state: Any) -> bool:
    """Start the launch hooks of an instance; return whether it is in service already, because no hook is left."""
    actions.begin(group, state, actions.LAUNCHING)
    _deploy(group, state)
    waits = actions.result(state) != actions.CONTINUE
    state.lifecycle_state = WAITING if waits else IN_SERVICE
    set_status(state.activity, "MidLifecycleAction" if waits else "Successful")
    return not waits


def counted_instances(group: Any) -> list[Any]:
    """Return the instances that count towards a group's capacity: in service, or about to be."""
    return [state for state in group.instance_states if state.lifecycle_state in (PENDING, WAITING, IN_SERVICE)]


def tick(on_in_service: OnInService, on_abandon: OnAbandon) -> bool:
    """Advance every waiting instance; return whether the account has changed.

    Args:
        on_in_service: Called for an instance that has come into service, to register it with load balancers.
        on_abandon: Called for an instance that will not come into service, with the reason, to terminate it.
    """
    waiting = [(group, state) for group in _groups() for state in group.instance_states if is_waiting(state)]
    return run_each(waiting, lambda one: _advance(*one, on_in_service, on_abandon))


def is_waiting(state: Any) -> bool:
    """Return whether an instance is pending or waits for a hook."""
    return state.lifecycle_state in (PENDING, WAITING)


def _codedeploy_hooks(group: Any) -> Iterator[tuple[Any, Fields, str]]:
    """Yield the CodeDeploy hooks of an Auto Scaling group: backend, deployment group and the hook's name."""
    for backend in backends.existing("codedeploy"):
        for deployment_groups in backend.deployment_groups.values():
            for deployment_group in deployment_groups.values():
                for attachment in deployment_group["autoScalingGroups"]:
                    if attachment["name"] == group.name:
                        yield backend, deployment_group, attachment["hook"]


def _groups() -> list[Any]:
    return [group for scaling in backends.existing("autoscaling") for group in scaling.autoscaling_groups.values()]


def _advance(group: Any, state: Any, on_in_service: OnInService, on_abandon: OnAbandon) -> bool:
    if state.instance.state not in ALIVE:
        cancel(state.activity, UNHEALTHY)
        on_abandon(group, state, "an EC2 health check indicating it has been terminated or stopped")
        return True
    if state.lifecycle_state == PENDING:
        return _advance_pending(group, state, on_in_service)
    before = dict(_deployments_of(state))
    _deploy(group, state)
    actions.expire(state)
    result = actions.result(state)
    if result == actions.ABANDON:
        cancel(state.activity, actions.abandon_reason(state))
        on_abandon(group, state, "a launch failure")
    elif result == actions.CONTINUE:
        state.lifecycle_state = IN_SERVICE
        set_status(state.activity, "Successful")
        on_in_service(group, state)
    return bool(result) or before != _deployments_of(state)


def _advance_pending(group: Any, state: Any, on_in_service: OnInService) -> bool:
    if pacing.transitional_state(state) or state.instance.state != "running":
        return False
    if _wait_for_hooks(group, state):
        on_in_service(group, state)
    return True


def _deploy(group: Any, state: Any) -> None:
    """Complete CodeDeploy's hooks when their deployments end; at once if nothing was deployed successfully yet."""
    waiting = {action["hook"]: action for action in actions.outstanding(state)}
    for backend, deployment_group, hook in _codedeploy_hooks(group):
        if hook not in waiting:
            continue
        if not deployment_group.get("lastSuccessfulRevision"):
            actions.complete(waiting[hook], actions.CONTINUE)
            continue
        deployment = _deployment_to(backend, deployment_group, state)
        if deployment and deployment.status in ENDED:
            succeeded = deployment.status == "Succeeded"
            actions.complete(waiting[hook], actions.CONTINUE if succeeded else actions.ABANDON)


def _deployment_to(backend: Any, group: Fields, state: Any) -> Deployment | None:
    """Return, or create, the deployment to an instance; None while another deployment has to end first."""
    deployment_ids = _deployments_of(state)
    deployment_id = deployment_ids.get(group["deploymentGroupId"])
    if deployment_id not in backend.deployments:
        try:
            created = create(backend, group, group["lastSuccessfulRevision"], {}, AUTO_SCALING, (state.instance.id,))
        except ServiceError:
            return None
        deployment_ids[group["deploymentGroupId"]] = deployment_id = created.deployment_id
    deployment: Deployment = backend.deployments[deployment_id]
    return deployment


def _deployments_of(state: Any) -> dict[str, str]:
    """Return the id of the deployment to an instance, by deployment group; it is saved with the instance."""
    deployment_ids: dict[str, str] = vars(state).setdefault("launch_deployments", {})
    return deployment_ids
