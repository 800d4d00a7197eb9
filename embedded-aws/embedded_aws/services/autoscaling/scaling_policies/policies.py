"""Scaling policies, as they are kept: DescribePolicies answers them with their alarms added."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import ValidationError

from embedded_aws.account import backends as world
from embedded_aws.patching import attach_dict
from embedded_aws.services.autoscaling.scaling_policies import tracking

Policy = dict[str, Any]

# What is kept of a policy of each type, besides what all of them have.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
OF_TYPE = {
    "SimpleScaling": ("AdjustmentType", "MinAdjustmentMagnitude", "ScalingAdjustment", "Cooldown"),
    "StepScaling": ("AdjustmentType", "MinAdjustmentMagnitude", "MetricAggregationType", "EstimatedInstanceWarmup"),
    "TargetTrackingScaling": ("EstimatedInstanceWarmup",),
    "PredictiveScaling": ("PredictiveScalingConfiguration",),
}
REQUIRED = {
    "SimpleScaling": ("AdjustmentType", "ScalingAdjustment"),
    "StepScaling": ("AdjustmentType", "StepAdjustments"),
    "TargetTrackingScaling": ("TargetTrackingConfiguration",),
    "PredictiveScaling": ("PredictiveScalingConfiguration",),
}


def policies_of(backend: Any) -> dict[str, Policy]:
    """All policies of a region, by ARN."""
    return attach_dict(backend, "scaling_policies")


def alarms_of(backend: Any, arn: str) -> list[Any]:
    """The alarms that have a policy executed."""
    return tracking.alarms(world.backend("cloudwatch", backend.region_name), arn)


def named(backend: Any, name: str, group: str | None) -> list[Policy]:
    """The policies of a name, or of an ARN; in one group, or in all."""
    return [
        policy
        for arn, policy in policies_of(backend).items()
        if arn == name or (policy["PolicyName"] == name and group in (None, policy["AutoScalingGroupName"]))
    ]


def made(sent: dict[str, Any]) -> Policy:
    """A policy as DescribePolicies answers it, but for its alarms."""
    kind = sent.get("PolicyType") or "SimpleScaling"
    if kind not in OF_TYPE:
        raise ValidationError(f"PolicyType must be one of {', '.join(OF_TYPE)}, not {kind}.")
    for field in REQUIRED[kind]:
        if sent.get(field) in (None, [], {}):
            raise ValidationError(f"You must specify {field} for policy type: {kind}")
    policy = {field: sent[field] for field in OF_TYPE[kind] if sent.get(field) is not None}
    if kind == "StepScaling":
        policy.setdefault("MetricAggregationType", "Average")
    if kind == "TargetTrackingScaling":
        policy["TargetTrackingConfiguration"] = tracking.configuration(sent["TargetTrackingConfiguration"])
    return policy | {
        "AutoScalingGroupName": sent["AutoScalingGroupName"],
        "PolicyName": sent["PolicyName"],
        "PolicyType": kind,
        "StepAdjustments": sent.get("StepAdjustments") or [],
        "Enabled": sent.get("Enabled") is not False,
    }


def new_arn(group: Any, name: str) -> str:
    """The ARN of a policy that is new."""
    place = f"arn:aws:autoscaling:{group.region}:{group.account_id}:scalingPolicy:{uuid.uuid4()}"
    return f"{place}:autoScalingGroupName/{group.name}:policyName/{name}"
