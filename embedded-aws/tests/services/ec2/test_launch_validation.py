"""Validation of launches, launch templates and Auto Scaling groups."""

import base64

import pytest

from services.errors import raises, unchanged

UNKNOWN = "00000000000000000"
UNKNOWN_PROFILE = "arn:aws:iam::123456789012:instance-profile/nobodys"
TOO_LONG = base64.b64encode(b"x" * 16385).decode()


@pytest.fixture
def foreign(network):
    """A security group of another VPC."""
    vpc = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return network.ec2.create_security_group(GroupName="else", Description="else", VpcId=vpc)["GroupId"]


def test_invalid_launches_are_rejected(network, foreign):
    """Their dependencies do not exist, or do not fit together."""
    mismatch = "The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64'"
    invalid = [
        ({"ImageId": f"ami-{UNKNOWN}"}, "InvalidAMIID.NotFound", f"ami-{UNKNOWN}"),
        ({"ImageId": "ami-xyz"}, "InvalidAMIID.Malformed", 'Invalid id: "ami-xyz"'),
        ({"InstanceType": "t4g.huge"}, "InvalidParameterValue", "Invalid value 't4g.huge' for InstanceType."),
        ({"InstanceType": "t3.micro"}, "InvalidParameterValue", mismatch),
        ({"KeyName": "nobodys"}, "InvalidKeyPair.NotFound", "nobodys"),
        ({"SecurityGroupIds": [f"sg-{UNKNOWN}"]}, "InvalidGroup.NotFound", f"sg-{UNKNOWN}"),
        ({"SecurityGroupIds": [foreign]}, "InvalidParameter", "belong to different networks"),
        ({"SubnetId": f"subnet-{UNKNOWN}"}, "InvalidSubnetID.NotFound", f"subnet-{UNKNOWN}"),
        ({"IamInstanceProfile": {"Name": "nobodys"}}, "InvalidParameterValue", "Invalid IAM Instance Profile name"),
        ({"IamInstanceProfile": {"Arn": UNKNOWN_PROFILE}}, "InvalidParameterValue", "Invalid IAM Instance Profile ARN"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue", "User data is limited to 16384 bytes"),
        ({"MinCount": 2}, "InvalidParameterValue", ""),
    ]
    with unchanged(network.ec2.describe_instances, network.ec2.describe_network_interfaces):
        for changed, code, message in invalid:
            with raises(code, message):
                network.instance(**changed)


def test_a_template_is_validated_like_a_request(network, foreign):
    """At the launch, with the same errors."""
    data = {"ImageId": network.image(), "InstanceType": "t3.micro", "SecurityGroupIds": [foreign]}
    network.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    params = {"LaunchTemplate": {"LaunchTemplateName": "web"}, "MinCount": 1, "MaxCount": 1}
    with unchanged(network.ec2.describe_instances, network.ec2.describe_network_interfaces):
        with raises("InvalidParameterValue", "does not match the architecture"):
            network.ec2.run_instances(**params)
        with raises("InvalidParameter", "belong to different networks"):
            network.ec2.run_instances(**params, SubnetId=network.subnets[0], InstanceType="t4g.micro")


def test_a_running_instance_keeps_its_type(network):
    """Its type cannot be changed, and it cannot be terminated while it is protected."""
    instance = network.instance(DisableApiTermination=True)["InstanceId"]
    with raises("IncorrectInstanceState", f"The instance '{instance}' is not in the 'stopped' state."):
        network.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t4g.small"})
    with raises("OperationNotPermitted", "disableApiTermination"):
        network.ec2.terminate_instances(InstanceIds=[instance])
    description = network.describe_instance(instance)
    assert (description["State"]["Name"], description["InstanceType"]) == ("running", "t4g.micro")
    network.ec2.stop_instances(InstanceIds=[instance])
    network.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t4g.small"})
    assert network.describe_instance(instance)["InstanceType"] == "t4g.small"


def test_invalid_launch_templates_are_rejected(web):
    """So are unknown templates, and versions of them."""
    ec2, unknown = web.ec2, f"lt-{UNKNOWN}"

    def versions():
        return ec2.describe_launch_template_versions(LaunchTemplateId=web.template)

    def create(name, **changes):
        ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=web.data(**changes))

    with unchanged(ec2.describe_launch_templates, versions):
        with raises("InvalidLaunchTemplateName.AlreadyExistsException"):
            create("web")
        with raises("InvalidLaunchTemplateName.MalformedException", "between 3 and 128 characters"):
            create("a b")
        with raises("InvalidUserData.Malformed", "User data is limited to 16384 bytes"):
            create("new", UserData=TOO_LONG)
        with raises("InvalidUserData.Malformed", "BASE64"):
            create("new", UserData="#!/bin/bash %")
        with raises("InvalidUserData.Malformed", "User data is limited to 16384 bytes"):
            data = web.data(UserData=TOO_LONG)
            ec2.create_launch_template_version(LaunchTemplateId=web.template, LaunchTemplateData=data)
        with raises("InvalidLaunchTemplateId.NotFound", unknown):
            ec2.create_launch_template_version(LaunchTemplateId=unknown, LaunchTemplateData=web.data())
        with raises("InvalidLaunchTemplateId.VersionNotFound"):
            ec2.modify_launch_template(LaunchTemplateId=web.template, DefaultVersion="77")
        for call in (
            ec2.delete_launch_template,
            lambda **one: ec2.describe_launch_templates(LaunchTemplateIds=[unknown]),
        ):
            with raises("InvalidLaunchTemplateId.NotFound", f"with template ID {unknown}, does not exist"):
                call(LaunchTemplateId=unknown)
        with raises("InvalidLaunchTemplateName.NotFoundException"):
            ec2.delete_launch_template(LaunchTemplateName="nobodys")


def test_invalid_groups_are_rejected(web):
    """Their dependencies do not exist or do not fit, or their settings are invalid."""
    kinds = {"odd-type": {"InstanceType": "t4g.huge"}, "odd-pair": {"InstanceType": "t3.micro"}}
    for name, changed in kinds.items():
        web.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=web.data(**changed))
    invalid_template = "You must use a valid fully-formed launch template."
    template = {"LaunchTemplateId": web.template}
    vpc = web.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    foreign_subnet = web.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    minimum, maximum = "MinHealthyPercentage", "MaxHealthyPercentage"
    invalid = [
        ({"MinSize": 5}, "Max bound, 4, must be greater than or equal to min bound, 5"),
        ({"VPCZoneIdentifier": f"subnet-{UNKNOWN}"}, f"The subnet ID 'subnet-{UNKNOWN}' does not exist"),
        ({"VPCZoneIdentifier": f"{web.subnets[0]},{foreign_subnet}"}, "All subnets must be in the same VPC."),
        ({"LaunchTemplate": template | {"Version": "77"}}, invalid_template),
        ({"LaunchTemplate": {"LaunchTemplateName": "odd-type"}}, f"{invalid_template} Invalid value 't4g.huge'"),
        ({"LaunchTemplate": {"LaunchTemplateName": "odd-pair"}}, f"{invalid_template} The architecture 'x86_64'"),
        ({"HealthCheckType": "BOGUS"}, "BOGUS"),
        ({"MaxInstanceLifetime": 60}, "86400"),
        ({"InstanceMaintenancePolicy": {minimum: 90}}, "Both MinHealthyPercentage and MaxHealthyPercentage must be"),
        (
            {"InstanceMaintenancePolicy": {minimum: -1, maximum: 100}},
            "Both MinHealthyPercentage and MaxHealthyPercentage",
        ),
        ({"InstanceMaintenancePolicy": {minimum: 90, maximum: 99}}, "MaxHealthyPercentage must be from 100 to 200"),
        ({"InstanceMaintenancePolicy": {minimum: 99, maximum: 200}}, "cannot be greater than 100"),
        ({"TerminationPolicies": ["Bogus"]}, "Bogus"),
        ({"AutoScalingGroupName": "a:b"}, "colon"),
    ]
    with unchanged(web.asg.describe_auto_scaling_groups, web.ec2.describe_instances):
        for changed, message in invalid:
            with raises("ValidationError", message):
                web.create(**changed)
    before = web.create(MinSize=0)
    with raises("ValidationError", f"subnet-{UNKNOWN}"):
        web.asg.update_auto_scaling_group(AutoScalingGroupName="web", VPCZoneIdentifier=f"subnet-{UNKNOWN}", MaxSize=9)
    with raises("ValidationError", "Provided Target Groups may not be valid"):
        missing = f"{web.target_group[:-4]}0000"
        web.asg.attach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=[missing])
    assert web.group() == before


def test_an_unknown_group_is_rejected(web):
    """For policies, tags, capacity and deletion."""
    for call in (
        lambda: web.asg.update_auto_scaling_group(AutoScalingGroupName="nobodys", MaxSize=1),
        lambda: web.asg.set_desired_capacity(AutoScalingGroupName="nobodys", DesiredCapacity=1),
        lambda: web.asg.delete_auto_scaling_group(AutoScalingGroupName="nobodys", ForceDelete=True),
    ):
        with raises("ValidationError", "AutoScalingGroup name not found"):
            call()
    tracked = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    tracking = {"PredefinedMetricSpecification": tracked, "TargetValue": 50}
    with raises("ValidationError", "name not found"):
        web.asg.put_scaling_policy(
            AutoScalingGroupName="nobodys",
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=tracking,
        )
    tag = {"ResourceType": "auto-scaling-group", "Key": "a", "Value": "b", "PropagateAtLaunch": False}
    web.create(MinSize=0)
    with unchanged(web.asg.describe_tags), raises("ValidationError", "nobodys"):
        web.asg.create_or_update_tags(Tags=[tag | {"ResourceId": "web"}, tag | {"ResourceId": "nobodys"}])
