"""A scaling policy of an Auto Scaling group that tracks a target."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .alarm import dimension
from .auto_scaling_group import SHRINK, AutoScalingGroup, shrink
from .base import Ids, Observed, Resource, kind
from .listener import Listener

_ON = "autoscaling:autoScalingGroup:*:autoScalingGroupName/{env}-{self.servers.name}"
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PredefinedMetricSpecification.html
_METRICS = {"cpu": "ASGAverageCPUUtilization", "requests_per_target": "ALBRequestCountPerTarget"}


@kind
class ScalingPolicy(Resource):
    """Changes the desired capacity, so that a metric stays near its target; Auto Scaling makes the alarms for it.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html

    Args:
        metric: ``cpu``, or ``requests_per_target``.
        listener: Through which the load balancer sends requests to the group; only for ``requests_per_target``.
    """

    servers: AutoScalingGroup
    metric: str
    target: float
    listener: Listener | None = None

    # Auto Scaling may not know yet that the listener forwards to the target group.
    # https://github.com/hashicorp/terraform-provider-aws/issues/15265
    eventual_errors = frozenset({"ValidationError: does not route traffic to the target group", "ResourceContention"})

    needs = (
        to_look("autoscaling:DescribePolicies"),
        to_apply("autoscaling:PutScalingPolicy", on=_ON),
        to_destroy("autoscaling:DeletePolicy", on=_ON),
        *SHRINK,
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect the metric with its label, and a policy that is enabled and also scales in."""
        return {
            "servers": super().desired(ids)["servers"],
            "metric": self.metric,
            "target": float(self.target),
            "label": self._label(ids),
            "enabled": True,
            "scale_in": True,
        }

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the policy up by its name, in its group."""
        group, name = ids.get(self.servers, ""), self.aws_name(snapshot.aws)
        policies = snapshot.all("autoscaling", "describe_policies", "ScalingPolicies", AutoScalingGroupName=group)
        policy = next((policy for policy in policies if policy["PolicyName"] == name), None)
        if policy is None:
            return None
        tracking = policy["TargetTrackingConfiguration"]
        metric = tracking["PredefinedMetricSpecification"]
        known = {aws: own for own, aws in _METRICS.items()}
        state = {
            "servers": policy["AutoScalingGroupName"],
            "metric": known.get(metric["PredefinedMetricType"], metric["PredefinedMetricType"] or policy["PolicyType"]),
            "target": tracking["TargetValue"],
            "label": metric["ResourceLabel"],
            "enabled": policy["Enabled"] is not False,
            "scale_in": not tracking["DisableScaleIn"],
        }
        return Observed(name, state, detail={"alarms": sorted(alarm["AlarmName"] for alarm in policy["Alarms"])})

    def create(self, aws: Aws, ids: Ids) -> None:
        """Put the policy; one with its name is replaced, so it is never there twice."""
        label = self._label(ids)
        metric = {"PredefinedMetricType": _METRICS[self.metric]} | ({"ResourceLabel": label} if label else {})
        aws.autoscaling.put_scaling_policy(
            AutoScalingGroupName=ids[self.servers],
            PolicyName=self.aws_name(aws),
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "PredefinedMetricSpecification": metric, "TargetValue": float(self.target), "DisableScaleIn": False,
            },
            Enabled=True,
        )  # fmt: skip

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Put the whole policy."""
        self.create(aws, ids)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the policy, and what it has added; Auto Scaling deletes its alarms."""
        group = observed.state["servers"]
        aws.autoscaling.delete_policy(AutoScalingGroupName=group, PolicyName=observed.id)
        shrink(aws, group)

    def _label(self, ids: Ids) -> str:
        """``app/…/targetgroup/…``: which requests are counted."""
        if self.listener is None:
            return ""
        both = self.listener.balancer, self.listener.target_group
        return "/".join(dimension(str(ids.get(each, each.key))) for each in both)
