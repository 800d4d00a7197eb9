"""Default quotas are enforced as on AWS."""

import itertools

from services.errors import raises, unchanged


def test_five_vpcs_with_the_default_one(network):
    """And five internet gateways."""
    ec2 = network.ec2
    for number in range(3):
        ec2.create_vpc(CidrBlock=f"10.{number + 1}.0.0/16")
    while len(ec2.describe_internet_gateways()["InternetGateways"]) < 5:
        ec2.create_internet_gateway()
    with unchanged(ec2.describe_vpcs, ec2.describe_internet_gateways):
        with raises("VpcLimitExceeded", "The maximum number of VPCs has been reached."):
            ec2.create_vpc(CidrBlock="10.9.0.0/16")
        with raises("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached."):
            ec2.create_internet_gateway()


def test_five_addresses_and_five_nat_gateways_in_a_zone(network):
    """Deleted gateways do not count, and each zone has its own quota."""
    ec2 = network.ec2
    for _ in range(5):
        ec2.allocate_address(Domain="vpc")
    private = {"ConnectivityType": "private"}
    gateways = [ec2.create_nat_gateway(SubnetId=network.subnets[0], **private)["NatGateway"] for _ in range(5)]
    with unchanged(ec2.describe_addresses, ec2.describe_nat_gateways):
        with raises("AddressLimitExceeded", "The maximum number of addresses has been reached."):
            ec2.allocate_address(Domain="vpc")
        with raises("NatGatewayLimitExceeded", "would exceed the limit of 5 NAT gateways"):
            ec2.create_nat_gateway(SubnetId=network.subnets[0], **private)
    ec2.create_nat_gateway(SubnetId=network.subnets[1], **private)
    ec2.delete_nat_gateway(NatGatewayId=gateways[0]["NatGatewayId"])
    ec2.create_nat_gateway(SubnetId=network.subnets[0], **private)


def test_sixty_rules_in_a_group(network):
    """In each direction."""
    ec2, rule = network.ec2, {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    rules = [rule | {"FromPort": port, "ToPort": port} for port in range(1, 62)]
    ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=rules[:60])
    with unchanged(ec2.describe_security_group_rules), raises("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=rules[60:])


def test_fifty_load_balancers_with_fifty_listeners(balancer):
    """A repeated request for an existing one is not rejected."""
    names = [f"b{number}" for number in range(49)]
    for name in names:
        balancer.create(Name=name)
    with unchanged(balancer.elb.describe_load_balancers), raises("TooManyLoadBalancers"):
        balancer.create(Name="one-more")
    assert balancer.create() == balancer.arn
    ports = itertools.count(1000)
    for port in itertools.islice(ports, 50):
        balancer.create_listener(Protocol="HTTP", Port=port)
    with raises("TooManyListeners"):
        balancer.create_listener(Protocol="HTTP", Port=next(ports))
    assert balancer.create_listener(Protocol="HTTP", Port=1000)["Port"] == 1000
