"""Instances, launch templates and Auto Scaling groups that are not made."""

import base64

import pytest

from services.errors import refused, untouched

NOBODY = "00000000000000000"
PROFILE = "arn:aws:iam::123456789012:instance-profile/nobodys"
TOO_LONG = base64.b64encode(b"x" * 16385).decode()


@pytest.fixture
def foreign(network):
    """A security group of another VPC."""
    vpc = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return network.ec2.create_security_group(GroupName="else", Description="else", VpcId=vpc)["GroupId"]


def test_instances_that_are_not_launched(network, foreign):
    """What they need is not there, or does not fit together."""
    mismatch = "The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64'"
    wrong = [
        ({"ImageId": f"ami-{NOBODY}"}, "InvalidAMIID.NotFound", f"ami-{NOBODY}"),
        ({"ImageId": "ami-xyz"}, "InvalidAMIID.Malformed", 'Invalid id: "ami-xyz"'),
        ({"InstanceType": "t4g.huge"}, "InvalidParameterValue", "Invalid value 't4g.huge' for InstanceType."),
        ({"InstanceType": "t3.micro"}, "InvalidParameterValue", mismatch),
        ({"KeyName": "nobodys"}, "InvalidKeyPair.NotFound", "nobodys"),
        ({"SecurityGroupIds": [f"sg-{NOBODY}"]}, "InvalidGroup.NotFound", f"sg-{NOBODY}"),
        ({"SecurityGroupIds": [foreign]}, "InvalidParameter", "belong to different networks"),
        ({"SubnetId": f"subnet-{NOBODY}"}, "InvalidSubnetID.NotFound", f"subnet-{NOBODY}"),
        ({"IamInstanceProfile": {"Name": "nobodys"}}, "InvalidParameterValue", "Invalid IAM Instance Profile name"),
        ({"IamInstanceProfile": {"Arn": PROFILE}}, "InvalidParameterValue", "Invalid IAM Instance Profile ARN"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue", "User data is limited to 16384 bytes"),
        ({"MinCount": 2}, "InvalidParameterValue", ""),
    ]
    with untouched(network.ec2.describe_instances, network.ec2.describe_network_interfaces):
        for changed, code, words in wrong:
            with refused(code, words):
                network.instance(**changed)


def test_a_template_is_checked_as_a_request_is(network, foreign):
    """At the launch, with the same words."""
    data = {"ImageId": network.image(), "InstanceType": "t3.micro", "SecurityGroupIds": [foreign]}
    network.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    asked = {"LaunchTemplate": {"LaunchTemplateName": "web"}, "MinCount": 1, "MaxCount": 1}
    with untouched(network.ec2.describe_instances, network.ec2.describe_network_interfaces):
        with refused("InvalidParameterValue", "does not match the architecture"):
            network.ec2.run_instances(**asked)
        with refused("InvalidParameter", "belong to different networks"):
            network.ec2.run_instances(**asked, SubnetId=network.subnets[0], InstanceType="t4g.micro")


def test_what_a_running_instance_keeps(network):
    """Its type; and itself, when it is protected."""
    instance = network.instance(DisableApiTermination=True)["InstanceId"]
    with refused("IncorrectInstanceState", f"The instance '{instance}' is not in the 'stopped' state."):
        network.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t4g.small"})
    with refused("OperationNotPermitted", "disableApiTermination"):
        network.ec2.terminate_instances(InstanceIds=[instance])
    found = network.described(instance)
    assert (found["State"]["Name"], found["InstanceType"]) == ("running", "t4g.micro")
    network.ec2.stop_instances(InstanceIds=[instance])
    network.ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t4g.small"})
    assert network.described(instance)["InstanceType"] == "t4g.small"


def test_launch_templates_that_are_not_made(web):
    """Nor found, nor given a version."""
    ec2, nobody = web.ec2, f"lt-{NOBODY}"

    def versions():
        return ec2.describe_launch_template_versions(LaunchTemplateId=web.template)

    def create(name, **changes):
        ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=web.data(**changes))

    with untouched(ec2.describe_launch_templates, versions):
        with refused("InvalidLaunchTemplateName.AlreadyExistsException"):
            create("web")
        with refused("InvalidLaunchTemplateName.MalformedException", "between 3 and 128 characters"):
            create("a b")
        with refused("InvalidUserData.Malformed", "User data is limited to 16384 bytes"):
            create("new", UserData=TOO_LONG)
        with refused("InvalidUserData.Malformed", "BASE64"):
            create("new", UserData="#!/bin/bash %")
        with refused("InvalidUserData.Malformed", "User data is limited to 16384 bytes"):
            data = web.data(UserData=TOO_LONG)
            ec2.create_launch_template_version(LaunchTemplateId=web.template, LaunchTemplateData=data)
        with refused("InvalidLaunchTemplateId.NotFound", nobody):
            ec2.create_launch_template_version(LaunchTemplateId=nobody, LaunchTemplateData=web.data())
        with refused("InvalidLaunchTemplateId.VersionNotFound"):
            ec2.modify_launch_template(LaunchTemplateId=web.template, DefaultVersion="77")
        for call in (
            ec2.delete_launch_template,
            lambda **one: ec2.describe_launch_templates(LaunchTemplateIds=[nobody]),
        ):
            with refused("InvalidLaunchTemplateId.NotFound", f"with template ID {nobody}, does not exist"):
                call(LaunchTemplateId=nobody)
        with refused("InvalidLaunchTemplateName.NotFoundException"):
            ec2.delete_launch_template(LaunchTemplateName="nobodys")


def test_groups_that_are_not_made(web):
    """What they stand on is not there, or does not fit; what they are told makes no sense."""
    kinds = {"odd-type": {"InstanceType": "t4g.huge"}, "odd-pair": {"InstanceType": "t3.micro"}}
    for name, changed in kinds.items():
        web.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=web.data(**changed))
    whole = "You must use a valid fully-formed launch template."
    template = {"LaunchTemplateId": web.template}
    vpc = web.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    far = web.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    least, most = "MinHealthyPercentage", "MaxHealthyPercentage"
    wrong = [
        ({"MinSize": 5}, "Max bound, 4, must be greater than or equal to min bound, 5"),
        ({"VPCZoneIdentifier": f"subnet-{NOBODY}"}, f"The subnet ID 'subnet-{NOBODY}' does not exist"),
        ({"VPCZoneIdentifier": f"{web.subnets[0]},{far}"}, "All subnets must be in the same VPC."),
        ({"LaunchTemplate": template | {"Version": "77"}}, whole),
        ({"LaunchTemplate": {"LaunchTemplateName": "odd-type"}}, f"{whole} Invalid value 't4g.huge'"),
        ({"LaunchTemplate": {"LaunchTemplateName": "odd-pair"}}, f"{whole} The architecture 'x86_64'"),
        ({"HealthCheckType": "BOGUS"}, "BOGUS"),
        ({"MaxInstanceLifetime": 60}, "86400"),
        ({"InstanceMaintenancePolicy": {least: 90}}, "Both MinHealthyPercentage and MaxHealthyPercentage must be"),
        ({"InstanceMaintenancePolicy": {least: -1, most: 100}}, "Both MinHealthyPercentage and MaxHealthyPercentage"),
        ({"InstanceMaintenancePolicy": {least: 90, most: 99}}, "MaxHealthyPercentage must be from 100 to 200"),
        ({"InstanceMaintenancePolicy": {least: 99, most: 200}}, "cannot be greater than 100"),
        ({"TerminationPolicies": ["Bogus"]}, "Bogus"),
        ({"AutoScalingGroupName": "a:b"}, "colon"),
    ]
    with untouched(web.asg.describe_auto_scaling_groups, web.ec2.describe_instances):
        for changed, words in wrong:
            with refused("ValidationError", words):
                web.create(**changed)
    before = web.create(MinSize=0)
    with refused("ValidationError", f"subnet-{NOBODY}"):
        web.asg.update_auto_scaling_group(AutoScalingGroupName="web", VPCZoneIdentifier=f"subnet-{NOBODY}", MaxSize=9)
    with refused("ValidationError", "Provided Target Groups may not be valid"):
        missing = f"{web.target_group[:-4]}0000"
        web.asg.attach_load_balancer_target_groups(AutoScalingGroupName="web", TargetGroupARNs=[missing])
    assert web.group() == before


def test_nothing_is_told_to_a_group_that_there_is_not(web):
    """Policies, tags, sizes and its end."""
    for call in (
        lambda: web.asg.update_auto_scaling_group(AutoScalingGroupName="nobodys", MaxSize=1),
        lambda: web.asg.set_desired_capacity(AutoScalingGroupName="nobodys", DesiredCapacity=1),
        lambda: web.asg.delete_auto_scaling_group(AutoScalingGroupName="nobodys", ForceDelete=True),
    ):
        with refused("ValidationError", "AutoScalingGroup name not found"):
            call()
    tracked = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    tracking = {"PredefinedMetricSpecification": tracked, "TargetValue": 50}
    with refused("ValidationError", "name not found"):
        web.asg.put_scaling_policy(
            AutoScalingGroupName="nobodys",
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=tracking,
        )
    tag = {"ResourceType": "auto-scaling-group", "Key": "a", "Value": "b", "PropagateAtLaunch": False}
    web.create(MinSize=0)
    with untouched(web.asg.describe_tags), refused("ValidationError", "nobodys"):
        web.asg.create_or_update_tags(Tags=[tag | {"ResourceId": "web"}, tag | {"ResourceId": "nobodys"}])
