"""Store scaling policies, in the form of DescribePolicies without the alarms."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.exceptions import ValidationError

from embedded_aws.account import backends
from embedded_aws.patching import attach_dict
from embedded_aws.services.autoscaling.scaling_policies import tracking

Policy = dict[str, Any]

# Fields of each policy type, besides the common ones.
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html
FIELDS = {
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
    """Return all policies of a region, by ARN."""
    return attach_dict(backend, "scaling_policies")


def alarms_of(backend: Any, arn: str) -> list[Any]:
    """Return the alarms that execute a policy."""
    return tracking.find_alarms(backends.backend("cloudwatch", backend.region_name), arn)


def find_policies(backend: Any, name: str, group: str | None) -> list[Policy]:
    """Return the policies with a name or an ARN, in one group or in all."""
    return [
        policy
        for arn, policy in policies_of(backend).items()
        if arn == name or (policy["PolicyName"] == name and group in (None, policy["AutoScalingGroupName"]))
    ]


def build_policy(params: dict[str, Any]) -> Policy:
    """Return a policy as DescribePolicies returns it, without alarms and ARN.

    Raises:
        ValidationError: The type is unknown, or a required field is missing.
    """
    policy_type = params.get("PolicyType") or "SimpleScaling"
    if policy_type not in FIELDS:
        raise ValidationError(f"PolicyType must be one of {', '.join(FIELDS)}, not {policy_type}.")
    for field in REQUIRED[policy_type]:
        if params.get(field) in (None, [], {}):
            raise ValidationError(f"You must specify {field} for policy type: {policy_type}")
    policy = {field: params[field] for field in FIELDS[policy_type] if params.get(field) is not None}
    if policy_type == "StepScaling":
        policy.setdefault("MetricAggregationType", "Average")
    if policy_type == "TargetTrackingScaling":
        policy["TargetTrackingConfiguration"] = tracking.normalize_configuration(params["TargetTrackingConfiguration"])
    return policy | {
        "AutoScalingGroupName": params["AutoScalingGroupName"],
        "PolicyName": params["PolicyName"],
        "PolicyType": policy_type,
        "StepAdjustments": params.get("StepAdjustments") or [],
        "Enabled": params.get("Enabled") is not False,
    }


def new_arn(group: Any, name: str) -> str:
    """Return the ARN of a new policy."""
    prefix = f"arn:aws:autoscaling:{group.region}:{group.account_id}:scalingPolicy:{uuid.uuid4()}"
    return f"{prefix}:autoScalingGroupName/{group.name}:policyName/{name}"
