"""Instances: settings of request and launch template, changes, and termination."""

import pytest

from embedded_aws.testing import eventually
from services.auto_scaling_group import USER_DATA
from services.errors import raises, unchanged
from services.network import tagged

OPTIONS = {"HttpTokens": "required", "HttpPutResponseHopLimit": 1, "InstanceMetadataTags": "enabled"}


@pytest.fixture
def profile(aws):
    iam = aws.client("iam")
    return iam.create_instance_profile(InstanceProfileName="bastion")["InstanceProfile"]["Arn"]


def settings(profile):
    """Return settings that both a request and a launch template can have."""
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


def assert_settings(network, instance, profile):
    """Assert that the instance has all of the settings."""
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


def test_an_instance_has_the_settings_of_the_request(network, profile):
    """Including its termination protection, which moto ignores."""
    request = settings(profile) | {"UserData": "#!/bin/bash\necho ready\n"}  # boto3 encodes it
    instance = network.instance(**request)
    assert_settings(network, instance, profile)
    assert network.attribute(instance["InstanceId"], "userData") == USER_DATA


def test_an_instance_has_the_settings_of_the_template(network, profile):
    """The request has none of the settings."""
    data = settings(profile) | {"ImageId": network.image(), "InstanceType": "t4g.micro"}
    network.ec2.create_launch_template(
        LaunchTemplateName="bastion", LaunchTemplateData=data | {"SecurityGroupIds": [network.group]}
    )
    run = network.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "bastion"}, MinCount=1, MaxCount=1, SubnetId=network.subnets[1]
    )
    instance = network.describe_instance(run["Instances"][0]["InstanceId"])
    assert_settings(network, instance, profile)
    assert instance["InstanceType"] == "t4g.micro"
    assert network.attribute(instance["InstanceId"], "userData") == USER_DATA


def test_the_request_wins_over_the_template(network, profile):
    """Settings of the request override those of the template; tags are merged."""
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


def test_the_root_volume_is_the_images_by_default(network):
    """There is no second volume."""
    instance = network.instance()
    assert [device["DeviceName"] for device in instance["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_settings_are_changed_on_a_running_instance(network, profile):
    """Changes that an apply makes in place."""
    other = network.security_group("other")
    instance_id = network.instance(**settings(profile))["InstanceId"]
    network.ec2.modify_instance_metadata_options(InstanceId=instance_id, HttpTokens="optional")
    network.ec2.unmonitor_instances(InstanceIds=[instance_id])
    network.ec2.modify_instance_attribute(InstanceId=instance_id, Groups=[other])
    network.ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    instance = network.describe_instance(instance_id)
    assert instance["MetadataOptions"]["HttpTokens"] == "optional"
    assert instance["Monitoring"]["State"] == "disabled"
    assert [group["GroupId"] for group in instance["SecurityGroups"]] == [other]
    assert [group["GroupId"] for group in instance["NetworkInterfaces"][0]["Groups"]] == [other]
    network.ec2.monitor_instances(InstanceIds=[instance_id])
    assert network.describe_instance(instance_id)["Monitoring"]["State"] == "enabled"


def test_a_protected_instance_is_not_terminated(network):
    """DisableApiTermination is respected."""
    instance_id = network.instance(DisableApiTermination=True)["InstanceId"]
    with raises("OperationNotPermitted", "disableApiTermination"):
        network.ec2.terminate_instances(InstanceIds=[instance_id])


def test_a_terminated_instance_leaves_nothing(network):
    """Its interfaces and volumes are deleted, and its address can be released."""
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
    assert network.describe_instance(instance_id)["State"]["Name"] == "terminated"


CODE = "IncorrectInstanceState"


@pytest.mark.parametrize(
    ("operation", "params", "code", "message"),
    [
        ("start_instances", {}, CODE, "is not in a state from which it can be started"),
        ("stop_instances", {}, CODE, "is not in a state from which it can be stopped"),
        ("reboot_instances", {}, CODE, "is not in a state from which it can be rebooted"),
        ("monitor_instances", {}, CODE, ""),
        ("modify_instance_attribute", {"InstanceType": {"Value": "t4g.small"}}, CODE, ""),
        ("modify_instance_attribute", {"DisableApiTermination": {"Value": True}}, CODE, ""),
        ("modify_instance_metadata_options", {"HttpTokens": "optional"}, CODE, ""),
        ("associate_address", {}, "InvalidInstanceID", "is not in a valid state for this operation"),
    ],
)
def test_a_terminated_instance_cannot_be_changed(network, operation, params, code, message):
    """Nor is a shutting-down one changed, or another instance of the same call."""
    ec2 = network.ec2
    terminated, other = network.instance()["InstanceId"], network.instance()["InstanceId"]
    params = params | (
        {"InstanceIds": [other, terminated]} if operation.endswith("instances") else {"InstanceId": terminated}
    )
    if operation == "associate_address":
        params = params | {"AllocationId": ec2.allocate_address(Domain="vpc")["AllocationId"]}
    network.aws.control("pace", 10)
    try:
        ec2.terminate_instances(InstanceIds=[terminated])
        for state, pace in (("shutting-down", 10), ("terminated", 0)):
            network.aws.control("pace", pace)
            eventually(lambda state=state: network.describe_instance(terminated)["State"]["Name"] == state)
            with unchanged(ec2.describe_instances, ec2.describe_addresses), raises(code, message):
                getattr(ec2, operation)(**params)
    finally:
        network.aws.control("pace", 0)


def test_an_address_needs_a_running_instance(network):
    """It cannot be associated with a pending instance, by instance or by interface."""
    ec2, address = network.ec2, network.ec2.allocate_address(Domain="vpc")["AllocationId"]
    network.aws.control("pace", 10)
    try:
        instance = network.instance()
        with raises("InvalidInstanceID", f"The pending instance '{instance['InstanceId']}' is not in a valid state"):
            ec2.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])
        interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
        with raises("IncorrectInstanceState", f"instance to which '{interface}' is attached"):
            ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)
    finally:
        network.aws.control("pace", 0)
    eventually(lambda: network.describe_instance(instance["InstanceId"])["State"]["Name"] == "running")
    ec2.associate_address(AllocationId=address, InstanceId=instance["InstanceId"])
