"""A VPC with the resources that tests need, created by API calls."""

from contextlib import suppress


def tagged(kind, **tags):
    """Return the TagSpecifications of a create call, by default with the tag env=test."""
    pairs = (tags or {"env": "test"}).items()
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs]}]


class Network:
    """A VPC with two subnets in two zones, a security group `web` and an internet gateway."""

    location = {"LocationConstraint": "us-west-2"}  # noqa: RUF012 - CreateBucketConfiguration of this region

    def __init__(self, aws):
        self.aws, self.ec2 = aws, aws.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
        self.subnets = [self._subnet(number, zone) for number, zone in enumerate("ab")]
        self.group = self.security_group("web")
        gateway = self.ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))
        self.gateway = gateway["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)

    def linked_role(self, service):
        """Let the account have the service-linked role that RDS or ElastiCache needs for a subnet group."""
        iam = self.aws.client("iam")
        with suppress(iam.exceptions.InvalidInputException):  # it has it already
            iam.create_service_linked_role(AWSServiceName=f"{service}.amazonaws.com")

    def _subnet(self, number, zone):
        created = self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=f"us-west-2{zone}",
            TagSpecifications=tagged("subnet"),
        )
        return created["Subnet"]["SubnetId"]

    def security_group(self, name):
        created = self.ec2.create_security_group(
            GroupName=name, Description=name, VpcId=self.vpc, TagSpecifications=tagged("security-group")
        )
        return created["GroupId"]

    def route_table(self):
        created = self.ec2.create_route_table(VpcId=self.vpc, TagSpecifications=tagged("route-table"))
        return created["RouteTable"]["RouteTableId"]

    def address(self):
        """Allocate an Elastic IP address; return its allocation id."""
        return self.ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"]

    def nat_gateway(self, **more):
        """Create a NAT gateway, with a new address unless AllocationId is given; return both ids."""
        address = more.pop("AllocationId", None) or self.address()
        created = self.ec2.create_nat_gateway(
            SubnetId=self.subnets[0], AllocationId=address, TagSpecifications=tagged("natgateway"), **more
        )
        return created["NatGateway"]["NatGatewayId"], address

    def image(self, architecture="arm64"):
        name = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
        return self.aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]

    def instance(self, **more):
        """Run an instance in the first subnet; return its description."""
        request = {"ImageId": self.image(), "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1} | more
        if "NetworkInterfaces" not in more:
            request = {"SubnetId": self.subnets[0], "SecurityGroupIds": [self.group]} | request
        return self.describe_instance(self.ec2.run_instances(**request)["Instances"][0]["InstanceId"])

    def describe_instance(self, instance_id):
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def attribute(self, instance_id, name):
        attributes = self.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
        return attributes[name[0].upper() + name[1:]]["Value"]
