"""Attachments of a deployment group in other services: its role, and hooks on Auto Scaling groups."""

from __future__ import annotations

import uuid

from embedded_aws.account import backends
from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.model import Fields


def require_role(arn: str | None) -> None:
    """Require an existing role: CodeDeploy assumes it before it accepts the group."""
    roles = [role.arn for role in backends.backend("iam").roles.values()]
    if arn not in roles:
        raise ServiceError("InvalidRoleException", "Cannot assume role provided.")


def require_scaling_groups(names: list[str]) -> None:
    """Require existing Auto Scaling groups."""
    known = backends.backend("autoscaling").autoscaling_groups
    for name in names:
        if name not in known:
            raise ServiceError("InvalidAutoScalingGroupException", f"The AutoScalingGroup {name} can not be found")


def set_hooks(group: Fields, names: list[str]) -> list[Fields]:
    """Put CodeDeploy's lifecycle hook on these Auto Scaling groups only; return the name and the hook of each.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
    """
    scaling = backends.backend("autoscaling")
    hooks = {entry["name"]: entry for entry in group["autoScalingGroups"]}
    for name in hooks.keys() - set(names):
        scaling.delete_lifecycle_hook(name, hooks[name]["hook"])
    for name in (name for name in names if name not in hooks):
        hook = f"CodeDeploy-managed-automatic-launch-deployment-hook-{group['deploymentGroupName']}-{uuid.uuid4()}"
        scaling.create_lifecycle_hook(hook, name, "autoscaling:EC2_INSTANCE_LAUNCHING", 600, "ABANDON")
        hooks[name] = {"name": name, "hook": hook}
    return [hooks[name] for name in names]
