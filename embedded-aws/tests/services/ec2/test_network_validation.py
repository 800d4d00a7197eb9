"""Validation of network requests; a rejected call changes nothing."""

from services.errors import raises, unchanged
from services.network import tagged

UNKNOWN = "00000000000000000"
ANYWHERE = "0.0.0.0/0"


def foreign_table(network):
    """Create a route table in another VPC."""
    vpc = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return network.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def test_a_range_is_kept_in_its_canonical_form(network):
    """EC2 removes the host bits from CIDR blocks of VPCs, subnets, routes and rules."""
    ec2 = network.ec2
    assert ec2.create_vpc(CidrBlock="10.9.8.7/16")["Vpc"]["CidrBlock"] == "10.9.0.0/16"
    created = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.9.8/24", AvailabilityZone="us-west-2a")
    assert created["Subnet"]["CidrBlock"] == "10.0.9.0/24"
    table = network.route_table()
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="100.68.0.18/18", GatewayId=network.gateway)
    (described,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert "100.68.0.0/18" in [route["DestinationCidrBlock"] for route in described["Routes"]]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "100.68.0.18/18"}]}
    ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[rule])
    canonical = rule | {"IpRanges": [{"CidrIp": "100.68.0.0/18"}]}
    with raises("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[canonical])


def test_invalid_vpcs_are_rejected(network):
    ec2 = network.ec2
    with unchanged(ec2.describe_vpcs):
        for cidr in ("10.0.0.0/8", "10.0.0.0/29"):
            with raises("InvalidVpc.Range"):
                ec2.create_vpc(CidrBlock=cidr)
        for cidr in ("10.0/16", "10.0.0.0"):
            with raises("InvalidParameterValue", f"Value ({cidr}) for parameter cidrBlock is invalid."):
                ec2.create_vpc(CidrBlock=cidr)
        with raises("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."):
            ec2.create_vpc()


def test_vpc_attributes_are_changed_one_by_one(network):
    """EC2 accepts one attribute per call."""
    ec2, on = network.ec2, {"Value": True}
    message = "Fields for multiple attribute types specified: enableDnsSupport, enableDnsHostnames"
    with raises("InvalidParameterCombination", message):
        ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsSupport=on, EnableDnsHostnames=on)
    attribute = ec2.describe_vpc_attribute(VpcId=network.vpc, Attribute="enableDnsHostnames")
    assert attribute["EnableDnsHostnames"] == {"Value": False}
    ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames=on)
    attribute = ec2.describe_vpc_attribute(VpcId=network.vpc, Attribute="enableDnsHostnames")
    assert attribute["EnableDnsHostnames"] == on


def test_invalid_subnets_are_rejected(network):
    """Too small, outside of the VPC, overlapping, in a zone of another region, in an unknown VPC."""
    ec2 = network.ec2
    invalid = [
        ({"CidrBlock": "10.0.9.0/29"}, "InvalidSubnet.Range", "The CIDR '10.0.9.0/29' is invalid."),
        ({"CidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."),
        ({"CidrBlock": "10.0.0.128/25"}, "InvalidSubnet.Conflict", "conflicts with another subnet"),
        (
            {"AvailabilityZone": "us-east-1a"},
            "InvalidParameterValue",
            "in the following availability zones: us-west-2a",
        ),
        ({"AvailabilityZoneId": "use1-az1"}, "InvalidParameterValue", "for parameter availabilityZoneId is invalid"),
        ({"VpcId": f"vpc-{UNKNOWN}"}, "InvalidVpcID.NotFound", ""),
    ]
    with unchanged(ec2.describe_subnets):
        for changed, code, message in invalid:
            with raises(code, message):
                ec2.create_subnet(**({"VpcId": network.vpc, "CidrBlock": "10.0.9.0/24"} | changed))


def test_invalid_gateway_attachments_are_rejected(network):
    """A VPC has one gateway, a gateway one VPC; and only an attached gateway can be detached."""
    ec2, attachment = network.ec2, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with unchanged(ec2.describe_internet_gateways):
        with raises("InvalidParameterValue", f"Network {network.vpc} already has an internet gateway attached"):
            ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=network.vpc)
        with raises("Resource.AlreadyAssociated", f"{network.gateway} is already attached to network {network.vpc}"):
            ec2.attach_internet_gateway(**attachment)
        with raises("Gateway.NotAttached", f"{second} is not attached to network {network.vpc}"):
            ec2.detach_internet_gateway(InternetGatewayId=second, VpcId=network.vpc)
        with raises("DependencyViolation"):
            ec2.delete_internet_gateway(InternetGatewayId=network.gateway)
    ec2.detach_internet_gateway(**attachment)
    with raises("Gateway.NotAttached"):
        ec2.detach_internet_gateway(**attachment)


def test_invalid_nat_gateways_are_rejected(network):
    """Without an address, or with one that does not exist or is in use; no interface is left in the subnet."""
    ec2, (_, in_use) = network.ec2, network.nat_gateway()
    here = {"SubnetId": network.subnets[1]}
    invalid = [
        (here, "MissingParameter"),
        (here | {"AllocationId": f"eipalloc-{UNKNOWN}"}, "InvalidAllocationID.NotFound"),
        (here | {"AllocationId": in_use}, "Resource.AlreadyAssociated"),
        (here | {"AllocationId": in_use, "ConnectivityType": "private"}, "InvalidParameterCombination"),
        ({"SubnetId": f"subnet-{UNKNOWN}", "AllocationId": in_use}, "InvalidSubnetID.NotFound"),
    ]
    with unchanged(ec2.describe_nat_gateways, ec2.describe_network_interfaces, ec2.describe_addresses):
        for params, code in invalid:
            with raises(code):
                ec2.create_nat_gateway(**params)
    ec2.delete_subnet(**here)


def test_a_nat_gateway_without_an_internet_gateway_fails(network):
    """After its creation, and its address can be released."""
    ec2 = network.ec2
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    nat, address = network.nat_gateway()
    (gateway,) = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    assert (gateway["State"], gateway["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert gateway["FailureMessage"] == f"Network {network.vpc} has no Internet gateway attached"
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_invalid_routes_are_rejected(network):
    """Unknown targets, targets of another VPC, destinations inside the VPC, and duplicates."""
    ec2, table, foreign, (nat, _) = network.ec2, network.route_table(), foreign_table(network), network.nat_gateway()
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=network.gateway)
    invalid = [
        ({"GatewayId": f"igw-{UNKNOWN}"}, "InvalidGatewayID.NotFound", f"igw-{UNKNOWN}"),
        ({"GatewayId": other}, "InvalidParameterValue", "belong to different networks"),
        ({"NatGatewayId": f"nat-{UNKNOWN}"}, "InvalidNatGatewayID.NotFound", f"nat-{UNKNOWN}"),
        ({"NatGatewayId": nat, "RouteTableId": foreign}, "InvalidParameterValue", "belong to different networks"),
        ({}, "MissingParameter", ""),
        (
            {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": network.gateway},
            "InvalidParameterValue",
            "more specific",
        ),
        ({"DestinationCidrBlock": ANYWHERE, "GatewayId": network.gateway}, "RouteAlreadyExists", ANYWHERE),
    ]
    with unchanged(ec2.describe_route_tables):
        for params, code, message in invalid:
            with raises(code, message):
                ec2.create_route(**({"RouteTableId": table, "DestinationCidrBlock": "172.16.0.0/12"} | params))
        with raises("InvalidRoute.NotFound", "no route with destination-cidr-block 172.16.0.0/12"):
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock="172.16.0.0/12")
        with raises("InvalidParameterValue", "cannot remove local route 10.0.0.0/16"):
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
        with raises("InvalidNatGatewayID.NotFound"):
            ec2.replace_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, NatGatewayId=f"nat-{UNKNOWN}")


def test_a_subnet_has_one_route_table(network):
    """A repeated association with the same table is accepted."""
    ec2, first, second = network.ec2, network.route_table(), network.route_table()
    subnet, foreign = network.subnets[0], foreign_table(network)
    created = ec2.associate_route_table(RouteTableId=first, SubnetId=subnet)["AssociationId"]
    with unchanged(ec2.describe_route_tables):
        with raises("Resource.AlreadyAssociated", f"route table {second} conflicts with an existing association"):
            ec2.associate_route_table(RouteTableId=second, SubnetId=subnet)
        with raises("InvalidParameterValue", f"subnet {subnet} belong to different networks"):
            ec2.associate_route_table(RouteTableId=foreign, SubnetId=subnet)
        assert ec2.associate_route_table(RouteTableId=first, SubnetId=subnet)["AssociationId"] == created


def test_invalid_endpoints_are_rejected(network):
    """Unknown services, services of another region, and unknown VPCs."""
    ec2 = network.ec2
    service = "com.amazonaws.us-west-2.s3"
    with unchanged(ec2.describe_vpc_endpoints, ec2.describe_route_tables):
        for name in ("com.amazonaws.us-west-2.bogus", "com.amazonaws.us-east-1.s3"):
            with raises("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist"):
                ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=name, VpcEndpointType="Gateway")
            with raises("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist"):
                ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=name, VpcEndpointType="Interface")
        with raises("InvalidVpcId.NotFound", f"vpc-{UNKNOWN}"):
            ec2.create_vpc_endpoint(VpcId=f"vpc-{UNKNOWN}", ServiceName=service, VpcEndpointType="Gateway")
        with raises("InvalidRouteTableID.NotFound"):
            ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=service, RouteTableIds=[f"rtb-{UNKNOWN}"])


def test_an_interface_endpoint_can_be_of_any_service(network):
    """All services of AWS, not only those with gateway endpoints."""
    params = {"VpcId": network.vpc, "VpcEndpointType": "Interface", "SubnetIds": network.subnets[:1]}
    for service in ("ssm", "secretsmanager", "logs", "ec2messages", "codedeploy", "ecr.api", "s3"):
        name = f"com.amazonaws.us-west-2.{service}"
        created = network.ec2.create_vpc_endpoint(**params, ServiceName=name)["VpcEndpoint"]
        assert created["ServiceName"] == name


def test_an_interface_in_use_cannot_be_deleted(network):
    """An interface of an instance or a NAT gateway; others can be deleted."""
    ec2 = network.ec2
    free = ec2.create_network_interface(SubnetId=network.subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    network.instance()
    network.nat_gateway()
    in_use = {one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]} - {free}
    assert len(in_use) == 2
    with unchanged(ec2.describe_network_interfaces):
        for interface in in_use:
            with raises("InvalidParameterValue", f"Network interface '{interface}' is currently in use."):
                ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_network_interface(NetworkInterfaceId=free)
    assert {one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]} == in_use


def test_a_flow_log_is_created_once(network):
    """For the same traffic and destination."""
    bucket = "flow"
    network.aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=network.location)
    params = {
        "ResourceIds": [network.vpc],
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogDestinationType": "s3",
        "LogDestination": f"arn:aws:s3:::{bucket}",
    }
    network.ec2.create_flow_logs(**params)
    with unchanged(network.ec2.describe_flow_logs), raises("FlowLogAlreadyExists", "There is an existing Flow Log"):
        network.ec2.create_flow_logs(**params)


def test_invalid_keys_and_tags_are_rejected(network):
    """Duplicate and unreadable keys, reserved, long and too many tags."""
    ec2 = network.ec2
    ec2.create_key_pair(KeyName="app")
    with unchanged(ec2.describe_key_pairs, ec2.describe_vpcs):
        with raises("InvalidKeyPair.Duplicate"):
            ec2.create_key_pair(KeyName="app")
        with raises("InvalidKey.Format", "OpenSSH"):
            ec2.import_key_pair(KeyName="other", PublicKeyMaterial=b"none")
        with raises("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"):
            ec2.create_tags(Resources=[network.vpc], Tags=[{"Key": "aws:name", "Value": "mine"}])
        invalid = [
            ({"k" * 129: "v"}, "InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters"),
            ({"k": "v" * 257}, "InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters"),
            ({f"k{number}": "v" for number in range(51)}, "TagLimitExceeded", ""),
        ]
        for tags, code, message in invalid:
            specified = tagged("vpc", **tags)
            with raises(code, message):
                ec2.create_tags(Resources=[network.vpc], Tags=specified[0]["Tags"])
            with raises(code, message):
                ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=specified)
    ec2.create_tags(Resources=[network.vpc], Tags=[{"Key": "k" * 128, "Value": "v" * 256}])


def test_unknown_filters_are_rejected(network):
    """An unknown filter is invalid; a filter that the emulator does not support is reported as such."""
    ec2 = network.ec2
    for name in ("Bogus", "boGus", "VpcId"):
        with raises("InvalidParameterValue", f"The filter '{name}' is invalid"):
            ec2.describe_vpcs(Filters=[{"Name": name, "Values": ["x"]}])
    older = [{"Name": "cidrBlock", "Values": ["10.0.1.0/24"]}]
    assert [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=older)["Subnets"]] == network.subnets[1:]
    filtered = [{"Name": "bogus", "Values": ["x"]}]
    for listing in (
        *(ec2.describe_vpcs, ec2.describe_subnets, ec2.describe_instances, ec2.describe_security_groups),
        *(ec2.describe_addresses, ec2.describe_images, ec2.describe_route_tables, ec2.describe_internet_gateways),
    ):
        with raises("InvalidParameterValue", "The filter 'bogus' is invalid"):
            listing(Filters=filtered)
    with raises("InvalidParameterValue", "The filter 'bogus' is invalid"):
        ec2.describe_nat_gateways(Filter=filtered)
    with raises("NotSupportedLocally", "ec2:DescribeVpcs is not supported in the local environment"):
        ec2.describe_vpcs(Filters=[{"Name": "ipv6-cidr-block-association.ipv6-pool", "Values": ["x"]}])
    matching = ec2.describe_vpcs(
        Filters=[{"Name": "tag:env", "Values": ["test"]}, {"Name": "tag-key", "Values": ["env"]}]
    )
    assert [vpc["VpcId"] for vpc in matching["Vpcs"]] == [network.vpc]
