"""An Auto Scaling group and its dependencies, created by API calls."""

import base64

USER_DATA = base64.b64encode(b"#!/bin/bash\necho ready\n").decode()
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


class WebGroup:
    """The Auto Scaling group `web`, with VPC, instance profile, target group and launch template."""

    def __init__(self, aws):
        self.aws = aws
        self.ec2, self.asg, self.elb = (aws.client(service) for service in ("ec2", "autoscaling", "elbv2"))
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.subnet(number, zone) for number, zone in enumerate("ab")]
        self.security_group = self.ec2.create_security_group(GroupName="web", Description="w", VpcId=self.vpc)[
            "GroupId"
        ]
        group = self.elb.create_target_group(Name="web", Protocol="HTTP", Port=8080, VpcId=self.vpc)
        self.target_group = group["TargetGroups"][0]["TargetGroupArn"]
        iam = aws.client("iam")
        self.profile = iam.create_instance_profile(InstanceProfileName="web")["InstanceProfile"]["Arn"]
        self.image = aws.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        self.root = self.ec2.describe_images(ImageIds=[self.image])["Images"][0]["RootDeviceName"]
        created = self.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=self.data())
        self.template = created["LaunchTemplate"]["LaunchTemplateId"]

    def subnet(self, number, zone):
        created = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-west-2{zone}"
        )
        return created["Subnet"]["SubnetId"]

    def data(self, **changes):
        """Return the data of the launch template."""
        tags = [{"Key": "Layer", "Value": "compute"}]
        return {
            "ImageId": self.image,
            "InstanceType": "t4g.micro",
            "UserData": USER_DATA,
            "SecurityGroupIds": [self.security_group],
            "IamInstanceProfile": {"Arn": self.profile},
            "MetadataOptions": {
                "HttpTokens": "required",
                "HttpPutResponseHopLimit": 1,
                "InstanceMetadataTags": "enabled",
            },
            "Monitoring": {"Enabled": True},
            "BlockDeviceMappings": [
                {
                    "DeviceName": self.root,
                    "Ebs": {"VolumeSize": 12, "VolumeType": "gp3", "Encrypted": True, "Throughput": 250},
                }
            ],
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        } | changes

    def create(self, **changes):
        """Create the group with two to four instances in both zones; parameters that are None are not sent."""
        params = {
            "AutoScalingGroupName": "web",
            "MinSize": 2,
            "MaxSize": 4,
            "LaunchTemplate": {"LaunchTemplateId": self.template, "Version": "$Latest"},
            "VPCZoneIdentifier": ",".join(self.subnets),
            "TargetGroupARNs": [self.target_group],
            "Tags": [
                {"Key": "Name", "Value": "web", "PropagateAtLaunch": True},
                {"Key": "Owner", "Value": "sre", "PropagateAtLaunch": False},
            ],
        } | changes
        self.asg.create_auto_scaling_group(**{field: value for field, value in params.items() if value is not None})
        return self.group()

    def group(self, name="web"):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]

    def members(self, name="web"):
        """Return the zone of each instance of the group, by id."""
        return {instance["InstanceId"]: instance["AvailabilityZone"] for instance in self.group(name)["Instances"]}

    def zones(self):
        return sorted(zone[-1] for zone in self.members().values())

    def instances(self, ids=None):
        """Describe the group's instances, or others."""
        reservations = self.ec2.describe_instances(InstanceIds=list(ids or self.members()))["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def targets(self):
        """Return the health of each registered target, by id."""
        descriptions = self.elb.describe_target_health(TargetGroupArn=self.target_group)["TargetHealthDescriptions"]
        return {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in descriptions}

    def activities(self):
        """Return the descriptions of the group's activities, the newest first."""
        activities = self.asg.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
        return [activity["Description"] for activity in activities]
