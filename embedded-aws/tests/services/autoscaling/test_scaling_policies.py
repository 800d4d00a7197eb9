"""Scaling policies: descriptions, and execution by alarms and by users."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_aws.services.autoscaling.scaling_policies.adjusting import (
    adjust_capacity,
    find_adjustment,
    scale_in_capacity,
    scale_out_capacity,
)
from embedded_aws.services.autoscaling.scaling_policies.tracking import get_metric
from embedded_aws.testing import eventually
from services.auto_scaling_group import WebGroup
from services.errors import raises

CPU = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 50.0}
STEPS = [
    {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 0},
    {"MetricIntervalLowerBound": 10.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 10},
    {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 30},
]
STEPS_IN = [
    {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": 0},
    {"MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -10},
]


@pytest.mark.parametrize(
    ("adjustment_type", "capacity", "adjustment", "min_magnitude", "expected"),
    [
        ("ChangeInCapacity", 3, 5, 0, 8),
        ("ExactCapacity", 3, 5, 0, 5),
        ("PercentChangeInCapacity", 10, 10, 0, 11),
        ("PercentChangeInCapacity", 127, 10, 0, 139),  # 12.7 is 12
        ("PercentChangeInCapacity", 4, 10, 0, 5),  # 0.4 is 1
        ("PercentChangeInCapacity", 4, -10, 0, 3),
        ("PercentChangeInCapacity", 100, -6, 0, 94),
        ("PercentChangeInCapacity", 4, 25, 2, 6),
        ("PercentChangeInCapacity", 4, -25, 2, 2),
        ("PercentChangeInCapacity", 4, 0, 2, 4),
    ],
)
def test_adjustments_are_rounded_as_documented(adjustment_type, capacity, adjustment, min_magnitude, expected):
    """The examples of the user guide."""
    assert adjust_capacity(adjustment_type, capacity, adjustment, min_magnitude) == expected


@pytest.mark.parametrize(
    ("steps", "difference", "expected"),
    [
        (STEPS, 0.0, 0),
        (STEPS, 9.9, 0),
        (STEPS, 10.0, 10),
        (STEPS, 20.0, 30),
        (STEPS, 1000.0, 30),
        (STEPS, -0.1, None),
        (STEPS_IN, 0.0, 0),
        (STEPS_IN, -9.9, 0),
        (STEPS_IN, -10.0, -10),
        (STEPS_IN, 0.1, None),
    ],
)
def test_bounds_of_steps_are_inclusive_as_documented(steps, difference, expected):
    """Above the threshold the lower bound is inclusive, below it the upper one."""
    assert find_adjustment(steps, difference) == expected


@given(st.integers(1, 500), st.floats(1, 1000), st.floats(1, 1000))
def test_target_tracking_brings_the_metric_to_its_target(capacity, metric, target):
    """Scaling out reaches the target with the fewest instances; scaling in approaches it, and never overshoots."""
    enough = scale_out_capacity(capacity, metric, target)
    assert metric * capacity / enough <= target * (1 + 1e-6)
    assert enough == 1 or metric * capacity / (enough - 1) > target * (1 - 1e-6)
    assert min(capacity, enough) <= scale_in_capacity(capacity, metric, target) <= capacity
    assert scale_in_capacity(capacity, metric, target) < capacity or enough >= capacity


class ScaledGroup(WebGroup):
    """The group `web` of two to eight instances, with scaling policies and alarms."""

    def __init__(self, aws):
        super().__init__(aws)
        self.cloudwatch = aws.client("cloudwatch")
        self.create(MaxSize=8, TargetGroupARNs=[])

    def policy(self, name="p", **changes):
        """Put a policy; return its ARN."""
        params = {"PolicyName": name, "AdjustmentType": "ChangeInCapacity"} | changes
        return self.asg.put_scaling_policy(AutoScalingGroupName="web", **params)["PolicyARN"]

    def track(self, name="t", **changes):
        """Put a target tracking policy at 50 % CPU; return the response."""
        return self.asg.put_scaling_policy(
            **{
                "AutoScalingGroupName": "web",
                "PolicyName": name,
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingConfiguration": CPU,
            }
            | changes
        )

    def policies(self, **filters):
        return self.asg.describe_policies(AutoScalingGroupName="web", **filters)["ScalingPolicies"]

    def alarm(self, arn, **changes):
        """Create an alarm `load` that executes a policy above 50."""
        self.cloudwatch.put_metric_alarm(
            **{
                "AlarmName": "load",
                "Namespace": "AWS/EC2",
                "MetricName": "CPUUtilization",
                "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "web"}],
                "Statistic": "Average",
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 50.0,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "AlarmActions": [arn],
            }
            | changes
        )

    def cpu(self, value, minutes=1):
        """Put the same CPU utilization of the group for the last minutes."""
        now = datetime.now(UTC)
        dimensions = [{"Name": "AutoScalingGroupName", "Value": "web"}]
        datum = {"MetricName": "CPUUtilization", "Dimensions": dimensions, "Value": value}
        data = [datum | {"Timestamp": now - timedelta(minutes=ago)} for ago in range(minutes)]
        self.cloudwatch.put_metric_data(Namespace="AWS/EC2", MetricData=data)

    def wait_for_capacity(self, desired):
        return eventually(lambda: self.group()["DesiredCapacity"] == desired and len(self.members()) == desired)

    def state(self, name="load"):
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return alarm["StateValue"]

    def wait_for_actions(self, times, name="load"):
        """Wait until the alarm has executed that many actions; return them."""

        def actions():
            history = self.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")
            return history["AlarmHistoryItems"]

        return eventually(lambda: actions() if len(actions()) >= times else None)

    def causes(self):
        activities = self.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
        return [activity["Cause"] for activity in activities]


@pytest.fixture
def scaled(aws):
    return ScaledGroup(aws)


def test_policies_are_described_as_on_aws(scaled):
    """Each type has its own fields; every policy has its own id, and a description of its alarms."""
    simple = scaled.policy("simple", ScalingAdjustment=1)
    stepped = scaled.policy("step", PolicyType="StepScaling", StepAdjustments=STEPS, EstimatedInstanceWarmup=30)
    scaled.alarm(simple)
    assert simple.endswith(":autoScalingGroupName/web:policyName/simple")
    assert simple.split(":")[6] != stepped.split(":")[6]
    assert scaled.policies() == [
        {
            "AutoScalingGroupName": "web",
            "PolicyName": "simple",
            "PolicyARN": simple,
            "PolicyType": "SimpleScaling",
            "AdjustmentType": "ChangeInCapacity",
            "ScalingAdjustment": 1,
            "StepAdjustments": [],
            "Alarms": [{"AlarmName": "load", "AlarmARN": "arn:aws:cloudwatch:us-west-2:123456789012:alarm:load"}],
            "Enabled": True,
        },
        {
            "AutoScalingGroupName": "web",
            "PolicyName": "step",
            "PolicyARN": stepped,
            "PolicyType": "StepScaling",
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": STEPS,
            "MetricAggregationType": "Average",
            "EstimatedInstanceWarmup": 30,
            "Alarms": [],
            "Enabled": True,
        },
    ]
    assert scaled.policy("simple", ScalingAdjustment=2) == simple
    assert [policy["ScalingAdjustment"] for policy in scaled.policies(PolicyTypes=["SimpleScaling"])] == [2]
    scaled.asg.delete_policy(PolicyName=simple)
    assert [policy["PolicyName"] for policy in scaled.policies()] == ["step"]
    assert scaled.cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmActions"] == []


def test_target_tracking_has_two_alarms_of_its_own(scaled):
    """They are created, updated and deleted with the policy, and the policy is deleted with its group."""
    response = scaled.track()
    high, low = (alarm["AlarmName"] for alarm in response["Alarms"])
    assert high.startswith("TargetTracking-web-AlarmHigh-")
    assert low.startswith("TargetTracking-web-AlarmLow-")
    (policy,) = scaled.policies()
    assert policy["Alarms"] == response["Alarms"]
    assert policy["TargetTrackingConfiguration"] == CPU | {"DisableScaleIn": False}
    alarms = {alarm["AlarmName"]: alarm for alarm in scaled.cloudwatch.describe_alarms()["MetricAlarms"]}
    fields = ("MetricName", "Threshold", "ComparisonOperator", "EvaluationPeriods", "Period", "AlarmActions")
    arn = response["PolicyARN"]
    assert [alarms[high][field] for field in fields] == ["CPUUtilization", 50.0, "GreaterThanThreshold", 3, 60, [arn]]
    assert [alarms[low][field] for field in fields] == ["CPUUtilization", 35.0, "LessThanThreshold", 15, 60, [arn]]
    assert arn in alarms[low]["AlarmDescription"]
    again = scaled.track(TargetTrackingConfiguration=CPU | {"DisableScaleIn": True})
    assert [alarm["AlarmName"] for alarm in again["Alarms"]] == [high]
    with raises("ValidationError", "Only one TargetTrackingScaling policy for a given metric"):
        scaled.track("second")
    scaled.asg.delete_policy(AutoScalingGroupName="web", PolicyName="t")
    assert scaled.cloudwatch.describe_alarms()["MetricAlarms"] == []
    scaled.track()
    scaled.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert scaled.asg.describe_policies()["ScalingPolicies"] == []
    assert scaled.cloudwatch.describe_alarms()["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        (
            {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "ALBRequestCountPerTarget",
                    "ResourceLabel": "app/web/0123456789abcdef/targetgroup/web/fedcba9876543210",
                }
            },
            {
                "namespace": "AWS/ApplicationELB",
                "metric_name": "RequestCountPerTarget",
                "statistic": "Sum",
                "dimensions": [
                    {"Name": "LoadBalancer", "Value": "app/web/0123456789abcdef"},
                    {"Name": "TargetGroup", "Value": "targetgroup/web/fedcba9876543210"},
                ],
            },
        ),
        (
            {
                "CustomizedMetricSpecification": {
                    "Namespace": "App",
                    "MetricName": "Busy",
                    "Statistic": "Average",
                    "Unit": "Percent",
                }
            },
            {"namespace": "App", "metric_name": "Busy", "statistic": "Average", "dimensions": [], "unit": "Percent"},
        ),
    ],
)
def test_target_tracking_uses_the_specified_metric(specification, expected):
    """Requests per target of a load balancer, or a custom metric."""
    assert get_metric("web", specification) == expected | {"period": 60}


def test_target_tracking_scales_out_at_once_and_in_gradually(scaled):
    """In proportion to the metric; new instances do not count until they are warmed up."""
    scaled.track(EstimatedInstanceWarmup=1)
    scaled.cpu(90.0, minutes=3)
    scaled.wait_for_capacity(4)  # 2 x 90 / 50, rounded up
    cause = scaled.causes()[0]
    assert " a monitor alarm TargetTracking-web-AlarmHigh-" in cause
    assert " in state ALARM triggered policy t changing the desired capacity from 2 to 4.  At " in cause
    assert "a difference between desired and actual capacity, increasing the capacity from 2 to 4" in cause
    scaled.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=8)
    low = scaled.policies()[0]["Alarms"][1]["AlarmName"]
    data = {"threshold": 35.0, "recentDatapoints": [20.0]}

    def shrinks():
        """Return whether the group has scaled in, which it does when all instances are warmed up."""
        for state in ("OK", "ALARM"):
            scaled.cloudwatch.set_alarm_state(
                AlarmName=low, StateValue=state, StateReason="quiet", StateReasonData=json.dumps(data)
            )
        return scaled.group()["DesiredCapacity"] < 8

    eventually(shrinks)
    assert scaled.group()["DesiredCapacity"] == 6  # 8 x 20 / 50 would be 4
    assert f"a monitor alarm {low} in state ALARM triggered policy t changing" in scaled.causes()[0]


def test_instances_that_warm_up_are_not_launched_twice(scaled):
    """While they warm up, the same metric leads to the same capacity."""
    step_up = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    scaled.policy(PolicyType="StepScaling", StepAdjustments=step_up, EstimatedInstanceWarmup=300)
    for _ in range(2):
        scaled.asg.execute_policy(AutoScalingGroupName="web", PolicyName="p", MetricValue=60.0, BreachThreshold=50.0)
        assert scaled.group()["DesiredCapacity"] == 3
    two_more = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}]
    scaled.policy(PolicyType="StepScaling", StepAdjustments=two_more, EstimatedInstanceWarmup=300)
    scaled.asg.execute_policy(AutoScalingGroupName="web", PolicyName="p", MetricValue=60.0, BreachThreshold=50.0)
    assert scaled.group()["DesiredCapacity"] == 4
    down = [{"MetricIntervalUpperBound": 0.0, "ScalingAdjustment": -1}]
    scaled.policy("down", PolicyType="StepScaling", StepAdjustments=down)
    scaled.asg.execute_policy(AutoScalingGroupName="web", PolicyName="down", MetricValue=10.0, BreachThreshold=50.0)
    assert scaled.group()["DesiredCapacity"] == 4
    assert "a user request executed policy p changing the desired capacity from 3 to 4." in scaled.causes()[0]


def test_a_step_policy_uses_the_step_of_its_metric(scaled):
    """The further the metric is above the threshold, the more is added, up to the group's maximum."""
    steps = [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 9},
    ]
    scaled.alarm(scaled.policy(PolicyType="StepScaling", StepAdjustments=steps))
    scaled.cpu(75.0)
    scaled.wait_for_capacity(8)


def test_a_simple_policy_waits_for_its_cooldown(scaled):
    """A second alarm within it does nothing; a user ignores it, unless HonorCooldown is set."""
    scaled.alarm(scaled.policy(ScalingAdjustment=1, Cooldown=300), Statistic="Maximum")
    scaled.cpu(75.0)
    scaled.wait_for_capacity(3)
    assert "a monitor alarm load in state ALARM triggered policy p changing the desired" in scaled.causes()[0]
    scaled.alarm(scaled.policies()[0]["PolicyARN"], Statistic="Maximum", Threshold=90.0)
    eventually(lambda: scaled.state() == "OK")
    scaled.cpu(95.0)
    scaled.wait_for_actions(2)
    assert scaled.group()["DesiredCapacity"] == 3
    with raises("ScalingActivityInProgress"):
        scaled.asg.execute_policy(AutoScalingGroupName="web", PolicyName="p", HonorCooldown=True)
    scaled.asg.execute_policy(AutoScalingGroupName="web", PolicyName="p")
    assert scaled.group()["DesiredCapacity"] == 4


def test_suspended_and_disabled_policies_are_not_executed_by_alarms(scaled):
    """AlarmNotification is the process to suspend while somebody works on the group."""
    scaled.asg.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["AlarmNotification"])
    scaled.alarm(scaled.policy(ScalingAdjustment=1))
    scaled.cpu(75.0)
    scaled.wait_for_actions(1)
    assert scaled.group()["DesiredCapacity"] == 2
    scaled.asg.resume_processes(AutoScalingGroupName="web")
    scaled.alarm(scaled.policy(ScalingAdjustment=1, Enabled=False), Threshold=90.0)
    eventually(lambda: scaled.state() == "OK")
    scaled.alarm(scaled.policies()[0]["PolicyARN"])
    scaled.wait_for_actions(2)
    assert scaled.group()["DesiredCapacity"] == 2


def test_invalid_policies_are_rejected(scaled):
    """Incomplete and contradictory policies."""
    calls = {
        "ScalingAdjustment": lambda: scaled.policy(),
        "StepAdjustments": lambda: scaled.policy(PolicyType="StepScaling"),
        "TargetTrackingConfiguration": lambda: scaled.policy(PolicyType="TargetTrackingScaling"),
        "resource label": lambda: scaled.track(
            TargetTrackingConfiguration={
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
                "TargetValue": 1.0,
            }
        ),
        "PolicyType must be one of": lambda: scaled.policy(PolicyType="Bogus"),
        "Either a predefined or a customized": lambda: scaled.track(TargetTrackingConfiguration={"TargetValue": 1.0}),
        "not found": lambda: scaled.asg.delete_policy(AutoScalingGroupName="web", PolicyName="none"),
        "name not found": lambda: scaled.asg.put_scaling_policy(
            AutoScalingGroupName="none", PolicyName="p", AdjustmentType="ExactCapacity", ScalingAdjustment=1
        ),
    }
    for message, call in calls.items():
        with raises("ValidationError", message):
            call()
    assert scaled.policies() == []


def test_policies_that_cannot_be_executed_are_rejected(scaled):
    """A step policy without a metric, or outside of its steps, and target tracking."""
    scaled.policy("step", PolicyType="StepScaling", StepAdjustments=STEPS)
    scaled.track()
    invalid = [
        ({"PolicyName": "step"}, "MetricValue and BreachThreshold are required"),
        ({"PolicyName": "step", "MetricValue": 40.0, "BreachThreshold": 50.0}, "No step adjustment found for metric"),
        ({"PolicyName": "t"}, "TargetTrackingScaling can't be executed manually"),
        ({"PolicyName": "none"}, "Policy not found: none"),
    ]
    for params, message in invalid:
        with raises("ValidationError", message):
            scaled.asg.execute_policy(AutoScalingGroupName="web", **params)
    assert scaled.group()["DesiredCapacity"] == 2


def test_a_failed_action_is_in_the_history_of_the_alarm(scaled):
    """Without metric data for a step policy, or with an unknown policy."""
    step = scaled.policy(PolicyType="StepScaling", StepAdjustments=STEPS)
    for arn, message in (
        (step, "Metric data points must be provided"),
        (f"{step}s", f"Scaling policy not found: {step}s"),
    ):
        scaled.alarm(arn)
        scaled.cloudwatch.set_alarm_state(AlarmName="load", StateValue="ALARM", StateReason="a rehearsal")
        summary = scaled.wait_for_actions(1)[0]["HistorySummary"]
        assert summary == f'Failed to execute action {arn}. Received error: "{message}"'
        scaled.cloudwatch.delete_alarms(AlarmNames=["load"])
    assert scaled.group()["DesiredCapacity"] == 2
