"""Attach, detach and standby of instances; and groups with zones instead of subnets."""

from embedded_aws.testing import eventually
from services.errors import raises, unchanged

WEB = {"AutoScalingGroupName": "web"}


def run_instance(web, subnet=0, **more):
    params = {"ImageId": web.image, "InstanceType": "t4g.micro", "SubnetId": web.subnets[subnet]} | more
    return web.ec2.run_instances(**params, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]


def states(web):
    return {instance["InstanceId"]: instance["LifecycleState"] for instance in web.group()["Instances"]}


def causes(web):
    activities = web.asg.describe_scaling_activities(**WEB)["Activities"]
    return [activity["Cause"].partition("Z ")[2] for activity in activities]


def test_instances_are_attached_all_or_none(web):
    """A rejected call changes neither the capacity nor the instances."""
    web.create()
    member, one, stopped, elsewhere = next(iter(web.members())), run_instance(web), run_instance(web), run_instance(web)
    web.ec2.stop_instances(InstanceIds=[stopped])
    web.create(AutoScalingGroupName="other", MinSize=0)
    web.asg.attach_instances(AutoScalingGroupName="other", InstanceIds=[elsewhere])
    sizes = "AutoScalingGroup web has min-size=2, max-size=4, and desired-size=2. To attach 3 instances, please"
    invalid = [
        ([one, "i-00000000000000000"], "i-00000000000000000"),
        ([one, stopped], f"The instance {stopped} is not in running state."),
        ([one, member], f"The instance {member} is already part of AutoScalingGroup:web."),
        ([one, elsewhere], f"The instance {elsewhere} is already part of AutoScalingGroup:other."),
        ([one, run_instance(web), run_instance(web)], sizes),
    ]
    with unchanged(web.asg.describe_auto_scaling_groups, web.ec2.describe_instances):
        for instances, message in invalid:
            with raises("ValidationError", message):
                web.asg.attach_instances(**WEB, InstanceIds=instances)
    web.asg.attach_instances(**WEB, InstanceIds=[one])
    assert (len(web.members()), web.group()["DesiredCapacity"]) == (3, 3)
    assert web.targets()[one] == "healthy"
    cause = "an instance was attached in response to a user request, increasing the capacity from 2 to 3."
    assert causes(web)[0] == cause


def test_instances_are_detached_all_or_none(web):
    """Only members, and only down to the minimum capacity."""
    web.create(DesiredCapacity=3)
    first, second, *_ = web.members()
    stranger = run_instance(web)
    with unchanged(web.asg.describe_auto_scaling_groups):
        with raises("ValidationError", f"The instance {stranger} is not part of Auto Scaling group web."):
            web.asg.detach_instances(**WEB, InstanceIds=[first, stranger], ShouldDecrementDesiredCapacity=True)
        with raises("ValidationError", "To detach 2 instances, please update the AutoScalingGroup sizes"):
            web.asg.detach_instances(**WEB, InstanceIds=[first, second], ShouldDecrementDesiredCapacity=True)
    web.asg.detach_instances(**WEB, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    assert first not in web.members()
    assert web.group()["DesiredCapacity"] == 2


def test_an_instance_on_standby_gets_no_requests(web):
    """Afterwards it is registered again and counts towards the capacity."""
    web.create(DesiredCapacity=3)
    away, stays, _ = web.members()
    with unchanged(web.asg.describe_auto_scaling_groups):
        with raises("ValidationError", f"The instance {stays} is not in Standby."):
            web.asg.exit_standby(**WEB, InstanceIds=[stays])
        with raises("ValidationError", "To place into standby 2 instances, please update"):
            web.asg.enter_standby(**WEB, InstanceIds=[away, stays], ShouldDecrementDesiredCapacity=True)
    (activity,) = web.asg.enter_standby(**WEB, InstanceIds=[away], ShouldDecrementDesiredCapacity=True)["Activities"]
    assert activity["Description"] == f"Moving EC2 instance to Standby: {away}"
    assert states(web)[away] == "Standby"
    assert away not in web.targets()
    assert (len(web.targets()), web.group()["DesiredCapacity"]) == (2, 2)
    with raises("ValidationError", f"The instance {away} is not in InService."):
        web.asg.enter_standby(**WEB, InstanceIds=[away], ShouldDecrementDesiredCapacity=False)
    web.asg.exit_standby(**WEB, InstanceIds=[away])
    assert states(web)[away] == "InService"
    assert web.targets()[away] == "healthy"
    moved = f"instance {away} was moved"
    assert causes(web)[:2] == [
        f"{moved} out of standby in response to a user request, increasing the capacity from 2 to 3.",
        f"{moved} to standby in response to a user request, shrinking the capacity from 3 to 2.",
    ]


def test_an_instance_on_standby_is_replaced_unless_the_capacity_shrinks(web):
    web.create()
    away = next(iter(web.members()))
    web.asg.enter_standby(**WEB, InstanceIds=[away], ShouldDecrementDesiredCapacity=False)
    assert sorted(states(web).values()) == ["InService", "InService", "Standby"]
    assert away not in web.targets()


def test_a_group_without_subnets_uses_the_default_subnets_of_its_zones(web):
    """A zone without a default subnet is recorded as a failed activity."""
    subnets = web.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    defaults = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in subnets}
    data = {"ImageId": web.image, "InstanceType": "t4g.micro"}
    web.ec2.create_launch_template(LaunchTemplateName="plain", LaunchTemplateData=data)
    zones = ["us-west-2a", "us-west-2b"]
    plain = {"LaunchTemplate": {"LaunchTemplateName": "plain"}, "VPCZoneIdentifier": None, "TargetGroupARNs": []}
    with raises("ValidationError", "Invalid availability zones: [us-east-1a]"):
        web.create(**plain, AvailabilityZones=["us-east-1a"])
    web.create(**plain, AvailabilityZones=zones)
    assert {instance["SubnetId"] for instance in web.instances()} == {defaults[zone] for zone in zones}
    web.asg.delete_auto_scaling_group(**WEB, ForceDelete=True)
    web.ec2.delete_subnet(SubnetId=defaults["us-west-2a"])
    web.create(**plain, AvailabilityZones=zones)
    eventually(lambda: any("No default subnet for availability zone: 'us-west-2a'." in one for one in web.activities()))


def test_invalid_sizes_tags_and_processes_are_rejected(web):
    """At the creation and later; a rejected call changes nothing."""
    for size in ("MinSize", "MaxSize", "DesiredCapacity", "DefaultCooldown"):
        with raises("ValidationError", f"Value '-1' at '{size[0].lower()}{size[1:]}' failed to satisfy constraint"):
            web.create(**{size: -1})
    reserved = {"Key": "aws:name", "Value": "mine", "PropagateAtLaunch": True}
    with raises("ValidationError", "aws:"):
        web.create(Tags=[reserved])
    web.create(MinSize=0)
    tag = {"ResourceId": "web", "ResourceType": "auto-scaling-group"}
    with unchanged(web.asg.describe_auto_scaling_groups):
        with raises("ValidationError", "minSize"):
            web.asg.update_auto_scaling_group(**WEB, MinSize=-1)
        with raises("ValidationError", "aws:"):
            web.asg.create_or_update_tags(Tags=[tag | reserved])
        for call in (web.asg.suspend_processes, web.asg.resume_processes):
            with raises("ValidationError", "Nope"):
                call(**WEB, ScalingProcesses=["Launch", "Nope"])


def test_an_unknown_group_is_rejected(aws):
    scaling, shrinking = aws.client("autoscaling"), {"ShouldDecrementDesiredCapacity": True}
    for call, more in (
        *((scaling.attach_instances, {}), (scaling.detach_instances, shrinking)),
        *((scaling.enter_standby, shrinking), (scaling.exit_standby, {})),
    ):
        with raises("ValidationError", "AutoScalingGroup name not found"):
            call(AutoScalingGroupName="nobodys", InstanceIds=["i-00000000000000000"], **more)
