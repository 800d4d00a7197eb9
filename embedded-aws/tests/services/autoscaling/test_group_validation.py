"""Groups with zones instead of subnets, and invalid sizes, tags and processes."""

from embedded_aws.testing import eventually
from services.errors import raises, unchanged

WEB = {"AutoScalingGroupName": "web"}


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
