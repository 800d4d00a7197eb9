"""EC2 lists the interfaces of other services, which keep subnets, groups and the internet gateway."""

import pytest

from embedded_aws.testing import eventually
from services.cache import Cache
from services.database import Database
from services.errors import raises
from services.load_balancer import LoadBalancer

FIELDS = ("Description", "RequesterId", "RequesterManaged", "InterfaceType", "Status")


@pytest.fixture
def pace(aws):
    """Sets the pace, which is 0 again after the test."""
    yield lambda factor: aws.control("pace", factor)
    aws.control("pace", 0)


def interfaces(network, **filters):
    chosen = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    return network.ec2.describe_network_interfaces(Filters=chosen)["NetworkInterfaces"]


def described(network):
    return {tuple(one[name] for name in FIELDS) for one in interfaces(network)}


def test_a_load_balancer_has_one_in_each_subnet(network):
    """With its groups, and with a public address that is not one of the account's."""
    balancer = LoadBalancer(network)
    number = balancer.arn.rpartition("/")[2]
    assert described(network) == {(f"ELB app/web/{number}", "amazon-elb", True, "interface", "in-use")}
    first, second = sorted(interfaces(network), key=lambda one: network.subnets.index(one["SubnetId"]))
    assert [first["SubnetId"], second["SubnetId"]] == network.subnets
    assert first["PrivateIpAddress"].startswith("10.0.0.")
    assert [group["GroupId"] for group in first["Groups"]] == [network.group]
    assert first["Association"]["IpOwnerId"] == "amazon-elb"
    assert "AllocationId" not in first["Association"]
    assert first["Attachment"]["InstanceOwnerId"] == "amazon-elb"
    assert network.ec2.describe_addresses()["Addresses"] == []
    other = network.security_group("other")
    balancer.elb.set_security_groups(LoadBalancerArn=balancer.arn, SecurityGroups=[other])
    assert [group["GroupId"] for group in interfaces(network)[0]["Groups"]] == [other]
    with raises("InvalidParameterValue", f"Network interface '{first['NetworkInterfaceId']}' is currently in use."):
        network.ec2.delete_network_interface(NetworkInterfaceId=first["NetworkInterfaceId"])
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    assert interfaces(network) == []


def test_a_database_has_one_in_its_zone_and_with_two_zones_one_in_each(network):
    database = Database(network)
    database.create(AvailabilityZone="us-west-2b")
    assert described(network) == {("RDSNetworkInterface", "amazon-rds", True, "interface", "in-use")}
    assert [one["SubnetId"] for one in interfaces(network)] == network.subnets[1:]
    database.modify(MultiAZ=True)
    assert {one["SubnetId"] for one in interfaces(network)} == set(network.subnets)
    database.delete()
    assert interfaces(network) == []


def test_a_cache_has_one_for_each_node(network):
    cache = Cache(network)
    cache.create()
    nodes = cache.described()["MemberClusters"]
    expected = {(f"ElastiCache {node}", "amazon-elasticache", True, "interface", "in-use") for node in nodes}
    assert described(network) == expected


def test_a_nat_gateway_has_one(network):
    gateway, _ = network.nat_gateway()
    (interface,) = interfaces(network)
    assert (interface["Description"], interface["InterfaceType"]) == (f"Interface for NAT Gateway {gateway}",
                                                                      "nat_gateway")  # fmt: skip
    assert (interface["RequesterManaged"], interface["Status"]) == (True, "in-use")


def test_an_interface_endpoint_has_one_in_each_subnet(network):
    created = network.ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName="com.amazonaws.us-west-2.ssm", VpcEndpointType="Interface",
        SubnetIds=network.subnets[:1], SecurityGroupIds=[network.group],
    )["VpcEndpoint"]  # fmt: skip
    (interface,) = interfaces(network, subnet_id=network.subnets[0])
    assert created["NetworkInterfaceIds"] == [interface["NetworkInterfaceId"]]
    assert interface["Description"] == f"VPC Endpoint Interface {created['VpcEndpointId']}"
    assert (interface["RequesterManaged"], interface["InterfaceType"]) == (True, "vpc_endpoint")
    assert interface["PrivateIpAddress"].startswith("10.0.0.")
    with raises("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[0])
    network.ec2.delete_vpc_endpoints(VpcEndpointIds=[created["VpcEndpointId"]])
    assert interfaces(network) == []


def test_they_outlive_a_load_balancer_and_a_database(network, pace):
    """Until they are gone they keep subnet, group and internet gateway, and say what they are."""
    database, balancer = Database(network), LoadBalancer(network)
    database.create(AvailabilityZone="us-west-2a")
    pace(0.001)
    database.delete()
    eventually(lambda: not database.rds.describe_db_instances()["DBInstances"])
    pace(10)
    balancer.elb.delete_load_balancer(LoadBalancerArn=balancer.arn)
    assert balancer.elb.describe_load_balancers()["LoadBalancers"] == []
    assert "amazon-elb" in {one["RequesterId"] for one in interfaces(network, group_id=network.group)}
    ec2 = network.ec2
    for call, request in (
        (ec2.delete_subnet, {"SubnetId": network.subnets[0]}),
        (ec2.delete_security_group, {"GroupId": network.group}),
        (ec2.detach_internet_gateway, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}),
        (ec2.delete_vpc, {"VpcId": network.vpc}),
    ):
        with raises("DependencyViolation"):
            call(**request)
    pace(0)
    assert interfaces(network) == []
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_a_databases_interface_outlives_it(network, pace):
    database = Database(network)
    database.create(AvailabilityZone="us-west-2a")
    pace(0.02)
    database.delete()
    pace(10)  # the deletion keeps its two seconds, what begins after it takes minutes
    eventually(lambda: not database.rds.describe_db_instances()["DBInstances"])
    assert described(network) == {("RDSNetworkInterface", "amazon-rds", True, "interface", "in-use")}
    with raises("DependencyViolation"):
        network.ec2.delete_subnet(SubnetId=network.subnets[0])
    pace(0)
    network.ec2.delete_subnet(SubnetId=network.subnets[0])


def test_the_address_of_a_deleted_nat_gateway_cannot_be_released_at_once(network, pace):
    """EC2 answers as if it were somebody else's, although the gateway is deleted and the address is free."""
    gateway, address = network.nat_gateway()
    pace(0.01)
    network.ec2.delete_nat_gateway(NatGatewayId=gateway)
    pace(10)

    def states():
        return [one["State"] for one in network.ec2.describe_nat_gateways()["NatGateways"]]

    eventually(lambda: states() == ["deleted"])
    assert "AssociationId" not in network.ec2.describe_addresses()["Addresses"][0]
    with raises("AuthFailure", "You do not have permission to access the specified resource."):
        network.ec2.release_address(AllocationId=address)
    pace(0)
    network.ec2.release_address(AllocationId=address)
    assert network.ec2.describe_addresses()["Addresses"] == []
