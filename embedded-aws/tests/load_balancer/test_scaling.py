"""An Auto Scaling group replaces unhealthy targets."""

import time

import pytest

from embedded_aws.testing import eventually

UNHEALTHY = "an instance was taken out of service in response to an ELB system health check failure."


class Fleet:
    """An Auto Scaling group `web` of two behind the site's target group; all have the application `b` at first."""

    def __init__(self, site, app):
        self.site, self.asg = site, site.aws.client("autoscaling")
        site.set_app("*", app)
        data = {"ImageId": site.network.image(), "InstanceType": "t4g.micro", "SecurityGroupIds": [site.web]}
        site.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)

    def create(self, **changes):
        asked = {
            "AutoScalingGroupName": "web",
            "MinSize": 2,
            "MaxSize": 2,
            "LaunchTemplate": {"LaunchTemplateName": "web", "Version": "$Latest"},
            "VPCZoneIdentifier": ",".join(self.site.network.subnets),
            "TargetGroupARNs": [self.site.group],
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": 0,
        } | changes
        self.asg.create_auto_scaling_group(**asked)
        eventually(lambda: set(self.site.targets().values()) == {"healthy"})
        return self.members()

    def members(self):
        (group,) = self.asg.describe_auto_scaling_groups()["AutoScalingGroups"]
        return sorted(instance["InstanceId"] for instance in group["Instances"])

    def causes(self):
        found = self.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
        return {activity["Description"]: activity["Cause"] for activity in found}


@pytest.fixture
def fleet(site, app):
    return Fleet(site, app("b"))


def test_an_unhealthy_instance_is_replaced(fleet, site, app):
    """By one that becomes healthy; the activity gives the reason, and the other instance stays."""
    sick, well = fleet.create()
    running = app("a")
    running.health = 500
    site.set_app(sick, running)
    eventually(lambda: sick not in fleet.members() and len(fleet.members()) == 2, within=20)
    assert well in fleet.members()
    assert fleet.causes()[f"Terminating EC2 instance: {sick}"].endswith(UNHEALTHY)
    eventually(lambda: all(site.health(found)[0] == "healthy" for found in fleet.members()))


@pytest.mark.exhaustive
def test_an_unhealthy_target_is_visible_before_it_is_replaced(fleet, site):
    """So that an operator sees its time-outs."""
    sick, _ = fleet.create()
    site.forbid(site.web, 8080, group=site.alb)
    eventually(lambda: site.health(sick)[:2] == ("unhealthy", "Target.Timeout"))
    began = time.monotonic()
    eventually(lambda: sick not in fleet.members())
    assert time.monotonic() - began > 1.2  # of a second and a half


@pytest.mark.exhaustive
@pytest.mark.parametrize("changes", [{"HealthCheckGracePeriod": 7200}, {"HealthCheckType": "EC2"}])
def test_it_is_kept_in_its_grace_period_and_with_ec2_health_checks(fleet, site, app, changes):
    """Although it is unhealthy for the load balancer."""
    sick, well = fleet.create(**changes)
    running = app("a")
    running.health = 500
    site.set_app(sick, running)
    eventually(lambda: site.health(sick)[0] == "unhealthy")
    asked = len(running.asked)
    eventually(lambda: len(running.asked) > asked + 12)  # three seconds later
    assert fleet.members() == [sick, well]


@pytest.mark.exhaustive
def test_a_deregistered_instance_is_not_replaced(fleet, site, app):
    """A deployment may deregister an instance for as long as it needs."""
    sick, well = fleet.create()
    running = app("a")
    running.health = 500
    site.deregister(sick)
    site.set_app(sick, running)
    site.set_app(well, other := app("c"))
    asked = len(other.asked)
    eventually(lambda: len(other.asked) > asked + 4)
    assert fleet.members() == [sick, well]
    assert site.health(sick)[0] in ("draining", "unused")
