"""An Auto Scaling group."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import LAUNCH, linked_role, to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .defaults import unusual
from .interface_endpoint import InterfaceEndpoint
from .launch_template import LaunchTemplate
from .route import Route
from .route_table_association import RouteTableAssociation
from .subnet import Subnet
from .tagging import Tagging
from .target_group import TargetGroup, delay, deregister_within
from .vpc_endpoint_route import VpcEndpointRoute

_ON = "autoscaling:autoScalingGroup:*:autoScalingGroupName/{env}-{self.name}"


@kind
class AutoScalingGroup(Resource):
    """Servers spread evenly over the zones; those that the load balancer finds unhealthy are replaced.

    The desired capacity, between least and most, is left to scaling and not compared.  The sizes that a scheduled
    action has set are no drift.

    Args:
        way_out: The routes and their associations through which a server downloads packages at its first boot, or the
            endpoints.
        grace_seconds: How long a new server may fail its health check.
        scheduled: The minimum and the maximum that each scheduled action sets.
    """

    template: LaunchTemplate
    subnets: tuple[Subnet, ...]
    target_group: TargetGroup
    way_out: tuple[Route | RouteTableAssociation | VpcEndpointRoute | InterfaceEndpoint, ...]
    least: int
    most: int
    grace_seconds: int
    scheduled: tuple[tuple[int, int], ...] = ()

    ready_fields = frozenset({"way_out"})
    # Auto Scaling may not know what is new yet; other uses of ValidationError are mistakes.
    # https://github.com/hashicorp/terraform-provider-aws/pull/5633 (the instance profile)
    eventual_errors = frozenset(
        {
            "ValidationError: Invalid IAM Instance Profile",
            "ValidationError: does not exist",
            "ValidationError: Provided Target Groups may not be valid",
            "ScalingActivityInProgress",
            "ResourceContention",
        }
    )
    wait_timeout = 1200
    usual_wait, usual_delete = "1 to 2 min", "1 min and the deregistration delay"  # 60-76 s to InService, 43 s

    # Whoever names a launch template must be allowed to launch with it:
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html
    needs = (
        to_look(
            "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeLifecycleHooks",
            "autoscaling:DescribeScalingActivities",
        ),
        to_look("elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetHealth"),
        to_apply(
            "autoscaling:AttachLoadBalancerTargetGroups", "autoscaling:CreateAutoScalingGroup",
            "autoscaling:CreateOrUpdateTags", "autoscaling:DeleteLifecycleHook",
            "autoscaling:DetachLoadBalancerTargetGroups", "autoscaling:ResumeProcesses",
            "autoscaling:UpdateAutoScalingGroup", on=_ON,
        ),
        to_apply("ec2:CreateTags", "ec2:RunInstances", on=(*LAUNCH, "ec2:launch-template/*")),
        to_destroy("autoscaling:DeleteAutoScalingGroup", on=_ON),
        to_destroy(
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            on="elasticloadbalancing:targetgroup/{env}-{self.target_group.name}/*",
        ),
        linked_role("autoscaling"),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add what no parameter changes: the template's default version, the load balancer's health, an even spread."""
        given = super().desired(ids)
        wanted = {name: value for name, value in given.items() if name not in ("way_out", "scheduled")}
        # By default balancing is best effort; this enforces one server in each zone.
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html
        always = {"version": "$Default", "health": "ELB", "spread": "balanced-only"}
        return {**wanted, **always, "hooks": frozenset(), "suspended": frozenset(), "settings": {}}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group up by its name; it is ready when its healthy servers are enough, and spread."""
        name, group = snapshot.aws.name(self), find_scaling_group(snapshot, self)
        if group is None:
            return None
        snapshot.require_ownership(self, tags_of(group))
        template = group.get("LaunchTemplate", {})
        targets = group.get("TargetGroupARNs", [])
        state = {
            "template": template.get("LaunchTemplateId"),
            "version": template.get("Version"),
            "subnets": frozenset(group["VPCZoneIdentifier"].split(",")),
            "target_group": targets[0] if len(targets) == 1 else sorted(targets),
            **self._sizes(group["MinSize"], group["MaxSize"]),
            "health": group["HealthCheckType"],
            "grace_seconds": group["HealthCheckGracePeriod"],
            "spread": group.get("AvailabilityZoneDistribution", {}).get("CapacityDistributionStrategy"),
            "hooks": _foreign_hooks(snapshot, name),
            "suspended": frozenset(process["ProcessName"] for process in group.get("SuspendedProcesses", [])),
            "settings": unusual(group, _DEFAULTS),
        }
        serving, unhealthy = in_service(group), unhealthy_targets(snapshot, group)
        healthy = [i for i in serving if i["InstanceId"] not in unhealthy]
        capacity = group["DesiredCapacity"] or 0
        ready = len(healthy) >= capacity and _is_spread(healthy, group)
        status = f"{len(serving)} of {capacity} in service"
        status += "".join(f"; {server} is {health}" for server, health in sorted(unhealthy.items()))
        return Observed(
            name,
            state,
            ready=ready,
            status="; ".join(filter(None, (status, "" if ready else _launch_failure(snapshot, name)))),
            deleting=bool(group.get("Status")),  # set only while AWS deletes the group
            detail={
                "instances": {i["InstanceId"]: i["AvailabilityZone"] for i in serving},
                "_healthy": len(healthy),
                "_abandoned": "" if ready else abandoned_launch(snapshot, name),
            },
            tagging=Tagging.of("autoscaling", name, group),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the group with its target group; its servers get its tags."""
        aws.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=aws.name(self),
            DesiredCapacity=self.least,
            TargetGroupARNs=[ids[self.target_group]],
            Tags=[{**tag, "PropagateAtLaunch": True} for tag in aws.tags(self)],
            **self._settings(ids),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Change the settings, exchange the target group for ours, and take back what was added or suspended."""
        name, wanted = observed.id, ids[self.target_group]
        for hook in sorted(observed.state["hooks"]):  # a launch waits for it
            aws.autoscaling.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName=hook)
        if "suspended" in drift:
            suspended = sorted(observed.state["suspended"])
            aws.autoscaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=suspended)
        if drift - {"target_group", "hooks", "suspended"}:
            settings = self._settings(ids) | {field: _DEFAULTS[field] for field in observed.state["settings"]}
            if not drift & {"least", "most"}:  # they may be a scheduled action's now
                settings = {field: value for field, value in settings.items() if field not in ("MinSize", "MaxSize")}
            aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, **settings)
        if "target_group" in drift:
            attached = observed.state["target_group"]
            others = [arn for arn in ([attached] if isinstance(attached, str) else attached) if arn != wanted]
            if others:
                aws.autoscaling.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=others)
            if wanted not in attached:
                aws.autoscaling.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[wanted])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group with its servers, without waiting for their requests to finish."""
        # The group waits until its servers are deregistered; no requests need to finish.
        if self.target_group in ids and delay(aws, ids[self.target_group]):
            deregister_within(aws, ids[self.target_group], 0)
        aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=observed.id, ForceDelete=True)

    def _sizes(self, minimum: int, maximum: int) -> dict[str, int]:
        """The sizes of the group; ours while a scheduled action has set others."""
        if (minimum, maximum) in self.scheduled:
            return {"least": self.least, "most": self.most}
        return {"least": minimum, "most": maximum}

    def _settings(self, ids: Ids) -> dict[str, Any]:
        return {
            "LaunchTemplate": {"LaunchTemplateId": ids[self.template], "Version": "$Default"},
            "MinSize": self.least,
            "MaxSize": self.most,
            "VPCZoneIdentifier": ",".join(sorted(ids[subnet] for subnet in self.subnets)),
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": self.grace_seconds,
            "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-only"},
        }


def _is_spread(serving: list[ApiObject], group: ApiObject) -> bool:
    """Whether each zone has a server, if the desired capacity is at least one for each zone."""
    zones = set(group["AvailabilityZones"])
    return {i["AvailabilityZone"] for i in serving} >= zones or (group["DesiredCapacity"] or 0) < len(zones)


def find_scaling_group(snapshot: Snapshot, resource: AutoScalingGroup) -> ApiObject | None:
    """The group's description; ``None`` when it does not exist."""
    groups = snapshot.all("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
    name = snapshot.aws.name(resource)
    return next((group for group in groups if group["AutoScalingGroupName"] == name), None)


SHRINK = (
    to_destroy("autoscaling:DescribePolicies", "autoscaling:DescribeScheduledActions"),
    to_destroy("autoscaling:SetDesiredCapacity", on="autoscaling:autoScalingGroup:*:autoScalingGroupName/{env}-*"),
)
"""What :func:`shrink` needs."""


def shrink(aws: Aws, name: str) -> None:
    """Take back what scaling has added, once no policy and no scheduled action of the group is left.

    Nothing else brings the desired capacity down to the minimum again.  Servers finish their requests first.
    """
    groups = aws.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    policies = aws.autoscaling.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
    actions = aws.autoscaling.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]
    for group in groups:
        if group["DesiredCapacity"] > group["MinSize"] and not policies and not actions:
            aws.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=group["MinSize"])


def in_service(group: ApiObject) -> list[ApiObject]:
    """The servers of a group that are in service and healthy."""
    return [i for i in group["Instances"] if (i["LifecycleState"], i["HealthStatus"]) == ("InService", "Healthy")]


def unhealthy_targets(snapshot: Snapshot, group: ApiObject) -> dict[str, str]:
    """The servers in service that the load balancer does not find healthy, with its reason.

    A server comes into service before its first health check: it may have no CodeDeploy agent yet.
    While no listener uses the target group, nothing is checked, and all are fine.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    found: dict[str, str] = {}
    for arn in group.get("TargetGroupARNs", []):
        answer = snapshot.get("elbv2", "describe_target_health", missing="TargetGroupNotFound", TargetGroupArn=arn)
        descriptions = (answer or {}).get("TargetHealthDescriptions", [])
        health = {one["Target"]["Id"]: one["TargetHealth"] for one in descriptions}
        for server in (instance["InstanceId"] for instance in in_service(group)):
            state = health.get(server, {"State": "not registered with the load balancer"})
            if state["State"] not in ("healthy", "unused"):
                reason = ": ".join(state[name] for name in ("Reason", "Description") if state.get(name))
                found[server] = f"{state['State']} ({reason})" if reason else state["State"]
    return found


def abandoned_launch(snapshot: Snapshot, name: str) -> str:
    """AWS's words if the last launch that ended was abandoned by a lifecycle hook; empty otherwise.

    CodeDeploy answers its launch hook with ABANDON when the deployment to the new server failed.
    https://docs.aws.amazon.com/codedeploy/latest/userguide/integrations-aws-auto-scaling.html
    """
    failure = _launch_failure(snapshot, name)
    return failure if "Lifecycle Action" in failure and "ABANDON" in failure else ""


def _launch_failure(snapshot: Snapshot, name: str) -> str:
    """Why the last launch that ended failed, in AWS's words; empty when it did not."""
    answer = snapshot.get("autoscaling", "describe_scaling_activities", AutoScalingGroupName=name, MaxRecords=20)
    for activity in (answer or {}).get("Activities", []):  # the newest first; those of terminations are among them
        if activity.get("Description", "").startswith("Launching") and activity["StatusCode"] in _LAUNCH_ENDED:
            return "" if activity["StatusCode"] == "Successful" else activity.get("StatusMessage") or "launch failed"
    return ""


_LAUNCH_ENDED = ("Successful", "Failed", "Cancelled")

# What no parameter says, as AWS sets it for a new group; -1 and 0 take a value back.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html
_DEFAULTS = {
    "CapacityRebalance": False,
    "DefaultCooldown": 300,
    "DefaultInstanceWarmup": -1,
    "MaxInstanceLifetime": 0,
    "NewInstancesProtectedFromScaleIn": False,
    "TerminationPolicies": ["Default"],
}


def _foreign_hooks(snapshot: Snapshot, name: str) -> frozenset[str]:
    """The lifecycle hooks that CodeDeploy has not installed."""
    answer = snapshot.get(
        "autoscaling", "describe_lifecycle_hooks", missing="ValidationError", AutoScalingGroupName=name
    )
    names = (hook["LifecycleHookName"] for hook in (answer or {}).get("LifecycleHooks", []))
    return frozenset(hook for hook in names if not hook.startswith("CodeDeploy-managed-automatic-"))
