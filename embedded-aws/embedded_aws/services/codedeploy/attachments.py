"""What a deployment group is attached to in other services: its role, and hooks on Auto Scaling groups."""

from __future__ import annotations

import uuid

from embedded_aws.account import backends
from embedded_aws.service_error import ServiceError
from embedded_aws.services.codedeploy.model import Fields


def refuse_role(arn: str | None) -> None:
    """CodeDeploy assumes the role before it takes the group."""
    roles = [role.arn for role in backends.backend("iam").roles.values()]
    if arn not in roles:
        raise ServiceError("InvalidRoleException", "Cannot assume role provided.")


def refuse_unknown_groups(names: list[str]) -> None:
    """A group that is not there cannot be deployed to."""
    known = backends.backend("autoscaling").autoscaling_groups
    for name in names:
        if name not in known:
            raise ServiceError("InvalidAutoScalingGroupException", f"The AutoScalingGroup {name} can not be found")


def hooked(group: Fields, names: list[str]) -> list[Fields]:
    """The group's Auto Scaling groups, each with CodeDeploy's lifecycle hook; hooks on others are removed.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
    """
    scaling = backends.backend("autoscaling")
    before = {there["name"]: there for there in group["autoScalingGroups"]}
    for name in before.keys() - set(names):
        scaling.delete_lifecycle_hook(name, before[name]["hook"])
    for name in (name for name in names if name not in before):
        hook = f"CodeDeploy-managed-automatic-launch-deployment-hook-{group['deploymentGroupName']}-{uuid.uuid4()}"
        scaling.create_lifecycle_hook(hook, name, "autoscaling:EC2_INSTANCE_LAUNCHING", 600, "ABANDON")
        before[name] = {"name": name, "hook": hook}
    return [before[name] for name in names]
