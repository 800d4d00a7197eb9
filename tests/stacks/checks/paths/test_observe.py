"""EC2's descriptions, field by field: also those that AWS leaves out."""

from ipaddress import ip_address, ip_network

import pytest

from runbook_lib.stacks.checks.paths.model import Entry, Group, Interface, Nat, Route, Rule, Subnet, Traffic
from runbook_lib.stacks.checks.paths.observe import network_of, read_network

VPC = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}
NET = ip_network


def described(**more):
    """A VPC with nothing in it but what a test names."""
    parts = dict.fromkeys(("subnets", "tables", "acls", "groups", "interfaces"), ()) | {"prefixes": {}}
    return network_of(**{"vpc": VPC} | parts | more)


def associated(block, state="associated"):
    return {"Ipv6CidrBlock": block, "Ipv6CidrBlockState": {"State": state}}


def test_what_has_no_more_than_its_id():
    """AWS may leave out whatever is empty."""
    network = described(
        subnets=[{"SubnetId": "subnet-1"}],
        tables=[{"RouteTableId": "rtb-1"}],
        acls=[{"NetworkAclId": "acl-1"}],
        groups=[{"GroupId": "sg-1"}],
        interfaces=[{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1"}],
    )
    assert network.subnets == {"subnet-1": Subnet("subnet-1", (), "", "", "")}
    assert network.interfaces == {"eni-1": Interface("eni-1", "subnet-1", (), ())}
    assert network.groups == {"sg-1": Group("sg-1")}
    assert (network.acls, network.tables) == ({"acl-1": ()}, {"rtb-1": ()})
    assert (network.names, network.nats, network.gateways) == ({"sg-1": ""}, {}, frozenset())
    assert network.tags == {"vpc-1": {}, "subnet-1": {}, "sg-1": {}}


def test_names_and_tags():
    tags = [{"Key": "Name", "Value": "web"}]
    network = described(
        vpc=VPC | {"Tags": tags},
        subnets=iter([{"SubnetId": "subnet-1", "Tags": tags}]),
        groups=[{"GroupId": "sg-1", "GroupName": "web", "Tags": tags}],
        gateways=[{"InternetGatewayId": "igw-1"}],
    )
    assert (network.id, network.names, network.gateways) == ("vpc-1", {"sg-1": "web"}, {"igw-1"})
    assert network.subnets == {"subnet-1": Subnet("subnet-1", (), "", "", "")}
    assert network.tags == {key: {"Name": "web"} for key in ("vpc-1", "subnet-1", "sg-1")}


def test_networks_are_those_that_are_associated():
    blocks = [{"CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "associated"}}, {"CidrBlock": "10.2.0.0/16"},
              {"CidrBlock": "10.3.0.0/16", "CidrBlockState": {"State": "disassociated"}},
              {"CidrBlock": "10.4.0.0/16", "CidrBlockState": {}}, {"CidrBlock": "10.0.0.0/16"}]  # fmt: skip
    six = [associated("2001:db8::/56"), associated("2001:db8:1::/56", "failing"), {"Ipv6CidrBlock": "2001:db8:2::/56"},
           {"Ipv6CidrBlockState": {"State": "associated"}}]  # fmt: skip
    vpc = VPC | {"CidrBlockAssociationSet": blocks, "Ipv6CidrBlockAssociationSet": six}
    expected = ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "10.4.0.0/16", "2001:db8::/56"]
    assert described(vpc=vpc).networks == tuple(map(NET, expected))


def test_a_subnet_has_the_tables_and_acl_that_name_it_and_else_the_main_table():
    subnets = [{"SubnetId": "subnet-1", "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-west-2a",
                "Ipv6CidrBlockAssociationSet": [associated("2001:db8::/64")]}, {"SubnetId": "subnet-2"}]  # fmt: skip
    tables = [
        {"RouteTableId": "rtb-own", "Associations": [{"Main": False, "SubnetId": "subnet-1"}]},
        {"RouteTableId": "rtb-gateway", "Associations": [{"Main": False, "GatewayId": "igw-1"}]},
        {"RouteTableId": "rtb-main", "Associations": [{"Main": True}]},
        {"RouteTableId": "rtb-none"},
    ]
    acls = [
        {"NetworkAclId": "acl-none"},
        {"NetworkAclId": "acl-1", "Associations": [{"SubnetId": "subnet-3"}, {"SubnetId": "subnet-1"}]},
        {"NetworkAclId": "acl-2", "Associations": [{}, {"SubnetId": "subnet-2"}]},
    ]
    network = described(subnets=subnets, tables=tables, acls=acls)
    one = Subnet("subnet-1", (NET("10.0.1.0/24"), NET("2001:db8::/64")), "us-west-2a", "acl-1", "rtb-own")
    assert network.subnets == {"subnet-1": one, "subnet-2": Subnet("subnet-2", (), "", "acl-2", "rtb-main")}


def interface(**more):
    """As the VPC has it; ``None`` when it does not."""
    whole = {"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1"} | more
    return described(subnets=[{"SubnetId": "subnet-1"}], interfaces=[whole]).interfaces.get("eni-1")


def test_an_interface_with_everything():
    found = interface(
        PrivateIpAddress="10.0.0.4",
        PrivateIpAddresses=[{"PrivateIpAddress": "10.0.0.4"}, {"PrivateIpAddress": "10.0.0.5"}],
        Ipv6Addresses=[{"Ipv6Address": "2001:db8::4"}], Groups=[{"GroupId": "sg-1"}, {"GroupId": "sg-2"}],
        Association={"PublicIp": "54.0.0.1"}, Attachment={"InstanceId": "i-1"}, InterfaceType="nat_gateway",
        Description="of a NAT gateway", RequesterId="amazon-elb", SourceDestCheck=False,
    )  # fmt: skip
    addresses = tuple(map(ip_address, ("10.0.0.4", "10.0.0.5", "2001:db8::4")))
    assert found == Interface(
        "eni-1", "subnet-1", addresses, ("sg-1", "sg-2"), public=True, instance="i-1", kind="nat_gateway",
        description="of a NAT gateway", requester="amazon-elb", source_dest_check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"PrivateIpAddress": "10.0.0.4"}, "addresses", (ip_address("10.0.0.4"),)),
        ({"PrivateIpAddress": "10.0.0.4", "PrivateIpAddresses": []}, "addresses", (ip_address("10.0.0.4"),)),
        ({"PrivateIpAddresses": [{}], "Ipv6Addresses": [{}]}, "addresses", ()),
        ({"PrivateIpAddresses": [{"Association": {"PublicIp": "54.0.0.1"}}]}, "public", True),
        ({"PrivateIpAddresses": [{}, {"Association": {"PublicIp": "54.0.0.1"}}]}, "public", True),
        ({"PrivateIpAddresses": [{"Association": {"IpOwnerId": "amazon"}}]}, "public", False),
        ({"Association": {}}, "public", False),
        ({"Attachment": {"InstanceOwnerId": "amazon-elb"}}, "instance", ""),
        ({"SourceDestCheck": True}, "source_dest_check", True),
        ({"SourceDestCheck": None}, "source_dest_check", True),
        ({"Groups": None, "Ipv6Addresses": None, "Attachment": None, "InterfaceType": None}, "kind", "interface"),
    ],
)
def test_an_interface_of_which_aws_tells_less(given, field, value):
    assert getattr(interface(**given), field) == value


@pytest.mark.parametrize("subnet", ["subnet-2", None])
def test_an_interface_elsewhere_is_not_in_the_network(subnet):
    assert interface(SubnetId=subnet) is None


def test_nat_gateways_are_those_that_are_not_deleted_in_subnets_of_the_vpc():
    def nat(number, state="available", subnet="subnet-1"):
        return {"NatGatewayId": f"nat-{number}", "SubnetId": subnet, "State": state}

    nats = [nat(1), nat(2, "pending"), nat(3, "deleted"), nat(4, subnet="subnet-2"),
            {"NatGatewayId": "nat-5", "State": "failed"}]  # fmt: skip
    found = described(subnets=[{"SubnetId": "subnet-1"}], nats=nats).nats
    assert found == {"nat-1": Nat("nat-1", "subnet-1"), "nat-2": Nat("nat-2", "subnet-1", "pending")}


@pytest.mark.parametrize(
    ("permission", "traffic"),
    [
        ({"IpProtocol": "-1"}, Traffic("-1")),
        ({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1}, Traffic("-1")),
        ({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 23}, Traffic("tcp", 22, 23)),
        ({"IpProtocol": "6", "FromPort": 0, "ToPort": 65535}, Traffic("tcp", 0, 65535)),
        ({"IpProtocol": "tcp"}, Traffic("tcp")),
        ({"IpProtocol": "17", "FromPort": -1, "ToPort": -1}, Traffic("udp")),
        ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}, Traffic("icmp", 8, 8)),
        ({"IpProtocol": "1", "FromPort": -1, "ToPort": -1}, Traffic("icmp")),
        ({"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": 0}, Traffic("icmpv6", 128, 128)),
        ({"IpProtocol": "58"}, Traffic("icmpv6")),
        ({"IpProtocol": "50"}, Traffic("50")),
    ],
)
def test_the_traffic_of_a_rule(permission, traffic):
    rule = permission | {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    found = described(groups=[{"GroupId": "sg-1", "IpPermissions": [rule], "IpPermissionsEgress": [rule, rule]}])
    expected = Rule(traffic, NET("10.0.0.0/8"))
    assert found.groups == {"sg-1": Group("sg-1", (expected,), (expected, expected))}


def test_each_peer_of_a_rule():
    permission = {
        "IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.1/8"}, {"CidrIp": "10.9.0.0/16"}],
        "Ipv6Ranges": [{"CidrIpv6": "2001:db8::1/64"}],
        "PrefixListIds": [{"PrefixListId": "pl-1"}, {"PrefixListId": "pl-2"}],
        "UserIdGroupPairs": [{"GroupId": "sg-2"}, {"UserId": "123456789012"}],
    }  # fmt: skip
    nothing = dict.fromkeys(("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"))
    found = described(
        groups=[{"GroupId": "sg-1", "IpPermissions": [permission, {"IpProtocol": "-1"} | nothing]}],
        prefixes={"pl-1": ["3.5.0.0/19", "3.6.0.0/19"]},
    )
    peers = [
        NET("10.0.0.0/8"),
        NET("10.9.0.0/16"),
        NET("2001:db8::/64"),
        NET("3.5.0.0/19"),
        NET("3.6.0.0/19"),
        "sg-2",
        "",
    ]
    assert [rule.peer for rule in found.groups["sg-1"].ingress] == peers


@pytest.mark.parametrize(
    ("given", "traffic"),
    [
        ({"Protocol": "-1", "PortRange": {"From": 1, "To": 2}}, Traffic("-1")),
        ({"Protocol": "all"}, Traffic("-1")),
        ({"Protocol": "6", "PortRange": {"From": 80, "To": 443}}, Traffic("tcp", 80, 443)),
        ({"Protocol": "17"}, Traffic("udp")),
        ({"Protocol": 17, "PortRange": {"From": 53, "To": 53}}, Traffic("udp", 53, 53)),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": 0}, "PortRange": {"From": 1}}, Traffic("icmp", 8, 8)),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": -1, "Code": -1}}, Traffic("icmp")),
        ({"Protocol": "58"}, Traffic("icmpv6")),
        ({"Protocol": "50", "IcmpTypeCode": {"Type": 8}}, Traffic("50")),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("egress", "action"), [(True, "allow"), (False, "deny")])
def test_an_entry_of_a_network_acl(given, traffic, egress, action):
    entry = given | {"RuleNumber": 100, "Egress": egress, "RuleAction": action, "CidrBlock": "10.0.0.1/8"}
    (found,) = described(acls=[{"NetworkAclId": "acl-1", "Entries": [entry]}]).acls["acl-1"]
    assert found == Entry(100, egress, traffic, NET("10.0.0.0/8"), action == "allow")


def test_the_entries_of_an_acl_are_in_the_order_of_their_numbers():
    entries = [{"RuleNumber": number, "Egress": False, "RuleAction": "allow", "Protocol": "-1", "Ipv6CidrBlock": "::/0"}
               for number in (32767, 9, 100)]  # fmt: skip
    found = described(acls=[{"NetworkAclId": "acl-1", "Entries": entries}]).acls["acl-1"]
    assert [(entry.number, entry.network) for entry in found] == [(n, NET("::/0")) for n in (9, 100, 32767)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"GatewayId": "local", "Origin": "CreateRouteTable"}, Route(NET("10.0.0.0/8"), "local")),
        ({"GatewayId": "vgw-1", "Origin": "EnableVgwRoutePropagation"}, Route(NET("10.0.0.0/8"), "vgw-1", rank=2)),
        ({"NatGatewayId": "nat-1", "State": "blackhole"}, Route(NET("10.0.0.0/8"), "nat-1", active=False)),
        ({"InstanceId": "i-1", "NetworkInterfaceId": "eni-1"}, Route(NET("10.0.0.0/8"), "eni-1")),
        ({"GatewayId": "", "InstanceId": "i-1"}, Route(NET("10.0.0.0/8"), "i-1")),
        ({"EgressOnlyInternetGatewayId": "eigw-1"}, Route(NET("10.0.0.0/8"), "eigw-1")),
        ({"TransitGatewayId": "tgw-1"}, Route(NET("10.0.0.0/8"), "tgw-1")),
        ({"VpcPeeringConnectionId": "pcx-1"}, Route(NET("10.0.0.0/8"), "pcx-1")),
        ({"LocalGatewayId": "lgw-1"}, Route(NET("10.0.0.0/8"), "lgw-1")),
        ({"CarrierGatewayId": "cagw-1"}, Route(NET("10.0.0.0/8"), "cagw-1")),
        ({"CoreNetworkArn": "arn:1"}, Route(NET("10.0.0.0/8"), "arn:1")),
        ({}, Route(NET("10.0.0.0/8"), "")),
    ],
)
def test_a_route(given, expected):
    table = {"RouteTableId": "rtb-1", "Routes": [given | {"DestinationCidrBlock": "10.0.0.0/8"}]}
    assert described(tables=[table]).tables == {"rtb-1": (expected,)}


def test_a_route_to_a_prefix_list_is_one_to_each_of_its_networks():
    routes = [{"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}, {"DestinationIpv6CidrBlock": "::/0"},
              {"DestinationPrefixListId": "pl-2", "GatewayId": "vpce-2"}]  # fmt: skip
    network = described(
        tables=[{"RouteTableId": "rtb-1", "Routes": routes}], prefixes={"pl-1": ["3.5.0.0/19", "3.6.0.0/19"]}
    )
    listed = [Route(NET(block), "vpce-1", rank=1) for block in ("3.5.0.0/19", "3.6.0.0/19")]
    assert network.tables["rtb-1"] == (*listed, Route(NET("::/0"), ""))


class Answers:
    """Answers the lists of EC2, and keeps what it was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def all(self, service, operation, result, **request):
        self.asked.append((service, operation, result, request))
        return self.answers.get(operation, [])


def test_each_kind_of_component_is_asked_for_once_and_each_prefix_list():
    """Also a list that only a route, or only a rule for what leaves, names."""

    def rules(*lists):
        return [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": name} for name in lists]}]

    aws = Answers(
        describe_security_groups=[
            {"GroupId": "sg-1", "IpPermissions": rules("pl-1"), "IpPermissionsEgress": rules("pl-2", "pl-3")},
            {"GroupId": "sg-2", "IpPermissions": [{"IpProtocol": "-1"}], "IpPermissionsEgress": rules("pl-1")},
        ],
        describe_route_tables=[
            {"RouteTableId": "rtb-1", "Routes": [{"DestinationPrefixListId": "pl-4"}, {"GatewayId": "local"}]}
        ],
        describe_subnets=[{"SubnetId": "subnet-1"}],
        describe_network_acls=[{"NetworkAclId": "acl-1"}],
        describe_network_interfaces=[{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1"}],
        describe_nat_gateways=[{"NatGatewayId": "nat-1", "SubnetId": "subnet-1", "State": "available"}],
        describe_internet_gateways=[{"InternetGatewayId": "igw-1"}],
        get_managed_prefix_list_entries=[{"Cidr": "3.5.0.0/19"}],
    )
    network = read_network(aws, VPC)
    within, attached = ([{"Name": f"{name}vpc-id", "Values": ["vpc-1"]}] for name in ("", "attachment."))
    assert {service for service, *_ in aws.asked} == {"ec2"}
    asked = {(operation, result): request for _, operation, result, request in aws.asked if result != "Entries"}
    assert asked == {
        ("describe_security_groups", "SecurityGroups"): {"Filters": within},
        ("describe_route_tables", "RouteTables"): {"Filters": within},
        ("describe_subnets", "Subnets"): {"Filters": within},
        ("describe_network_acls", "NetworkAcls"): {"Filters": within},
        ("describe_network_interfaces", "NetworkInterfaces"): {"Filters": within},
        ("describe_nat_gateways", "NatGateways"): {"Filter": within},
        ("describe_internet_gateways", "InternetGateways"): {"Filters": attached},
    }
    lists = [("ec2", "get_managed_prefix_list_entries", "Entries", {"PrefixListId": f"pl-{n}"}) for n in range(1, 5)]
    assert aws.asked[-4:] == lists
    assert len(aws.asked) == 11
    assert [*network.interfaces, *network.nats, *network.gateways, *network.acls] == [
        "eni-1",
        "nat-1",
        "igw-1",
        "acl-1",
    ]
    assert network.tables["rtb-1"][0] == Route(NET("3.5.0.0/19"), "", rank=1)
    assert [rule.peer for rule in network.groups["sg-1"].egress] == [NET("3.5.0.0/19")] * 2
