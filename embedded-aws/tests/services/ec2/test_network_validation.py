"""Networks that EC2 does not make are refused with its codes, and nothing of them is left."""

from services.errors import refused, untouched
from services.network import tagged

NOBODY = "00000000000000000"
ANYWHERE = "0.0.0.0/0"


def foreign_table(network):
    """A route table of another VPC."""
    vpc = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return network.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def test_a_range_is_kept_in_its_canonical_form(network):
    """EC2 does not refuse host bits, it drops them: of VPCs, subnets, routes and rules."""
    ec2 = network.ec2
    assert ec2.create_vpc(CidrBlock="10.9.8.7/16")["Vpc"]["CidrBlock"] == "10.9.0.0/16"
    made = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.9.8/24", AvailabilityZone="us-west-2a")
    assert made["Subnet"]["CidrBlock"] == "10.0.9.0/24"
    table = network.route_table()
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="100.68.0.18/18", GatewayId=network.gateway)
    (described,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert "100.68.0.0/18" in [route["DestinationCidrBlock"] for route in described["Routes"]]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "100.68.0.18/18"}]}
    ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[rule])
    canonical = rule | {"IpRanges": [{"CidrIp": "100.68.0.0/18"}]}
    with refused("InvalidPermission.Duplicate"):
        ec2.authorize_security_group_ingress(GroupId=network.group, IpPermissions=[canonical])


def test_vpcs_that_are_not_made(network):
    ec2 = network.ec2
    with untouched(ec2.describe_vpcs):
        for cidr in ("10.0.0.0/8", "10.0.0.0/29"):
            with refused("InvalidVpc.Range"):
                ec2.create_vpc(CidrBlock=cidr)
        for cidr in ("10.0/16", "10.0.0.0"):
            with refused("InvalidParameterValue", f"Value ({cidr}) for parameter cidrBlock is invalid."):
                ec2.create_vpc(CidrBlock=cidr)
        with refused("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided."):
            ec2.create_vpc()


def test_attributes_of_a_vpc_are_changed_one_by_one(network):
    """EC2 takes one in a call."""
    ec2, on = network.ec2, {"Value": True}
    both = "Fields for multiple attribute types specified: enableDnsSupport, enableDnsHostnames"
    with refused("InvalidParameterCombination", both):
        ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsSupport=on, EnableDnsHostnames=on)
    found = ec2.describe_vpc_attribute(VpcId=network.vpc, Attribute="enableDnsHostnames")
    assert found["EnableDnsHostnames"] == {"Value": False}
    ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames=on)
    found = ec2.describe_vpc_attribute(VpcId=network.vpc, Attribute="enableDnsHostnames")
    assert found["EnableDnsHostnames"] == on


def test_subnets_that_are_not_made(network):
    """Too small, elsewhere, over another one, in a zone of another region, in no VPC."""
    ec2 = network.ec2
    wrong = [
        ({"CidrBlock": "10.0.9.0/29"}, "InvalidSubnet.Range", "The CIDR '10.0.9.0/29' is invalid."),
        ({"CidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."),
        ({"CidrBlock": "10.0.0.128/25"}, "InvalidSubnet.Conflict", "conflicts with another subnet"),
        (
            {"AvailabilityZone": "us-east-1a"},
            "InvalidParameterValue",
            "in the following availability zones: us-west-2a",
        ),
        ({"AvailabilityZoneId": "use1-az1"}, "InvalidParameterValue", "for parameter availabilityZoneId is invalid"),
        ({"VpcId": f"vpc-{NOBODY}"}, "InvalidVpcID.NotFound", ""),
    ]
    with untouched(ec2.describe_subnets):
        for changed, code, words in wrong:
            with refused(code, words):
                ec2.create_subnet(**({"VpcId": network.vpc, "CidrBlock": "10.0.9.0/24"} | changed))


def test_gateways_that_are_not_attached(network):
    """One gateway for a VPC, one VPC for a gateway; and what is not attached is not detached."""
    ec2, mine = network.ec2, {"InternetGatewayId": network.gateway, "VpcId": network.vpc}
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with untouched(ec2.describe_internet_gateways):
        with refused("InvalidParameterValue", f"Network {network.vpc} already has an internet gateway attached"):
            ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=network.vpc)
        with refused("Resource.AlreadyAssociated", f"{network.gateway} is already attached to network {network.vpc}"):
            ec2.attach_internet_gateway(**mine)
        with refused("Gateway.NotAttached", f"{second} is not attached to network {network.vpc}"):
            ec2.detach_internet_gateway(InternetGatewayId=second, VpcId=network.vpc)
        with refused("DependencyViolation"):
            ec2.delete_internet_gateway(InternetGatewayId=network.gateway)
    ec2.detach_internet_gateway(**mine)
    with refused("Gateway.NotAttached"):
        ec2.detach_internet_gateway(**mine)


def test_nat_gateways_that_are_not_made(network):
    """Without an address, with one that does not exist or is taken: no interface is left in the subnet."""
    ec2, (_, taken) = network.ec2, network.nat_gateway()
    here = {"SubnetId": network.subnets[1]}
    wrong = [
        (here, "MissingParameter"),
        (here | {"AllocationId": f"eipalloc-{NOBODY}"}, "InvalidAllocationID.NotFound"),
        (here | {"AllocationId": taken}, "Resource.AlreadyAssociated"),
        (here | {"AllocationId": taken, "ConnectivityType": "private"}, "InvalidParameterCombination"),
        ({"SubnetId": f"subnet-{NOBODY}", "AllocationId": taken}, "InvalidSubnetID.NotFound"),
    ]
    with untouched(ec2.describe_nat_gateways, ec2.describe_network_interfaces, ec2.describe_addresses):
        for asked, code in wrong:
            with refused(code):
                ec2.create_nat_gateway(**asked)
    ec2.delete_subnet(**here)


def test_a_nat_gateway_without_a_way_out_fails(network):
    """EC2 tells it afterwards, and the address is free again."""
    ec2 = network.ec2
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    nat, address = network.nat_gateway()
    (found,) = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    assert (found["State"], found["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert found["FailureMessage"] == f"Network {network.vpc} has no Internet gateway attached"
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_routes_that_are_not_made(network):
    """To what is not there or in another network, into the own one, and twice to the same place."""
    ec2, table, far, (nat, _) = network.ec2, network.route_table(), foreign_table(network), network.nat_gateway()
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, GatewayId=network.gateway)
    wrong = [
        ({"GatewayId": f"igw-{NOBODY}"}, "InvalidGatewayID.NotFound", f"igw-{NOBODY}"),
        ({"GatewayId": other}, "InvalidParameterValue", "belong to different networks"),
        ({"NatGatewayId": f"nat-{NOBODY}"}, "InvalidNatGatewayID.NotFound", f"nat-{NOBODY}"),
        ({"NatGatewayId": nat, "RouteTableId": far}, "InvalidParameterValue", "belong to different networks"),
        ({}, "MissingParameter", ""),
        (
            {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": network.gateway},
            "InvalidParameterValue",
            "more specific",
        ),
        ({"DestinationCidrBlock": ANYWHERE, "GatewayId": network.gateway}, "RouteAlreadyExists", ANYWHERE),
    ]
    with untouched(ec2.describe_route_tables):
        for asked, code, words in wrong:
            with refused(code, words):
                ec2.create_route(**({"RouteTableId": table, "DestinationCidrBlock": "172.16.0.0/12"} | asked))
        with refused("InvalidRoute.NotFound", "no route with destination-cidr-block 172.16.0.0/12"):
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock="172.16.0.0/12")
        with refused("InvalidParameterValue", "cannot remove local route 10.0.0.0/16"):
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
        with refused("InvalidNatGatewayID.NotFound"):
            ec2.replace_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, NatGatewayId=f"nat-{NOBODY}")


def test_a_subnet_has_one_route_table(network):
    """The same one again is no error."""
    ec2, first, second = network.ec2, network.route_table(), network.route_table()
    subnet, far = network.subnets[0], foreign_table(network)
    made = ec2.associate_route_table(RouteTableId=first, SubnetId=subnet)["AssociationId"]
    with untouched(ec2.describe_route_tables):
        with refused("Resource.AlreadyAssociated", f"route table {second} conflicts with an existing association"):
            ec2.associate_route_table(RouteTableId=second, SubnetId=subnet)
        with refused("InvalidParameterValue", f"subnet {subnet} belong to different networks"):
            ec2.associate_route_table(RouteTableId=far, SubnetId=subnet)
        assert ec2.associate_route_table(RouteTableId=first, SubnetId=subnet)["AssociationId"] == made


def test_endpoints_that_are_not_made(network):
    """Of a service that there is not, of another region's, in no VPC."""
    ec2 = network.ec2
    service = "com.amazonaws.us-west-2.s3"
    with untouched(ec2.describe_vpc_endpoints, ec2.describe_route_tables):
        for name in ("com.amazonaws.us-west-2.bogus", "com.amazonaws.us-east-1.s3"):
            with refused("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist"):
                ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=name, VpcEndpointType="Gateway")
            with refused("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist"):
                ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=name, VpcEndpointType="Interface")
        with refused("InvalidVpcId.NotFound", f"vpc-{NOBODY}"):
            ec2.create_vpc_endpoint(VpcId=f"vpc-{NOBODY}", ServiceName=service, VpcEndpointType="Gateway")
        with refused("InvalidRouteTableID.NotFound"):
            ec2.create_vpc_endpoint(VpcId=network.vpc, ServiceName=service, RouteTableIds=[f"rtb-{NOBODY}"])


def test_an_interface_endpoint_is_of_a_service_that_there_is(network):
    """Of any that AWS has, not of those alone that have a gateway."""
    asked = {"VpcId": network.vpc, "VpcEndpointType": "Interface", "SubnetIds": network.subnets[:1]}
    for service in ("ssm", "secretsmanager", "logs", "ec2messages", "codedeploy", "ecr.api", "s3"):
        name = f"com.amazonaws.us-west-2.{service}"
        made = network.ec2.create_vpc_endpoint(**asked, ServiceName=name)["VpcEndpoint"]
        assert made["ServiceName"] == name


def test_an_interface_in_use_stays(network):
    """Of an instance and of a NAT gateway; one that is free goes."""
    ec2 = network.ec2
    free = ec2.create_network_interface(SubnetId=network.subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    network.instance()
    network.nat_gateway()
    used = {one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]} - {free}
    assert len(used) == 2
    with untouched(ec2.describe_network_interfaces):
        for interface in used:
            with refused("InvalidParameterValue", f"Network interface '{interface}' is currently in use."):
                ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_network_interface(NetworkInterfaceId=free)
    assert {one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]} == used


def test_a_flow_log_is_made_once(network):
    """Of the same traffic to the same place."""
    bucket = "flow"
    network.aws.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=network.here)
    asked = {
        "ResourceIds": [network.vpc],
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogDestinationType": "s3",
        "LogDestination": f"arn:aws:s3:::{bucket}",
    }
    network.ec2.create_flow_logs(**asked)
    with untouched(network.ec2.describe_flow_logs), refused("FlowLogAlreadyExists", "There is an existing Flow Log"):
        network.ec2.create_flow_logs(**asked)


def test_keys_and_tags_that_are_not_taken(network):
    """A name twice, a key that is none, a tag that is AWS's."""
    ec2 = network.ec2
    ec2.create_key_pair(KeyName="app")
    with untouched(ec2.describe_key_pairs, ec2.describe_vpcs):
        with refused("InvalidKeyPair.Duplicate"):
            ec2.create_key_pair(KeyName="app")
        with refused("InvalidKey.Format", "OpenSSH"):
            ec2.import_key_pair(KeyName="other", PublicKeyMaterial=b"none")
        with refused("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"):
            ec2.create_tags(Resources=[network.vpc], Tags=[{"Key": "aws:name", "Value": "mine"}])
        wrong = [
            ({"k" * 129: "v"}, "InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters"),
            ({"k": "v" * 257}, "InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters"),
            ({f"k{number}": "v" for number in range(51)}, "TagLimitExceeded", ""),
        ]
        for tags, code, words in wrong:
            specified = tagged("vpc", **tags)
            with refused(code, words):
                ec2.create_tags(Resources=[network.vpc], Tags=specified[0]["Tags"])
            with refused(code, words):
                ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=specified)
    ec2.create_tags(Resources=[network.vpc], Tags=[{"Key": "k" * 128, "Value": "v" * 256}])


def test_filters_are_those_that_there_are(network):
    """One that EC2 has not is refused, one that only the emulator lacks is said to be missing."""
    ec2 = network.ec2
    for name in ("Bogus", "boGus", "VpcId"):
        with refused("InvalidParameterValue", f"The filter '{name}' is invalid"):
            ec2.describe_vpcs(Filters=[{"Name": name, "Values": ["x"]}])
    older = [{"Name": "cidrBlock", "Values": ["10.0.1.0/24"]}]
    assert [found["SubnetId"] for found in ec2.describe_subnets(Filters=older)["Subnets"]] == network.subnets[1:]
    filtered = [{"Name": "bogus", "Values": ["x"]}]
    for listing in (
        *(ec2.describe_vpcs, ec2.describe_subnets, ec2.describe_instances, ec2.describe_security_groups),
        *(ec2.describe_addresses, ec2.describe_images, ec2.describe_route_tables, ec2.describe_internet_gateways),
    ):
        with refused("InvalidParameterValue", "The filter 'bogus' is invalid"):
            listing(Filters=filtered)
    with refused("InvalidParameterValue", "The filter 'bogus' is invalid"):
        ec2.describe_nat_gateways(Filter=filtered)
    with refused("NotSupportedLocally", "ec2:DescribeVpcs is not supported in the local environment"):
        ec2.describe_vpcs(Filters=[{"Name": "ipv6-cidr-block-association.ipv6-pool", "Values": ["x"]}])
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:env", "Values": ["test"]}, {"Name": "tag-key", "Values": ["env"]}])
    assert [vpc["VpcId"] for vpc in found["Vpcs"]] == [network.vpc]
