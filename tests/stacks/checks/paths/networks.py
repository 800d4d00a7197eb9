"""Networks as EC2 describes them, drawn at random: small, and full of rules that overlap and contradict each other."""

from ipaddress import ip_network

SOURCE_PORTS = range(1024, 1030)
PORTS = (22, 80, 1026)
V4, V6 = "10.0.0.0/24", "2001:db8::/56"
BLOCKS = ("0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/26", "10.0.0.64/26", "10.0.0.4/32", "8.8.0.0/16", "8.8.8.8/32",
          "192.168.0.0/16")  # fmt: skip
BLOCKS6 = ("::/0", "2001:db8::/56", "2001:db8::/64", "2001:db8:0:1::/64", "2001:db8::4/128", "2600::/16")
OUTSIDE = ("8.8.8.8", "8.8.4.4", "192.168.1.1", "100.64.0.1", "2600::1", "2a00::1")
GROUPS = ("sg-0", "sg-1", "sg-2", "sg-elsewhere")


def draw_network(rng):
    """All descriptions of one VPC, as `network_of` takes them."""
    prefixes = {"pl-0": rng.sample(BLOCKS, 2), "pl-1": rng.sample(BLOCKS6, 1), "pl-2": []}
    subnets = [draw_subnet(number) for number in range(rng.choice((1, 2, 3)))]
    tables = [_table(rng, number, subnets) for number in range(3)]
    tables[0]["Associations"] = [{"Main": True}]
    acls = [_acl(rng, number) for number in range(2)]
    for subnet in subnets:
        acls[rng.randrange(2)]["Associations"].append({"SubnetId": subnet["SubnetId"]})
        if table := rng.randrange(3):
            tables[table]["Associations"].append({"Main": False, "SubnetId": subnet["SubnetId"]})
    return {
        "vpc": {"VpcId": "vpc-0", "CidrBlock": V4, "Ipv6CidrBlockAssociationSet": [
            {"Ipv6CidrBlock": V6, "Ipv6CidrBlockState": {"State": "associated"}}]},
        "subnets": subnets, "tables": tables, "acls": acls,
        "groups": [{"GroupId": name, "GroupName": name, "IpPermissions": _permissions(rng),
                    "IpPermissionsEgress": _permissions(rng)} for name in GROUPS[:3]],
        "interfaces": [_interface(rng, number, subnets) for number in range(4)],
        "nats": [{"NatGatewayId": "nat-0", "SubnetId": rng.choice(subnets)["SubnetId"],
                  "State": rng.choice(("available", "available", "pending", "deleted"))}],
        "gateways": [{"InternetGatewayId": "igw-0"}] if rng.random() < 0.85 else [],
        "prefixes": prefixes,
    }  # fmt: skip


def draw_subnet(number):
    v4 = list(ip_network(V4).subnets(new_prefix=26))[number]
    v6 = list(ip_network(V6).subnets(new_prefix=64))[number]
    inside = [{"Ipv6CidrBlock": str(v6), "Ipv6CidrBlockState": {"State": "associated"}}]
    return {"SubnetId": f"subnet-{number}", "CidrBlock": str(v4), "AvailabilityZone": "us-west-2a",
            "Ipv6CidrBlockAssociationSet": inside}  # fmt: skip


def _interface(rng, number, subnets):
    subnet = rng.choice(subnets)
    v4 = ip_network(subnet["CidrBlock"])[4 + number]
    v6 = ip_network(subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])[4 + number]
    item = {"NetworkInterfaceId": f"eni-{number}", "SubnetId": subnet["SubnetId"],
            "SourceDestCheck": rng.random() < 0.5, "PrivateIpAddresses": [{"PrivateIpAddress": str(v4)}],
            "Groups": [{"GroupId": name} for name in rng.sample(GROUPS[:3], rng.choice((1, 1, 2)))]}  # fmt: skip
    if rng.random() < 0.4:
        item["Ipv6Addresses"] = [{"Ipv6Address": str(v6)}]
    if rng.random() < 0.5:
        item["Association"] = {"PublicIp": f"54.0.0.{number}"}
    return item


def _table(rng, number, subnets):
    routes = [
        {"DestinationCidrBlock": V4, "GatewayId": "local", "State": "active", "Origin": "CreateRouteTable"},
        {"DestinationIpv6CidrBlock": V6, "GatewayId": "local", "State": "active", "Origin": "CreateRouteTable"},
    ]
    targets = ({"GatewayId": "igw-0"}, {"GatewayId": "igw-0"}, {"NatGatewayId": "nat-0"}, {"GatewayId": "vgw-0"},
               {"VpcPeeringConnectionId": "pcx-0"}, {"NetworkInterfaceId": "eni-0"}, {"GatewayId": "vpce-0"},
               {"EgressOnlyInternetGatewayId": "eigw-0"}, {"GatewayId": "igw-gone"})  # fmt: skip
    fields = [("DestinationCidrBlock", block) for block in ("0.0.0.0/0", "0.0.0.0/0", "8.8.0.0/16", "10.0.0.64/26")]
    fields += [("DestinationIpv6CidrBlock", "::/0"), ("DestinationIpv6CidrBlock", "2600::/16")]
    fields += [("DestinationPrefixListId", "pl-0"), ("DestinationPrefixListId", "pl-1")]
    for name, block in dict.fromkeys(rng.sample(fields, rng.randint(1, 4))):
        state = "blackhole" if rng.random() < 0.15 else "active"
        routes.append({name: block, "State": state, "Origin": "CreateRoute"} | rng.choice(targets))
    if rng.random() < 0.2:
        routes.append({"DestinationCidrBlock": "8.8.0.0/16", "State": "active", "GatewayId": "vgw-0",
                       "Origin": "EnableVgwRoutePropagation"})  # fmt: skip
    rng.shuffle(routes)
    return {"RouteTableId": f"rtb-{number}", "Associations": [], "Routes": routes}


def _acl(rng, number):
    entries = []
    for egress in (False, True):
        for rule in rng.sample(range(1, 100), rng.choice((0, 0, 1, 2, 4))):
            entries.append(_entry(rng, rule, egress))
        if rng.random() < 0.8:
            entries.append({"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "CidrBlock": "0.0.0.0/0",
                            "RuleAction": "allow"})  # fmt: skip
            entries.append({"RuleNumber": 101, "Egress": egress, "Protocol": "-1", "Ipv6CidrBlock": "::/0",
                            "RuleAction": "allow"})  # fmt: skip
        entries.append({"RuleNumber": 32767, "Egress": egress, "Protocol": "-1", "CidrBlock": "0.0.0.0/0",
                        "RuleAction": "deny"})  # fmt: skip
    rng.shuffle(entries)
    return {"NetworkAclId": f"acl-{number}", "Associations": [], "Entries": entries}


def _entry(rng, number, egress):
    protocol = rng.choice(("-1", "6", "6", "17"))
    six = rng.random() < 0.3
    entry = {"RuleNumber": number, "Egress": egress, "Protocol": protocol, "RuleAction": rng.choice(("allow", "deny")),
             "Ipv6CidrBlock" if six else "CidrBlock": rng.choice(BLOCKS6 if six else BLOCKS)}  # fmt: skip
    if protocol != "-1":
        low, high = _range(rng)
        entry["PortRange"] = {"From": low, "To": high}
    return entry


def _permissions(rng):
    anywhere = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    found = [{"IpProtocol": "-1", **anywhere}] if rng.random() < 0.4 else []
    for _ in range(rng.randint(0, 3)):
        protocol = rng.choice(("-1", "tcp", "tcp", "udp", "6", "50"))
        one = {"IpProtocol": protocol}
        if protocol in ("tcp", "udp", "6"):
            one["FromPort"], one["ToPort"] = _range(rng)
        peer = rng.randrange(5)
        if peer == 0:
            one["IpRanges"] = [{"CidrIp": rng.choice(BLOCKS)}]
        elif peer == 1:
            one["Ipv6Ranges"] = [{"CidrIpv6": rng.choice(BLOCKS6)}]
        elif peer == 2:
            one["PrefixListIds"] = [{"PrefixListId": rng.choice(("pl-0", "pl-1", "pl-2"))}]
        elif peer == 3:
            one["UserIdGroupPairs"] = [{"GroupId": rng.choice(GROUPS)}]
        else:
            one |= anywhere
        found.append(one)
    return found


def _range(rng):
    low = rng.choice((0, 22, 80, 1024, 1026, 1027))
    return low, max(low, rng.choice((22, 80, 1025, 1026, 1028, 65535)))
