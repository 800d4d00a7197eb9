"""Attachments of a deployment group in other services: its role, and hooks on Auto Scaling groups."""

from __future__ import annotations

import uuid

from embedded_aws.account import backends
from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.model import Fields
from embedded_aws.services.common.service_roles import can_assume


def require_role(arn: str | None, group_arn: str) -> None:
    """Require a role that CodeDeploy can assume for the group: it does so before it accepts the group.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html
    """
    if not can_assume(arn, "codedeploy.amazonaws.com", group_arn):
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
