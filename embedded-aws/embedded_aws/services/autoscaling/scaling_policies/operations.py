"""API calls for scaling policies; moto drops fields, and shares ids and names between groups."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.requests import paginate
from embedded_aws.services.autoscaling.scaling_policies import tracking, triggered
from embedded_aws.services.autoscaling.scaling_policies.policies import (
    Policy,
    alarms_of,
    build_policy,
    find_policies,
    new_arn,
    policies_of,
)

PAGE_SIZE = 50


@patch(AutoScalingResponse, "put_scaling_policy")
def put_scaling_policy(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html."""
    backend, params = response.autoscaling_backend, response._get_params()
    group = backend.autoscaling_groups[params["AutoScalingGroupName"]]
    existing = next(iter(find_policies(backend, params["PolicyName"], group.name)), None)
    arn = existing["PolicyARN"] if existing else new_arn(group, params["PolicyName"])
    policy = build_policy(params) | {"PolicyARN": arn}
    if policy["PolicyType"] == "TargetTrackingScaling":
        _require_unique_metric(backend, policy)
        tracking.put_alarms(policy)
    policies_of(backend)[policy["PolicyARN"]] = policy
    alarms = _describe_alarms(backend, policy) if policy["PolicyType"] == "TargetTrackingScaling" else []
    return ActionResult({"PolicyARN": policy["PolicyARN"], "Alarms": alarms})


@patch(AutoScalingResponse, "describe_policies")
def describe_policies(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribePolicies.html."""
    backend, group = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
    names, types = response._get_param("PolicyNames", []), response._get_param("PolicyTypes", [])
    matching = [
        policy
        for policy in policies_of(backend).values()
        if group in (None, policy["AutoScalingGroupName"])
        and (not names or policy["PolicyName"] in names or policy["PolicyARN"] in names)
        and (not types or policy["PolicyType"] in types)
    ]
    page, token = paginate(response, matching, PAGE_SIZE)
    descriptions = [policy | {"Alarms": _describe_alarms(backend, policy)} for policy in page]
    return ActionResult({"ScalingPolicies": descriptions, "NextToken": token})


@patch(AutoScalingResponse, "delete_policy")
def delete_policy(moto: Method, response: Any) -> EmptyResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeletePolicy.html."""
    backend = response.autoscaling_backend
    _delete_policy(backend, _require_policy(backend, response))
    return EmptyResult()


@patch(AutoScalingResponse, "execute_policy")
def execute_policy(moto: Method, response: Any) -> EmptyResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html."""
    backend = response.autoscaling_backend
    policy = _require_policy(backend, response)
    value, threshold = response._get_param("MetricValue"), response._get_param("BreachThreshold")
    has_metric = value is not None and threshold is not None
    metric = triggered.MetricData([float(value)], float(threshold)) if has_metric else None
    group = backend.autoscaling_groups[policy["AutoScalingGroupName"]]
    triggered.execute_for_user(group, policy, metric, response._get_bool_param("HonorCooldown", False))
    return EmptyResult()


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """Delete the policies of a group with it.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
    """
    moto(backend, group_name)
    policies = list(policies_of(backend).values())
    for policy in [policy for policy in policies if policy["AutoScalingGroupName"] == group_name]:
        _delete_policy(backend, policy)


def _require_unique_metric(backend: Any, policy: Policy) -> None:
    config, name = policy["TargetTrackingConfiguration"], policy["AutoScalingGroupName"]
    for other in policies_of(backend).values():
        same = other["AutoScalingGroupName"] == name and other["PolicyARN"] != policy["PolicyARN"]
        if same and other["PolicyType"] == "TargetTrackingScaling":
            metric = tracking.get_metric(name, other["TargetTrackingConfiguration"])
            if metric == tracking.get_metric(name, config):
                message = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
                raise ValidationError(message)


def _describe_alarms(backend: Any, policy: Policy) -> list[dict[str, str]]:
    alarms = alarms_of(backend, policy["PolicyARN"])
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in alarms]


def _delete_policy(backend: Any, policy: Policy) -> None:
    """Delete a policy, and target tracking's own alarms; remove the action from other alarms."""
    arn = policy["PolicyARN"]
    del policies_of(backend)[arn]
    alarms = alarms_of(backend, arn)
    if policy["PolicyType"] == "TargetTrackingScaling":
        backends.backend("cloudwatch", backend.region_name).delete_alarms([alarm.name for alarm in alarms])
        return
    for alarm in alarms:
        for field in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
            setattr(alarm, field, [action for action in getattr(alarm, field) if action != arn])


def _require_policy(backend: Any, response: Any) -> Policy:
    name, group = response._get_param("PolicyName"), response._get_param("AutoScalingGroupName")
    policy = next(iter(find_policies(backend, name, group)), None)
    if policy is None:
        raise ValidationError(f"Policy not found: {name}")
    return policy
