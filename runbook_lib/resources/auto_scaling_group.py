"""An Auto Scaling group that keeps servers in every zone."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .launch_template import LaunchTemplate
from .route import Route
from .route_table_association import RouteTableAssociation
from .subnet import Subnet
from .target_group import TargetGroup, delay, deregister_within


@kind
class AutoScalingGroup(Resource):
    """Keeps as many servers in each zone, and replaces what the load balancer calls unhealthy.

    How many it wants now, between least and most, is for scaling to decide and not compared.

    Args:
        way_out: By which a server fetches what it needs at its first boot: the routes, and which subnet follows them.
        grace_seconds: How long a new server may fail its health check.
    """

    template: LaunchTemplate
    subnets: tuple[Subnet, ...]
    target_group: TargetGroup
    way_out: tuple[Route | RouteTableAssociation, ...]
    least: int
    most: int
    grace_seconds: int

    ready_fields = frozenset({"way_out"})
    # Auto Scaling checks the template's instance profile before it may have heard of it.
    eventual_errors = frozenset({"ValidationError", "ScalingActivityInProgress", "ResourceContention"})
    wait_timeout = 1200

    def desired(self, ids: Ids) -> dict[str, Any]:
        wanted = {name: value for name, value in super().desired(ids).items() if name != "way_out"}
        # Best effort by default; this keeps the promise of one server in each zone.
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-availability-zone-balanced.html
        return {**wanted, "version": "$Default", "health": "ELB", "spread": "balanced-only"}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        name = snapshot.aws.name(self)
        groups = snapshot.all("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
        group = next((group for group in groups if group["AutoScalingGroupName"] == name), None)
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
            "least": group["MinSize"],
            "most": group["MaxSize"],
            "health": group["HealthCheckType"],
            "grace_seconds": group["HealthCheckGracePeriod"],
            "spread": group.get("AvailabilityZoneDistribution", {}).get("CapacityDistributionStrategy"),
        }
        serving = [
            i for i in group["Instances"] if (i["LifecycleState"], i["HealthStatus"]) == ("InService", "Healthy")
        ]
        ready = len(serving) >= group["DesiredCapacity"] and _everywhere(serving, group)
        status = f"{len(serving)} of {group['DesiredCapacity']} in service"
        return Observed(
            name,
            state,
            ready=ready,
            status=status if ready else f"{status}{_trouble(snapshot, name)}",
            deleting=bool(group.get("Status")),  # set only while AWS deletes the group
            detail={"instances": {i["InstanceId"]: i["AvailabilityZone"] for i in serving}},
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=aws.name(self),
            DesiredCapacity=self.least,
            TargetGroupARNs=[ids[self.target_group]],
            Tags=[{**tag, "PropagateAtLaunch": True} for tag in aws.tags(self)],
            **self._settings(ids),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        name, wanted = observed.id, ids[self.target_group]
        if drift - {"target_group"}:
            aws.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, **self._settings(ids))
        if "target_group" in drift:
            found = observed.state["target_group"]
            others = [arn for arn in ([found] if isinstance(found, str) else found) if arn != wanted]
            if others:
                aws.autoscaling.detach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=others)
            if wanted not in found:
                aws.autoscaling.attach_load_balancer_target_groups(AutoScalingGroupName=name, TargetGroupARNs=[wanted])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        # The group waits for its servers to leave the load balancer; there is nothing left to finish.
        if self.target_group in ids and delay(aws, ids[self.target_group]):
            deregister_within(aws, ids[self.target_group], 0)
        aws.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=observed.id, ForceDelete=True)

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


def _everywhere(serving: list[ApiObject], group: ApiObject) -> bool:
    """Whether each zone has one, when there are enough to go round."""
    zones = set(group["AvailabilityZones"])
    return {i["AvailabilityZone"] for i in serving} >= zones or group["DesiredCapacity"] < len(zones)


def _trouble(snapshot: Snapshot, name: str) -> str:
    """Why the last launch failed, as AWS says it; empty when it did not."""
    last = snapshot.get("autoscaling", "describe_scaling_activities", AutoScalingGroupName=name, MaxRecords=1)
    activities = last["Activities"] if last else []
    if activities and activities[0]["StatusCode"] in ("Failed", "Cancelled"):
        return f"; {activities[0].get('StatusMessage', '')}"
    return ""
