"""Auto Scaling groups: zones, launch template, targets, replacement, validation."""

import pytest
from botocore.exceptions import ClientError

from embedded_aws.testing import eventually
from services.auto_scaling_group import USER_DATA
from services.errors import raises


def test_instances_spread_evenly_over_the_zones(web):
    """Two instances are one per zone, and four are two per zone."""
    web.create()
    assert web.zones() == ["a", "b"]
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    assert web.zones() == ["a", "a", "b", "b"]
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    assert web.zones() == ["a", "b"]


def test_instances_have_the_settings_of_the_launch_template(web):
    """Every instance has its profile, IMDSv2, monitoring, user data, network and tags."""
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


def test_volumes_have_the_settings_of_the_launch_template(web):
    """No instance has an additional, unencrypted volume."""
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


def test_template_versions_inherit_and_are_distinguished(web):
    """A second version inherits from its source; existing instances keep the first version."""
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
def test_the_group_launches_the_version_it_refers_to(web, version, expected):
    """$Default, $Latest and a number."""
    data = web.data(InstanceType="t4g.small")
    web.ec2.create_launch_template_version(LaunchTemplateId=web.template, LaunchTemplateData=data)
    web.create(LaunchTemplate={"LaunchTemplateId": web.template, "Version": version})
    assert {instance["InstanceType"] for instance in web.instances()} == {expected}
    assert web.group()["LaunchTemplate"]["Version"] == version


def test_a_templates_own_tags_are_not_part_of_its_data(web):
    """So a plan shows no drift."""
    web.ec2.create_launch_template(
        LaunchTemplateName="tagged",
        LaunchTemplateData={"ImageId": web.image},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    (template,) = web.ec2.describe_launch_templates(LaunchTemplateNames=["tagged"])["LaunchTemplates"]
    assert template["Tags"] == [{"Key": "a", "Value": "b"}]
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


def test_a_terminated_instance_is_replaced_in_its_zone(web):
    """After a manual termination; the new instance is registered as target."""
    web.create()
    lost = min(web.members())
    web.ec2.terminate_instances(InstanceIds=[lost])
    eventually(lambda: lost not in web.members() and len(web.members()) == 2)
    assert web.zones() == ["a", "b"]
    assert web.targets() == dict.fromkeys(web.members(), "healthy")
    assert f"Terminating EC2 instance: {lost}" in web.activities()


def test_a_stopped_and_an_unhealthy_instance_are_replaced(web):
    """After a failed EC2 check, and after set-instance-health."""
    web.create()
    stopped, unhealthy = sorted(web.members())
    web.ec2.stop_instances(InstanceIds=[stopped])
    web.asg.set_instance_health(InstanceId=unhealthy, HealthStatus="Unhealthy")
    eventually(lambda: len(web.members()) == 2 and not {stopped, unhealthy} & set(web.members()))
    assert {i["State"]["Name"] for i in web.instances([stopped, unhealthy])} == {"terminated"}


def test_terminate_in_group_shrinks_or_replaces(web):
    """terminate-instance-in-auto-scaling-group respects its flag and the group's minimum."""
    web.create(DesiredCapacity=3)
    first = next(one for one, zone in web.members().items() if web.zones().count(zone[-1]) == 2)  # nothing to rebalance
    web.asg.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=True)
    assert (len(web.members()), web.group()["DesiredCapacity"]) == (2, 2)
    second = min(web.members())
    with pytest.raises(ClientError, match="ValidationError"):
        web.asg.terminate_instance_in_auto_scaling_group(InstanceId=second, ShouldDecrementDesiredCapacity=True)
    with raises("ValidationError", "No managed instance found for instance ID: i-00000000"):
        web.asg.terminate_instance_in_auto_scaling_group(InstanceId="i-00000000", ShouldDecrementDesiredCapacity=False)
    web.asg.terminate_instance_in_auto_scaling_group(InstanceId=second, ShouldDecrementDesiredCapacity=False)
    eventually(lambda: len(web.members()) == 2 and second not in web.members())


def test_a_new_zone_is_used(web):
    """A new subnet gets its share of instances, and those of a removed zone are replaced."""
    web.create(MinSize=3)
    web.subnets.append(web.subnet(2, "c"))
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", VPCZoneIdentifier=",".join(web.subnets[1:]))
    eventually(lambda: set(web.zones()) == {"b", "c"} and len(web.zones()) == 3)


def test_a_failed_launch_is_recorded_as_an_activity(web):
    """With the reason, as on AWS."""
    web.ec2.create_launch_template_version(
        LaunchTemplateId=web.template, SourceVersion="1", LaunchTemplateData={"SecurityGroupIds": ["sg-00000000"]}
    )
    web.create()
    assert web.members() == {}
    assert "sg-00000000" in web.activities()[0]


def test_a_group_without_its_template_does_not_block_others(web):
    """It records a failed activity, and instances of other groups are replaced as usual."""
    web.ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData=web.data())
    web.create()
    web.create(AutoScalingGroupName="other", LaunchTemplate={"LaunchTemplateName": "other"})
    web.ec2.delete_launch_template(LaunchTemplateId=web.template)
    terminated = set(web.members()) | set(web.members("other"))
    web.ec2.terminate_instances(InstanceIds=list(terminated))
    eventually(lambda: len(set(web.members("other")) - terminated) == 2 and not web.members())
    message = f"The specified launch template, with template ID {web.template}, does not exist."
    failed = f"Launching a new EC2 instance.  Status Reason: {message} Launching EC2 instance failed."
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
def test_invalid_groups_are_rejected(web, changes, code):
    """An invalid group is not created."""
    with pytest.raises(ClientError) as raised:
        web.create(**changes)
    assert raised.value.response["Error"]["Code"] == code
    assert web.asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []


def test_a_name_is_used_once(web):
    """A second create does not replace the group."""
    before = web.create()
    with pytest.raises(ClientError) as raised:
        web.create(MinSize=1)
    assert raised.value.response["Error"]["Code"] == "AlreadyExists"
    assert web.group() == before


def test_capacity_outside_the_limits_is_rejected(web):
    """By set-desired-capacity and by an update."""
    web.create()
    with pytest.raises(ClientError, match="above max value 4"):
        web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=5)
    with raises("ValidationError", "New SetDesiredCapacity value 1 is below min value 2"):
        web.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    with pytest.raises(ClientError, match="Max bound"):
        web.asg.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=5)
    assert len(web.members()) == 2


def test_all_fields_of_a_group_are_described(web):
    """After a creation and after an update."""
    params = {
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
    assert params.items() <= web.create(**params).items()
    changed = params | {"MaxInstanceLifetime": 86400, "HealthCheckGracePeriod": 0, "DefaultCooldown": 60}
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", **changed)
    assert changed.items() <= web.group().items()
    web.asg.update_auto_scaling_group(AutoScalingGroupName="web", MaxSize=3)
    assert changed.items() <= web.group().items()


def test_a_groups_target_groups_are_its_traffic_sources(web):
    web.create()
    group = web.group()
    assert group["TrafficSources"] == [{"Identifier": arn, "Type": "elbv2"} for arn in group["TargetGroupARNs"]]
    assert len(group["TrafficSources"]) == 1


def test_the_grace_period_is_zero_unless_it_is_sent(web):
    """This is the API's default, which can cause a launch loop on AWS."""
    assert web.create()["HealthCheckGracePeriod"] == 0


def test_a_group_with_instances_is_deleted_by_force_only(web):
    """Then its instances are terminated and deregistered; its activities remain."""
    web.create()
    members = list(web.members())
    with pytest.raises(ClientError) as raised:
        web.asg.delete_auto_scaling_group(AutoScalingGroupName="web")
    assert raised.value.response["Error"]["Code"] == "ResourceInUse"
    web.asg.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    assert {i["State"]["Name"] for i in web.instances(members)} == {"terminated"}
    assert web.targets() == {}
    assert web.activities() == []
    activities = web.asg.describe_scaling_activities(AutoScalingGroupName="web", IncludeDeletedGroups=True)[
        "Activities"
    ]
    assert len(activities) == 4


def test_targets_that_do_not_run_are_not_healthy(web):
    """Terminated and stopped targets are not healthy."""
    params = {"ImageId": web.image, "InstanceType": "t4g.micro", "SubnetId": web.subnets[0]}
    run = web.ec2.run_instances(**params, MinCount=2, MaxCount=2)["Instances"]
    stopped, terminated = (instance["InstanceId"] for instance in run)
    web.elb.register_targets(TargetGroupArn=web.target_group, Targets=[{"Id": stopped}, {"Id": terminated}])
    assert web.targets() == {stopped: "healthy", terminated: "healthy"}
    web.ec2.stop_instances(InstanceIds=[stopped])
    assert web.targets()[stopped] == "unused"
    web.ec2.terminate_instances(InstanceIds=[terminated])
    health = web.elb.describe_target_health(TargetGroupArn=web.target_group, Targets=[{"Id": terminated}])
    assert health["TargetHealthDescriptions"][0]["TargetHealth"]["State"] != "healthy"
