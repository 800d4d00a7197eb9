"""A VPC with the parts that others stand on, made by plain calls."""


def tagged(kind, **tags):
    """The tags of a create call, by default env=test."""
    found = tags or {"env": "test"}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in found.items()]}]


class Network:
    """Two subnets of two zones, a security group `web`, an internet gateway, and route tables on demand."""

    here = {"LocationConstraint": "us-west-2"}  # noqa: RUF012 - what a bucket of this region is made with

    def __init__(self, aws):
        self.aws, self.ec2 = aws, aws.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
        self.subnets = [self._subnet(number, zone) for number, zone in enumerate("ab")]
        self.group = self.security_group("web")
        gateway = self.ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))
        self.gateway = gateway["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)

    def _subnet(self, number, zone):
        made = self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"us-west-2{zone}",
            TagSpecifications=tagged("subnet"),
        )
        return made["Subnet"]["SubnetId"]

    def security_group(self, name):
        made = self.ec2.create_security_group(
            GroupName=name, Description=name, VpcId=self.vpc, TagSpecifications=tagged("security-group")
        )
        return made["GroupId"]

    def route_table(self):
        made = self.ec2.create_route_table(VpcId=self.vpc, TagSpecifications=tagged("route-table"))
        return made["RouteTable"]["RouteTableId"]

    def address(self):
        """A new elastic address."""
        return self.ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"]

    def nat_gateway(self, **more):
        """A NAT gateway, on a new address unless one is given; both ids."""
        address = more.pop("AllocationId", None) or self.address()
        made = self.ec2.create_nat_gateway(
            SubnetId=self.subnets[0], AllocationId=address, TagSpecifications=tagged("natgateway"), **more
        )
        return made["NatGateway"]["NatGatewayId"], address

    def image(self, architecture="arm64"):
        name = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
        return self.aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]

    def instance(self, **more):
        """One instance in the first subnet, as EC2 describes it."""
        request = {"ImageId": self.image(), "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1} | more
        if "NetworkInterfaces" not in more:
            request = {"SubnetId": self.subnets[0], "SecurityGroupIds": [self.group]} | request
        return self.described(self.ec2.run_instances(**request)["Instances"][0]["InstanceId"])

    def described(self, instance_id):
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def attribute(self, instance_id, name):
        found = self.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
        return found[name[0].upper() + name[1:]]["Value"]
