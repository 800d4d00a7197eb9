"""Features of all EC2 calls: dry runs and client tokens."""

import pytest

from services.errors import raises, unchanged
from services.network import tagged


@pytest.mark.parametrize(
    ("operation", "listing", "arguments"),
    [
        ("create_vpc", "describe_vpcs", {"CidrBlock": "10.9.0.0/16"}),
        ("create_subnet", "describe_subnets", {"CidrBlock": "10.0.9.0/24"}),
        ("create_route_table", "describe_route_tables", {}),
        ("create_nat_gateway", "describe_nat_gateways", {"ConnectivityType": "private"}),
        ("create_security_group", "describe_security_groups", {"GroupName": "dry", "Description": "dry"}),
        ("delete_vpc", "describe_vpcs", {}),
    ],
)
def test_a_dry_run_changes_nothing(network, operation, listing, arguments):
    """A dry run reports whether the call is allowed."""
    if operation not in ("create_vpc", "create_nat_gateway"):
        arguments = arguments | {"VpcId": network.vpc}
    if operation == "create_nat_gateway":
        arguments = arguments | {"SubnetId": network.subnets[0]}

    with unchanged(getattr(network.ec2, listing)), raises("DryRunOperation"):
        getattr(network.ec2, operation)(DryRun=True, **arguments)


def test_a_create_request_that_is_sent_twice_creates_one_resource(network):
    """A retry after a lost response creates no second gateway, table, template, endpoint or instance."""
    ec2 = network.ec2
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    data = {"ImageId": network.image(), "InstanceType": "t4g.micro"}
    service = {"ServiceName": "com.amazonaws.us-west-2.s3", "VpcEndpointType": "Gateway"}
    creates = [
        (ec2.create_nat_gateway, "NatGateway", {"SubnetId": network.subnets[0], "AllocationId": address}),
        (ec2.create_route_table, "RouteTable", {"VpcId": network.vpc, "TagSpecifications": tagged("route-table")}),
        (ec2.create_launch_template, "LaunchTemplate", {"LaunchTemplateName": "web", "LaunchTemplateData": data}),
        (ec2.create_vpc_endpoint, "VpcEndpoint", {"VpcId": network.vpc, **service}),
        (ec2.run_instances, "Instances", {**data, "MinCount": 1, "MaxCount": 1, "SubnetId": network.subnets[0]}),
    ]
    for create, field, arguments in creates:
        first = create(ClientToken="the-same", **arguments)[field]
        assert create(ClientToken="the-same", **arguments)[field] == first
    assert len(ec2.describe_nat_gateways()["NatGateways"]) == 1
    assert len(ec2.describe_route_tables(Filters=[{"Name": "tag:env", "Values": ["test"]}])["RouteTables"]) == 1
    assert len(ec2.describe_launch_templates()["LaunchTemplates"]) == 1
    assert len(ec2.describe_vpc_endpoints()["VpcEndpoints"]) == 1
    assert len(ec2.describe_instances()["Reservations"]) == 1


def test_a_token_belongs_to_one_request(network):
    """With other parameters it is rejected."""
    network.ec2.create_route_table(VpcId=network.vpc, ClientToken="t")
    with raises("IdempotentParameterMismatch"):
        network.ec2.create_route_table(VpcId=network.vpc, ClientToken="t", TagSpecifications=tagged("route-table"))


def test_a_rejected_request_can_be_sent_again(network):
    """The response to a failed request is not stored."""
    with raises("InvalidVpcID.NotFound"):
        network.ec2.create_route_table(VpcId="vpc-00000000000000000", ClientToken="t")
    network.ec2.create_route_table(VpcId=network.vpc, ClientToken="t")


@pytest.mark.parametrize("values", [["colour", "team"], ["team", "colour"], ["colour"], ["col*"]])
def test_a_filter_of_several_tag_keys_finds_what_has_one_of_them(network, values):
    """Values are joined with OR: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html."""
    ec2, tags = network.ec2, [{"Key": "colour", "Value": "red"}]
    made = ec2.create_vpc(
        CidrBlock="10.8.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}]
    )["Vpc"]["VpcId"]  # fmt: skip
    group = ec2.create_security_group(
        GroupName="t", Description="t", VpcId=made, TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}]
    )["GroupId"]
    wanted = [{"Name": "tag-key", "Values": values}]
    assert [vpc["VpcId"] for vpc in ec2.describe_vpcs(Filters=wanted)["Vpcs"]] == [made]
    assert [one["GroupId"] for one in ec2.describe_security_groups(Filters=wanted)["SecurityGroups"]] == [group]
    assert ec2.describe_subnets(Filters=wanted)["Subnets"] == []
