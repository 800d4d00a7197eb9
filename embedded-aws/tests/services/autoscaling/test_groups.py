"""Auto Scaling behaves as on AWS: zones, launch template, targets, replacement, refusals."""

import pytest
from botocore.exceptions import ClientError

from embedded_aws.testing import eventually
from services.errors import refused
from services.web import USER_DATA


def test_instances_spread_evenly_over_the_zones(web):
    """'One per zone' is rehearsed, and four are two per zone."""
    web.create()
    assert web.zones() == ["a", "b"]
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    assert web.zones() == ["a", "a", "b", "b"]
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    assert web.zones() == ["a", "b"]


def test_instances_are_what_the_launch_template_says(web):
    """Profile, IMDSv2, monitoring, user data, network and tags arrive on every instance."""
    web.create()
    for instance in web.instances():
        assert instance["IamInstanceProfile"]["Arn"] == web.profile
        assert instance["MetadataOptions"]["HttpTokens"] == "required"
        assert instance["MetadataOptions"]["InstanceMetadataTags"] == "enabled"
        assert instance["Monitoring"]["State"] == "enabled"
        assert instance["InstanceType"] == "t4g.micro"
        assert [group["GroupId"] for group in instance["SecurityGroups"]] == [web.security_group]
        assert instance["SubnetId"] in web.subnets
        tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        assert tags["Name"] == "web"
        assert tags["Layer"] == "compute"
        assert tags["aws:autoscaling:groupName"] == "web"
        assert "Owner" not in tags
        data = web.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
        assert data["UserData"]["Value"] == USER_DATA


def test_volumes_are_what_the_launch_template_says(web):
    """No instance has an unencrypted disk that nobody asked for."""
    web.create()
    for instance in web.instances():
        assert [device["DeviceName"] for device in instance["BlockDeviceMappings"]] == [web.root]
        ids = [device["Ebs"]["VolumeId"] for device in instance["BlockDeviceMappings"]]
        (volume,) = web.ec2.describe_volumes(VolumeIds=ids)["Volumes"]
        assert (volume["Encrypted"], volume["VolumeType"], volume["Size"], volume["Throughput"]) == (
            True,
            "gp3",
            12,
            250,
        )
        assert volume["Tags"] == [{"Key": "Layer", "Value": "compute"}]


def test_template_versions_inherit_and_are_told_apart(web):
    """A second version with user data launches, inherits from its source, and old instances keep the first."""
    web.create()
    web.ec2.create_launch_template_version(
        LaunchTemplateId=web.template,
        SourceVersion="1",
        LaunchTemplateData={"InstanceType": "t4g.small", "UserData": USER_DATA},
    )
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    versions = sorted((i["LaunchTemplate"]["Version"], i["InstanceType"]) for i in web.group()["Instances"])
    assert versions == [("1", "t4g.micro")] * 2 + [("2", "t4g.small")] * 2
    assert {i["MetadataOptions"]["HttpTokens"] for i in web.instances()} == {"required"}
    template = web.ec2.describe_launch_template_versions(LaunchTemplateId=web.template, Versions=["2"])
    data = template["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert data["ImageId"] == web.image
    assert [tags["ResourceType"] for tags in data["TagSpecifications"]] == ["instance", "volume"]


@pytest.mark.parametrize(
    ("version", "expected"), [("$Default", "t4g.micro"), ("$Latest", "t4g.small"), ("2", "t4g.small")]
)
def test_the_group_follows_the_version_it_names(web, version, expected):
    """$Default, $Latest and a number each launch what they mean."""
    data = web.data(InstanceType="t4g.small")
    web.ec2.create_launch_template_version(LaunchTemplateId=web.template, LaunchTemplateData=data)
    web.create(LaunchTemplate={"LaunchTemplateId": web.template, "Version": version})
    assert {instance["InstanceType"] for instance in web.instances()} == {expected}
    assert web.group()["LaunchTemplate"]["Version"] == version


def test_a_templates_own_tags_are_not_part_of_its_data(web):
    """A plan sees no difference that nobody made."""
    web.ec2.create_launch_template(
        LaunchTemplateName="tagged",
        LaunchTemplateData={"ImageId": web.image},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    (found,) = web.ec2.describe_launch_templates(LaunchTemplateNames=["tagged"])["LaunchTemplates"]
    assert found["Tags"] == [{"Key": "a", "Value": "b"}]
    versions = web.ec2.describe_launch_template_versions(LaunchTemplateName="tagged", Versions=["$Latest"])
    assert versions["LaunchTemplateVersions"][0]["LaunchTemplateData"] == {"ImageId": web.image}


def test_targets_follow_the_group(web):
    """Launched instances are registered, terminated ones are deregistered."""
    web.create()
    assert web.targets() == dict.fromkeys(web.members(), "healthy")
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    assert len(web.targets()) == 4
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=2)
    assert set(web.targets()) == set(web.members())
    assert len(web.targets()) == 2


def test_a_lost_instance_is_replaced_in_its_zone(web):
    """Terminating one by hand costs neither the zone nor the target."""
    web.create()
    lost = min(web.members())
    web.ec2.terminate_instances(InstanceIds=[lost])
    eventually(lambda: lost not in web.members() and len(web.members()) == 2)
    assert web.zones() == ["a", "b"]
    assert web.targets() == dict.fromkeys(web.members(), "healthy")
    assert f"Terminating EC2 instance: {lost}" in web.activities()


def test_a_stopped_and_an_unhealthy_instance_are_replaced(web):
    """The EC2 check and set-instance-health both lead to a new instance."""
    web.create()
    stopped, unhealthy = sorted(web.members())
    web.ec2.stop_instances(InstanceIds=[stopped])
    web.asg.set_instance_health(InstanceId=unhealthy, HealthStatus="Unhealthy")
    eventually(lambda: len(web.members()) == 2 and not {stopped, unhealthy} & set(web.members()))
    assert {i["State"]["Name"] for i in web.instances([stopped, unhealthy])} == {"terminated"}


def test_terminate_in_group_shrinks_or_replaces(web):
    """terminate-instance-in-auto-scaling-group keeps to its flag, and to the group's minimum."""
    web.create(DesiredCapacity=3)
    first = next(one for one, zone in web.members().items() if web.zones().count(zone[-1]) == 2)  # nothing to rebalance
    web.asg.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=True)
    assert (len(web.members()), web.group()["DesiredCapacity"]) == (2, 2)
    second = min(web.members())
    with pytest.raises(ClientError, match="ValidationError"):
        web.asg.terminate_instance_in_auto_scaling_group(InstanceId=second, ShouldDecrementDesiredCapacity=True)
    with refused("ValidationError", "No managed instance found for instance ID: i-00000000"):
        web.asg.terminate_instance_in_auto_scaling_group(InstanceId="i-00000000", ShouldDecrementDesiredCapacity=False)
    web.asg.terminate_instance_in_auto_scaling_group(InstanceId=second, ShouldDecrementDesiredCapacity=False)
    eventually(lambda: len(web.members()) == 2 and second not in web.members())


def test_a_new_zone_is_used(web):
    """A subnet of a third zone gets its share, a zone that is taken away gives its instances up."""
    web.create(MinSize=3)
    web.subnets.append(web.subnet(2, "c"))
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", VPCZoneIdentifier=",".join(web.subnets[1:]))
    eventually(lambda: set(web.zones()) == {"b", "c"} and len(web.zones()) == 3)


def test_a_launch_that_fails_is_told_by_the_activities(web):
    """An operator who looks for a reason finds it where AWS writes it."""
    web.ec2.create_launch_template_version(
        LaunchTemplateId=web.template, SourceVersion="1", LaunchTemplateData={"SecurityGroupIds": ["sg-00000000"]}
    )
    web.create()
    assert web.members() == {}
    assert "sg-00000000" in web.activities()[0]


def test_a_group_without_its_template_holds_up_no_other(web):
    """It tells by an activity what it lacks, and its neighbour is mended as ever."""
    web.ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData=web.data())
    web.create()
    web.create(AutoScalingGroupName="other", LaunchTemplate={"LaunchTemplateName": "other"})
    web.ec2.delete_launch_template(LaunchTemplateId=web.template)
    gone = set(web.members()) | set(web.members("other"))
    web.ec2.terminate_instances(InstanceIds=list(gone))
    eventually(lambda: len(set(web.members("other")) - gone) == 2 and not web.members())
    why = f"The specified launch template, with template ID {web.template}, does not exist."
    failed = f"Launching a new EC2 instance.  Status Reason: {why} Launching EC2 instance failed."
    eventually(lambda: failed in web.activities())
    assert web.activities().count(failed) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"MinSize": 5}, "ValidationError"),
        ({"DesiredCapacity": 9}, "ValidationError"),
        (
            {"TargetGroupARNs": ["arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/no/0"]},
            "ValidationError",
        ),
        ({"LaunchTemplate": {"LaunchTemplateName": "missing"}}, "ValidationError"),
    ],
)
def test_what_aws_refuses_is_refused(web, changes, code):
    """A group that AWS would not create is not created here."""
    with pytest.raises(ClientError) as raised:
        web.create(**changes)
    assert raised.value.response["Error"]["Code"] == code
    assert web.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_name_is_taken_once(web):
    """A second create does not replace the group."""
    before = web.create()
    with pytest.raises(ClientError) as raised:
        web.create(MinSize=1)
    assert raised.value.response["Error"]["Code"] == "AlreadyExists"
    assert web.group() == before


def test_capacity_outside_the_limits_is_refused(web):
    """set-desired-capacity and an update keep to min and max."""
    web.create()
    with pytest.raises(ClientError, match="above max value 4"):
        web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=5)
    with refused("ValidationError", "New SetDesiredCapacity value 1 is below min value 2"):
        web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    with pytest.raises(ClientError, match="Max bound"):
        web.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=5)
    assert len(web.members()) == 2


def test_a_group_reads_back_whole(web):
    """What was sent is what a plan compares with, after create and after update."""
    sent = {
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-only"},
        "MaxInstanceLifetime": 604800,
        "DefaultInstanceWarmup": 60,
        "InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150},
        "HealthCheckGracePeriod": 120,
        "HealthCheckType": "ELB",
        "DefaultCooldown": 30,
        "CapacityRebalance": True,
        "TerminationPolicies": ["OldestInstance"],
    }
    assert sent.items() <= web.create(**sent).items()
    changed = sent | {"MaxInstanceLifetime": 86400, "HealthCheckGracePeriod": 0, "DefaultCooldown": 60}
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", **changed)
    assert changed.items() <= web.group().items()
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=3)
    assert changed.items() <= web.group().items()


def test_the_grace_period_is_zero_unless_it_is_sent(web):
    """The API's default is rehearsed, which a launch loop on AWS follows from."""
    assert web.create()["HealthCheckGracePeriod"] == 0


def test_a_group_with_instances_is_deleted_by_force_only(web):
    """Forced, its instances are terminated and its targets gone; the record remains."""
    web.create()
    members = list(web.members())
    with pytest.raises(ClientError) as raised:
        web.asg.delete_auto_scaling_group(AutoScalingGroupName="web")
    assert raised.value.response["Error"]["Code"] == "ResourceInUse"
    web.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert {i["State"]["Name"] for i in web.instances(members)} == {"terminated"}
    assert web.targets() == {}
    assert web.activities() == []
    kept = web.asg.describe_scaling_activities(AutoScalingGroupName="web", IncludeDeletedGroups=True)["Activities"]
    assert len(kept) == 4


def test_targets_that_do_not_run_are_not_healthy(web):
    """A terminated and a stopped target take no traffic."""
    asked = {"ImageId": web.image, "InstanceType": "t4g.micro", "SubnetId": web.subnets[0]}
    run = web.ec2.run_instances(**asked, MinCount=2, MaxCount=2)["Instances"]
    stopped, gone = (instance["InstanceId"] for instance in run)
    web.elb.register_targets(TargetGroupArn=web.target_group, Targets=[{"Id": stopped}, {"Id": gone}])
    assert web.targets() == {stopped: "healthy", gone: "healthy"}
    web.ec2.stop_instances(InstanceIds=[stopped])
    assert web.targets()[stopped] == "unused"
    web.ec2.terminate_instances(InstanceIds=[gone])
    health = web.elb.describe_target_health(TargetGroupArn=web.target_group, Targets=[{"Id": gone}])
    assert health["TargetHealthDescriptions"][0]["TargetHealth"]["State"] != "healthy"
