"""EC2 describes things as AWS does: fields that are always there, dead routes, request ids, one destination."""

from uuid import UUID

import pytest

from services.errors import raises
from services.network import Network


@pytest.fixture
def network(aws):
    return Network(aws)


def test_the_fields_that_aws_always_sends_are_there(network):
    ec2, address = network.ec2, network.address()
    (described,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert (described["NetworkBorderGroup"], described["PublicIpv4Pool"]) == ("us-west-2", "amazon")
    assert {subnet["MapCustomerOwnedIpOnLaunch"] for subnet in ec2.describe_subnets()["Subnets"]} == {False}
    assert all(table["PropagatingVgws"] == [] for table in ec2.describe_route_tables()["RouteTables"])
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    assert {rule["GroupOwnerId"] for rule in rules} == {"123456789012"}
    instance = network.instance()
    assert (instance["HibernationOptions"], instance["EnaSupport"]) == ({"Configured": False}, True)


def test_an_instance_is_described_as_aws_does(network):
    """With its profile's id, with private names in the region's domain, and with a reason only when it has stopped."""
    iam = network.aws.client("iam")
    profile = iam.create_instance_profile(InstanceProfileName="web")["InstanceProfile"]
    network.ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames={"Value": True})
    instance = network.instance(IamInstanceProfile={"Name": "web"})
    assert profile["InstanceProfileId"].startswith("AIPA")
    assert instance["IamInstanceProfile"] == {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}
    name = f"ip-{instance['PrivateIpAddress'].replace('.', '-')}.us-west-2.compute.internal"
    (interface,) = instance["NetworkInterfaces"]
    assert [instance["PrivateDnsName"], interface["PrivateDnsName"]] == [name, name]
    assert [one["PrivateDnsName"] for one in interface["PrivateIpAddresses"]] == [name]
    assert "StateReason" not in instance
    assert instance["StateTransitionReason"] == ""
    network.ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    stopped = network.describe_instance(instance["InstanceId"])
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert stopped["StateTransitionReason"].endswith(" GMT)")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}, "TCP, from port: 443, to port: 443"),
        ({"IpProtocol": "17", "FromPort": 53, "ToPort": 54}, "UDP, from port: 53, to port: 54"),
        ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}, "ICMP, type: 8, code: ALL"),
        ({"IpProtocol": "-1"}, "ALL"),
    ],
)
def test_a_rule_that_is_there_already_is_named(network, rule, words):
    """https://github.com/hashicorp/terraform-provider-aws/issues/4112."""
    request = {"GroupId": network.group, "IpPermissions": [{**rule, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    network.ec2.authorize_security_group_ingress(**request)
    with raises("InvalidPermission.Duplicate", f'the specified rule "peer: 0.0.0.0/0, {words}, ALLOW" already exists'):
        network.ec2.authorize_security_group_ingress(**request)


def test_a_rule_from_a_group_that_is_there_already_is_named(network):
    peer = {"UserIdGroupPairs": [{"GroupId": network.group}]}
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, **peer}
    network.ec2.authorize_security_group_egress(GroupId=network.group, IpPermissions=[rule])
    with raises("InvalidPermission.Duplicate", f'"peer: {network.group}, TCP, from port: 80, to port: 80, ALLOW"'):
        network.ec2.authorize_security_group_egress(GroupId=network.group, IpPermissions=[rule])


def test_a_route_whose_target_is_gone_is_a_black_hole(network):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html."""
    ec2, table = network.ec2, network.route_table()
    gateway, _ = network.nat_gateway()
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=network.gateway)

    def states():
        (described,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return {route["DestinationCidrBlock"]: route["State"] for route in described["Routes"]}

    assert set(states().values()) == {"active"}
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert states()["0.0.0.0/0"] == "blackhole"
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    assert states() == {"10.0.0.0/16": "active", "0.0.0.0/0": "blackhole", "192.0.2.0/24": "blackhole"}


def test_each_answer_has_a_request_id_of_its_own(aws):
    ids = {aws.client("ec2").describe_vpcs()["ResponseMetadata"]["RequestId"] for _ in range(2)}
    assert len({UUID(request_id) for request_id in ids}) == 2


def test_a_flow_log_has_one_destination(network):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html."""
    request = {"ResourceIds": [network.vpc], "ResourceType": "VPC", "TrafficType": "ALL"}
    with raises("InvalidParameter", "Please only provide LogGroupName or only provide LogDestination."):
        network.ec2.create_flow_logs(
            **request, LogGroupName="x", LogDestination="arn:aws:s3:::x",
            DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/x",
        )  # fmt: skip
    assert network.ec2.describe_flow_logs()["FlowLogs"] == []


def test_what_is_missing_or_in_use_is_told_in_aws_words(network):
    ec2, none = network.ec2, "0123456789abcdef0"
    with raises("InvalidInternetGatewayID.NotFound", f"The internetGateway ID 'igw-{none}' does not exist"):
        ec2.describe_internet_gateways(InternetGatewayIds=[f"igw-{none}"])
    with raises("InvalidAllocationID.NotFound", f"The allocation ID 'eipalloc-{none}' does not exist"):
        ec2.release_address(AllocationId=f"eipalloc-{none}")
    in_use = f"The internetGateway '{network.gateway}' has dependencies and cannot be deleted."
    with raises("DependencyViolation", in_use):
        ec2.delete_internet_gateway(InternetGatewayId=network.gateway)


def test_an_instance_with_ena_has_no_older_networking(aws):
    """Only instance types without ENA have `simple`.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sriov-networking.html
    """
    ec2 = aws.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    (instance,) = ec2.run_instances(ImageId=image, InstanceType="t3.small", MinCount=1, MaxCount=1)["Instances"]
    (reservation,) = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"]
    assert reservation["Instances"][0]["EnaSupport"] is True
    assert "SriovNetSupport" not in reservation["Instances"][0]


def test_the_port_of_a_health_check_is_a_number(network):
    """Also where it is the target's own: `traffic-port` stands in the target group only."""
    elb = network.aws.client("elbv2")
    request = {"Name": "web", "Protocol": "HTTP", "Port": 8080, "VpcId": network.vpc, "TargetType": "instance"}
    (group,) = elb.create_target_group(**request)["TargetGroups"]
    assert group["HealthCheckPort"] == "traffic-port"
    (health,) = elb.describe_target_health(
        TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "i-0123456789abcdef0", "Port": 8080}]
    )["TargetHealthDescriptions"]
    assert health["HealthCheckPort"] == "8080"
