"""The operations on scaling policies; moto forgets fields, gives every policy one id, and one name to all groups."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.responses import ActionResult, EmptyResult

from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.services.autoscaling.scaling_policies import tracking, triggered
from embedded_aws.services.autoscaling.scaling_policies.policies import (
    Policy,
    alarms_of,
    made,
    named,
    new_arn,
    policies_of,
)

PAGE = 50


@patch(AutoScalingResponse, "put_scaling_policy")
def put_scaling_policy(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutScalingPolicy.html."""
    backend, sent = response.autoscaling_backend, response._get_params()
    group = backend.autoscaling_groups[sent["AutoScalingGroupName"]]
    former = next(iter(named(backend, sent["PolicyName"], group.name)), None)
    policy = made(sent) | {"PolicyARN": former["PolicyARN"] if former else new_arn(group, sent["PolicyName"])}
    if policy["PolicyType"] == "TargetTrackingScaling":
        _refuse_second(backend, policy)
        tracking.put_alarms(policy)
    policies_of(backend)[policy["PolicyARN"]] = policy
    shown = _alarms(backend, policy) if policy["PolicyType"] == "TargetTrackingScaling" else []
    return ActionResult({"PolicyARN": policy["PolicyARN"], "Alarms": shown})


@patch(AutoScalingResponse, "describe_policies")
def describe_policies(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribePolicies.html."""
    backend, group = response.autoscaling_backend, response._get_param("AutoScalingGroupName")
    names, types = response._get_param("PolicyNames", []), response._get_param("PolicyTypes", [])
    found = [
        policy
        for policy in policies_of(backend).values()
        if group in (None, policy["AutoScalingGroupName"])
        and (not names or policy["PolicyName"] in names or policy["PolicyARN"] in names)
        and (not types or policy["PolicyType"] in types)
    ]
    start, size = int(response._get_param("NextToken") or 0), response._get_int_param("MaxRecords", PAGE)
    token = str(start + size) if len(found) > start + size else None
    shown = [policy | {"Alarms": _alarms(backend, policy)} for policy in found[start : start + size]]
    return ActionResult({"ScalingPolicies": shown, "NextToken": token})


@patch(AutoScalingResponse, "delete_policy")
def delete_policy(moto: Method, response: Any) -> EmptyResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeletePolicy.html."""
    backend = response.autoscaling_backend
    _remove(backend, _find(backend, response))
    return EmptyResult()


@patch(AutoScalingResponse, "execute_policy")
def execute_policy(moto: Method, response: Any) -> EmptyResult:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ExecutePolicy.html."""
    backend = response.autoscaling_backend
    policy = _find(backend, response)
    value, threshold = response._get_param("MetricValue"), response._get_param("BreachThreshold")
    known = value is not None and threshold is not None
    given = triggered.Measured([float(value)], float(threshold)) if known else None
    group = backend.autoscaling_groups[policy["AutoScalingGroupName"]]
    triggered.by_user(group, policy, given, response._get_bool_param("HonorCooldown", False))
    return EmptyResult()


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, backend: Any, group_name: str) -> None:
    """The policies of a group go with it.

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteAutoScalingGroup.html
    """
    moto(backend, group_name)
    for policy in [one for one in policies_of(backend).values() if one["AutoScalingGroupName"] == group_name]:
        _remove(backend, policy)


def _refuse_second(backend: Any, policy: Policy) -> None:
    config, name = policy["TargetTrackingConfiguration"], policy["AutoScalingGroupName"]
    for other in policies_of(backend).values():
        same = other["AutoScalingGroupName"] == name and other["PolicyARN"] != policy["PolicyARN"]
        if same and other["PolicyType"] == "TargetTrackingScaling":
            watched = tracking.metric(name, other["TargetTrackingConfiguration"])
            if watched == tracking.metric(name, config):
                why = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
                raise ValidationError(why)


def _alarms(backend: Any, policy: Policy) -> list[dict[str, str]]:
    found = alarms_of(backend, policy["PolicyARN"])
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in found]


def _remove(backend: Any, policy: Policy) -> None:
    """With target tracking's own alarms; others stay and lose their action."""
    arn = policy["PolicyARN"]
    del policies_of(backend)[arn]
    found = alarms_of(backend, arn)
    if policy["PolicyType"] == "TargetTrackingScaling":
        world.backend("cloudwatch", backend.region_name).delete_alarms([alarm.name for alarm in found])
        return
    for alarm in found:
        for field in ("alarm_actions", "ok_actions", "insufficient_data_actions"):
            setattr(alarm, field, [action for action in getattr(alarm, field) if action != arn])


def _find(backend: Any, response: Any) -> Policy:
    name, group = response._get_param("PolicyName"), response._get_param("AutoScalingGroupName")
    found = next(iter(named(backend, name, group)), None)
    if found is None:
        raise ValidationError(f"Policy not found: {name}")
    return found
