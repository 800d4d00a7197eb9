"""A CodeDeploy deployment group: which servers get a revision, and how."""

from __future__ import annotations

import re
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_change, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .application import Application, read_tags
from .auto_scaling_group import AutoScalingGroup
from .base import Ids, Observed, Resource, is_owned, kind
from .role import Role
from .role_policy import RolePolicy
from .tagging import Tagging
from .target_group import TargetGroup

_TRAFFIC = {"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
_ON_FAILURE, _ON_ALARM = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"
_GONE = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")

_SERVERS = "autoscaling:autoScalingGroup:*:autoScalingGroupName/{env}-{self.servers.name}"
_ON = "codedeploy:deploymentgroup:{env}-{self.application.name}/{env}-{self.name}"


@kind
class DeploymentGroup(Resource):
    """The servers of one Auto Scaling group, each out of its target group while it is changed.

    A server that is launched later gets the last successful revision, and an outdated server is
    updated.  A deployment that fails, or that an alarm stops, is rolled back.  CodeDeploy installs a
    lifecycle hook in the Auto Scaling group and removes it with this group, so this group is deleted first.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html

    Args:
        permissions: CodeDeploy's permissions for launch templates, which AWS's own policy lacks.
        configuration: How many servers at a time, e.g. ``CodeDeployDefault.OneAtATime``.
        alarms: Names of CloudWatch alarms: one that is active, or that does not exist, stops a deployment.
            https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html
    """

    application: Application
    role: Role
    permissions: tuple[RolePolicy, ...]
    servers: AutoScalingGroup
    target_group: TargetGroup
    configuration: str
    alarms: tuple[str, ...] = ()

    immutable = frozenset({"application"})
    # CodeDeploy may not know the role yet.
    eventual_errors = frozenset({"InvalidRoleException", "InvalidAutoScalingGroupException"})

    needs = (
        to_look("codedeploy:GetDeploymentGroup", "codedeploy:ListTagsForResource", on=_ON),
        to_look("autoscaling:DescribeLifecycleHooks"),
        # By which a release is mended; who only deploys may not: see docs/permissions.md.
        to_change("autoscaling:DeleteLifecycleHook", on=_SERVERS),
        to_apply("codedeploy:StopDeployment"),
        to_apply(
            "codedeploy:CreateDeploymentGroup", "codedeploy:TagResource", "codedeploy:UpdateDeploymentGroup", on=_ON
        ),
        to_destroy("codedeploy:DeleteDeploymentGroup", on=_ON),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add what no parameter changes: deployment in place behind the load balancer, roll-back, the launch hook."""
        wanted = {name: value for name, value in super().desired(ids).items() if name not in ("permissions", "alarms")}
        rollback = _describe_rollback(self._rollback, self._alarms)
        always = {"traffic": "in place, with traffic control", "rollback": rollback, "outdated": "UPDATE"}
        return wanted | always | {"launch_hook": _HOOKED}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the group, its tags and CodeDeploy's launch hook at the Auto Scaling group."""
        info = find_group(snapshot, self, ids)
        if info is None:
            return None
        application, name = info["applicationName"], info["deploymentGroupName"]
        arn = f"arn:aws:codedeploy:{snapshot.aws.region}:{snapshot.aws.account}:deploymentgroup:{application}/{name}"
        tags = read_tags(snapshot, arn)
        is_owned(snapshot, self, tags)
        targets = [target["name"] for target in info.get("loadBalancerInfo", {}).get("targetGroupInfoList", [])]
        state = {
            "application": application,
            "role": info.get("serviceRoleArn"),
            "servers": self._servers(info, ids),
            # CodeDeploy returns the name of a target group; its id here is the ARN.
            "target_group": ids.get(self.target_group)
            if targets == [snapshot.aws.name(self.target_group)]
            else ", ".join(sorted(targets)),
            "configuration": info["deploymentConfigName"],
            "traffic": "in place, with traffic control"
            if info.get("deploymentStyle") == _TRAFFIC
            else str(info.get("deploymentStyle")),
            "rollback": _describe_rollback(
                info.get("autoRollbackConfiguration", {}), info.get("alarmConfiguration") or {}
            ),
            "outdated": info.get("outdatedInstancesStrategy", "UPDATE"),
            "launch_hook": _HOOKED,
        }
        attached = {each["name"]: each.get("hook") for each in info.get("autoScalingGroups", [])}
        hooks = _codedeploy_hooks(snapshot, ids[self.servers], name) if self.servers in ids else set()
        known = {hook for hook in (attached.get(ids.get(self.servers, "")),) if hook}
        if hooks != known:
            state["launch_hook"] = "missing: new servers get no release" if known - hooks else "one too many"
        detail = {"_leftover": sorted(hooks - known)}
        return Observed(name, state, detail=detail, tagging=Tagging.of("codedeploy", arn, tags))

    def _servers(self, info: ApiObject, ids: Ids) -> str | None:
        """The attached Auto Scaling groups; from the first release on, attaching it again is the release's work."""
        names = sorted(attached["name"] for attached in info.get("autoScalingGroups", []))
        if not names and info.get("lastSuccessfulDeployment"):
            return ids.get(self.servers)
        return ", ".join(names)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the group; CodeDeploy adds its launch hook to the Auto Scaling group."""
        aws.codedeploy.create_deployment_group(
            applicationName=ids[self.application],
            deploymentGroupName=aws.name(self),
            tags=aws.tags(self),
            **self._settings(aws, ids),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the fields.  A launch hook that does not match is removed and installed again, as AWS advises.

        https://docs.aws.amazon.com/codedeploy/latest/userguide/troubleshooting-auto-scaling.html#troubleshooting-auto-scaling-hooks
        """
        if "launch_hook" in drift:
            for hook in observed.detail["_leftover"]:
                aws.autoscaling.delete_lifecycle_hook(AutoScalingGroupName=ids[self.servers], LifecycleHookName=hook)
            self.attach(aws, ids, [])
        answer = aws.codedeploy.update_deployment_group(
            applicationName=ids[self.application], currentDeploymentGroupName=observed.id, **self._settings(aws, ids)
        )
        delete_hooks(aws, answer)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group, and the hooks that CodeDeploy could not remove."""
        answer = aws.codedeploy.delete_deployment_group(
            applicationName=observed.state["application"], deploymentGroupName=observed.id
        )
        delete_hooks(aws, answer)

    def attach(self, aws: Aws, ids: Ids, servers: list[str]) -> None:
        """Attach these Auto Scaling groups only, and delete the launch hooks that AWS leaves behind."""
        answer = aws.codedeploy.update_deployment_group(
            applicationName=ids[self.application],
            currentDeploymentGroupName=ids[self],
            autoScalingGroups=servers,
        )
        delete_hooks(aws, answer)

    @property
    def _rollback(self) -> dict[str, Any]:
        return {"enabled": True, "events": [_ON_FAILURE, *([_ON_ALARM] if self.alarms else [])]}

    @property
    def _alarms(self) -> dict[str, Any]:
        return {"enabled": bool(self.alarms), "alarms": [{"name": name} for name in self.alarms]}

    def _settings(self, aws: Aws, ids: Ids) -> dict[str, Any]:
        return {
            "serviceRoleArn": ids[self.role],
            "autoScalingGroups": [ids[self.servers]],
            "loadBalancerInfo": {"targetGroupInfoList": [{"name": aws.name(self.target_group)}]},
            "deploymentConfigName": self.configuration,
            "deploymentStyle": _TRAFFIC,
            "autoRollbackConfiguration": self._rollback,
            "alarmConfiguration": self._alarms,
            "outdatedInstancesStrategy": "UPDATE",
        }


def _describe_rollback(rollback: ApiObject, alarms: ApiObject) -> str:
    """When CodeDeploy rolls back, and which alarms stop a deployment, as a plan shows it."""
    events = set(rollback.get("events", ())) if rollback.get("enabled") else set()
    names = sorted(alarm["name"] for alarm in alarms.get("alarms", ())) if alarms.get("enabled") else []
    if events == {_ON_FAILURE, *([_ON_ALARM] if names else [])} and not alarms.get("ignorePollAlarmFailure"):
        return f"when a deployment fails{' or one of these alarms stops it: ' if names else ''}{', '.join(names)}"
    return f"events {', '.join(sorted(events)) or 'none'}; alarms {', '.join(names) or 'none'}"


_HOOKED = "as CodeDeploy knows it"
_HOOK = "CodeDeploy-managed-automatic-launch-deployment-hook-"


def _codedeploy_hooks(snapshot: Snapshot, servers: str, group: str) -> set[str]:
    """The launch hooks of the Auto Scaling group that CodeDeploy installed for this deployment group."""
    answer = snapshot.get(
        "autoscaling", "describe_lifecycle_hooks", missing="ValidationError", AutoScalingGroupName=servers
    )
    names = [hook["LifecycleHookName"] for hook in (answer or {}).get("LifecycleHooks", [])]
    return {name for name in names if re.fullmatch(rf"{_HOOK}{re.escape(group)}-[0-9a-f-]{{36}}", name)}


def delete_hooks(aws: Aws, answer: ApiObject) -> None:
    """Delete the hooks that CodeDeploy could not remove: each launch would wait for them, and be abandoned.

    https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_UpdateDeploymentGroup.html (hooksNotCleanedUp)
    """
    for group in answer.get("hooksNotCleanedUp", []):
        for hook in filter(None, (group.get("hook"), group.get("terminationHook"))):
            aws.autoscaling.delete_lifecycle_hook(AutoScalingGroupName=group["name"], LifecycleHookName=hook)


def is_attached(info: ApiObject, group: ApiObject) -> bool:
    """Whether the deployment group contains the Auto Scaling group."""
    name = group["AutoScalingGroupName"]
    return any(attached.get("name") == name for attached in info.get("autoScalingGroups", []))


def find_group(snapshot: Snapshot, resource: DeploymentGroup, ids: Ids) -> ApiObject | None:
    """CodeDeploy's description of a deployment group: its settings and its last deployments."""
    if resource.application not in ids:
        return None
    answer = snapshot.get(
        "codedeploy", "get_deployment_group", missing=_GONE,
        applicationName=ids[resource.application], deploymentGroupName=snapshot.aws.name(resource),
    )  # fmt: skip
    return answer["deploymentGroupInfo"] if answer else None
