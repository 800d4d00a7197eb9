"""Instances that are run by hand: all that the request and the template say, and nothing left of them."""

import pytest

from tests.local.overlays.errors import refused
from tests.local.overlays.network import tagged
from tests.local.overlays.web import USER_DATA

OPTIONS = {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled"}


@pytest.fixture
def profile(aws):
    iam = aws.client("iam")
    return iam.create_instance_profile(InstanceProfileName="bastion")["InstanceProfile"]["Arn"]


def settings(profile):
    """What request and template can both say."""
    return {
        "IamInstanceProfile": {"Arn": profile},
        "MetadataOptions": OPTIONS,
        "Monitoring": {"Enabled": True},
        "DisableApiTermination": True,
        "UserData": USER_DATA,
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 12, "VolumeType": "gp3", "Encrypted": True}}
        ],
        "TagSpecifications": tagged("instance") + tagged("volume"),
    }


def is_as_said(network, instance, profile):
    """Whether the instance has all of the settings."""
    assert instance["IamInstanceProfile"]["Arn"] == profile
    assert OPTIONS.items() <= instance["MetadataOptions"].items()
    assert instance["Monitoring"]["State"] == "enabled"
    assert [group["GroupId"] for group in instance["SecurityGroups"]] == [network.group]
    assert {"Key": "env", "Value": "test"} in instance["Tags"]
    assert network.attribute(instance["InstanceId"], "disableApiTermination") is True
    filters = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    (volume,) = network.ec2.describe_volumes(Filters=filters)["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (12, "gp3", True)
    assert volume["Tags"] == [{"Key": "env", "Value": "test"}]


def test_an_instance_is_what_the_request_says(network, profile):
    """Including its termination protection, which moto forgets."""
    request = settings(profile) | {"UserData": "#!/bin/bash\necho ready\n"}  # boto3 encodes it
    instance = network.instance(**request)
    is_as_said(network, instance, profile)
    assert network.attribute(instance["InstanceId"], "userData") == USER_DATA


def test_an_instance_is_what_the_template_says(network, profile):
    """Without a word in the request."""
    data = settings(profile) | {"ImageId": network.image(), "InstanceType": "t4g.micro"}
    network.ec2.create_launch_template(
        LaunchTemplateName="bastion", LaunchTemplateData=data | {"SecurityGroupIds": [network.group]}
    )
    run = network.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "bastion"}, MinCount=1, MaxCount=1, SubnetId=network.subnets[1]
    )
    instance = network.described(run["Instances"][0]["InstanceId"])
    is_as_said(network, instance, profile)
    assert instance["InstanceType"] == "t4g.micro"
    assert network.attribute(instance["InstanceId"], "userData") == USER_DATA


def test_the_request_wins_over_the_template(network, profile):
    """An override in the request is what runs; tags of both are there."""
    data = settings(profile) | {"ImageId": network.image(), "InstanceType": "t4g.micro"}
    network.ec2.create_launch_template(LaunchTemplateName="bastion", LaunchTemplateData=data)
    instance = network.instance(
        LaunchTemplate={"LaunchTemplateName": "bastion"},
        InstanceType="t4g.small",
        DisableApiTermination=False,
        TagSpecifications=tagged("instance", Name="bastion"),
    )
    assert instance["InstanceType"] == "t4g.small"
    assert network.attribute(instance["InstanceId"], "disableApiTermination") is False
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert {"env": "test", "Name": "bastion"}.items() <= tags.items()


def test_the_root_volume_is_the_images_unless_said_otherwise(network):
    """Nobody asked for a second disk, and none is there."""
    instance = network.instance()
    assert [device["DeviceName"] for device in instance["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_settings_are_changed_on_a_running_instance(network, profile):
    """What a plan mends in place."""
    other = network.security_group("other")
    instance_id = network.instance(**settings(profile))["InstanceId"]
    network.ec2.modify_instance_metadata_options(InstanceId=instance_id, HttpTokens="optional")
    network.ec2.unmonitor_instances(InstanceIds=[instance_id])
    network.ec2.modify_instance_attribute(InstanceId=instance_id, Groups=[other])
    network.ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    instance = network.described(instance_id)
    assert instance["MetadataOptions"]["HttpTokens"] == "optional"
    assert instance["Monitoring"]["State"] == "disabled"
    assert [group["GroupId"] for group in instance["SecurityGroups"]] == [other]
    assert [group["GroupId"] for group in instance["NetworkInterfaces"][0]["Groups"]] == [other]
    network.ec2.monitor_instances(InstanceIds=[instance_id])
    assert network.described(instance_id)["Monitoring"]["State"] == "enabled"


def test_a_protected_instance_is_not_terminated(network):
    """The guard of a bastion is a guard."""
    instance_id = network.instance(DisableApiTermination=True)["InstanceId"]
    with refused("OperationNotPermitted", "disableApiTermination"):
        network.ec2.terminate_instances(InstanceIds=[instance_id])


def test_a_terminated_instance_leaves_nothing(network):
    """Neither interface nor volume, and its address is free for another."""
    public = [{"DeviceIndex": 0, "SubnetId": network.subnets[0], "Groups": [network.group]}]
    instance_id = network.instance(NetworkInterfaces=public)["InstanceId"]
    address = network.ec2.allocate_address(Domain="vpc")["AllocationId"]
    network.ec2.associate_address(AllocationId=address, InstanceId=instance_id)
    network.ec2.terminate_instances(InstanceIds=[instance_id])
    assert network.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert network.ec2.describe_volumes()["Volumes"] == []
    network.ec2.release_address(AllocationId=address)
    network.ec2.delete_security_group(GroupId=network.group)
    network.ec2.delete_subnet(SubnetId=network.subnets[0])
    assert network.described(instance_id)["State"]["Name"] == "terminated"
