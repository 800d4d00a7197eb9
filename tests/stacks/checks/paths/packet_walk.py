"""Carries single packets through EC2's descriptions of a VPC, one after the other, and their replies back.

It shares nothing with what it is compared to: addresses are bits, and every port and every rule is tried.
"""

import socket
from ipaddress import ip_address

PROTOCOLS = {"6": "tcp", "17": "udp"}


def bits(address):
    """The address as a text of zeros and ones."""
    six = ":" in address
    raw = socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, address)
    return "".join(f"{byte:08b}" for byte in raw)


def inside(address, block):
    network, _, length = block.partition("/")
    same_version = (":" in address) == (":" in network)
    return same_version and bits(address)[: int(length)] == bits(network)[: int(length)]


class Lost(Exception):
    pass


class Walk:
    """One VPC; `connects` says whether a connection gets its answer."""

    def __init__(self, world):
        self.world = world
        self.subnet_of = {e["NetworkInterfaceId"]: e["SubnetId"] for e in world["interfaces"]}
        self.interface = {e["NetworkInterfaceId"]: e for e in world["interfaces"]}

    def outcomes(self, source, destination, port, protocol, source_ports):
        """Whether each packet that could be sent gets its answer; an end is the id of an interface, or an address."""
        for start in self.addresses(source):
            for end in self.addresses(destination):
                if (":" in start) == (":" in end):
                    for number in source_ports:
                        yield self.connects(source, destination, (protocol, start, number, end, port))

    def addresses(self, end):
        if end not in self.interface:
            return [end]
        item = self.interface[end]
        return [each["PrivateIpAddress"] for each in item["PrivateIpAddresses"]] + [
            each["Ipv6Address"] for each in item.get("Ipv6Addresses", [])
        ]

    def connects(self, source, destination, packet):
        protocol, start, number, end, port = packet
        answer = (protocol, end, port, start, number)
        try:
            self.request(source, destination, packet)
            self.answer(source, destination, answer)
        except Lost:
            return False
        return True

    def request(self, source, destination, packet):
        if source in self.interface and destination in self.interface:
            self.leave(source, packet, destination)
            self.between(self.subnet_of[source], self.subnet_of[destination], packet)
            self.enter(destination, packet, source)
        elif source in self.interface:
            self.leave(source, packet, None)
            self.out(source, packet)
        else:
            self.into(destination, packet)
            self.enter(destination, packet, None)

    def answer(self, source, destination, packet):
        """Security groups know the connection; nothing else does."""
        if source in self.interface and destination in self.interface:
            self.between(self.subnet_of[destination], self.subnet_of[source], packet)
        elif source in self.interface:
            target = self.target(self.subnet_of[source], packet[1])
            if "NatGatewayId" in target:
                nat = self.world["nats"][0]["SubnetId"]
                self.acl(nat, packet, False)
                if nat != self.subnet_of[source]:
                    self.acl(nat, packet, True)
                    self.acl(self.subnet_of[source], packet, False)
                elif nat == self.subnet_of[source]:
                    self.acl(self.subnet_of[source], packet, False)
            else:
                self.acl(self.subnet_of[source], packet, False)
        else:
            self.acl(self.subnet_of[destination], packet, True)

    def between(self, first, second, packet):
        if first == second:
            return
        self.acl(first, packet, True)
        if self.target(first, packet[3]).get("GatewayId") != "local":
            raise Lost
        self.acl(second, packet, False)

    def out(self, source, packet):
        own = self.subnet_of[source]
        self.acl(own, packet, True)
        target = self.target(own, packet[3])
        if "NatGatewayId" in target:
            nat = self.world["nats"][0]
            if nat["State"] != "available" or ":" in packet[3]:
                raise Lost
            if nat["SubnetId"] != own:
                self.acl(nat["SubnetId"], packet, False)
            self.acl(nat["SubnetId"], packet, True)
            onward = self.target(nat["SubnetId"], packet[3])
            if not onward.get("GatewayId", "").startswith("igw-"):
                raise Lost
            self.internet_gateway(onward["GatewayId"], packet[3])
        elif target.get("GatewayId", "").startswith("igw-"):
            self.internet_gateway(target["GatewayId"], packet[3])
            if ":" not in packet[3] and "Association" not in self.interface[source]:
                raise Lost
        elif "NetworkInterfaceId" in target:
            if self.interface[target["NetworkInterfaceId"]]["SourceDestCheck"]:
                raise Lost
        elif target.get("GatewayId") == "local":
            raise Lost

    def into(self, destination, packet):
        own = self.subnet_of[destination]
        target = self.target(own, packet[1])
        name = target.get("GatewayId", target.get("VpcPeeringConnectionId", ""))
        if name.startswith("igw-"):
            self.internet_gateway(name, packet[1])
            if ":" not in packet[1] and "Association" not in self.interface[destination]:
                raise Lost
        elif not name.startswith(("vgw-", "pcx-")):
            raise Lost
        self.acl(own, packet, False)

    def internet_gateway(self, name, other):
        if name not in [each["InternetGatewayId"] for each in self.world["gateways"]]:
            raise Lost
        if ":" not in other and ip_address(other) in PRIVATE:
            raise Lost

    def leave(self, interface, packet, peer):
        self.groups(interface, "IpPermissionsEgress", packet, packet[3], peer)

    def enter(self, interface, packet, peer):
        self.groups(interface, "IpPermissions", packet, packet[1], peer)

    def groups(self, interface, field, packet, address, peer):
        own = {group["GroupId"] for group in self.interface[interface]["Groups"]}
        others = {group["GroupId"] for group in self.interface[peer]["Groups"]} if peer else set()
        for group in self.world["groups"]:
            if group["GroupId"] in own:
                for rule in group[field]:
                    if self.covers(rule, packet) and self.names(rule, address, others):
                        return
        raise Lost

    def covers(self, rule, packet):
        protocol = PROTOCOLS.get(rule["IpProtocol"], rule["IpProtocol"])
        if protocol == "-1":
            return True
        return protocol == packet[0] and packet[4] in range(rule["FromPort"], rule["ToPort"] + 1)

    def names(self, rule, address, others):
        blocks = [each["CidrIp"] for each in rule.get("IpRanges", [])]
        blocks += [each["CidrIpv6"] for each in rule.get("Ipv6Ranges", [])]
        for each in rule.get("PrefixListIds", []):
            blocks += self.world["prefixes"][each["PrefixListId"]]
        pairs = {each["GroupId"] for each in rule.get("UserIdGroupPairs", [])}
        return bool(pairs & others) or any(inside(address, block) for block in blocks)

    def acl(self, subnet, packet, egress):
        (acl,) = [a for a in self.world["acls"] if {"SubnetId": subnet} in a["Associations"]]
        other = packet[3] if egress else packet[1]
        for number in sorted({entry["RuleNumber"] for entry in acl["Entries"]}):
            for entry in acl["Entries"]:
                if (entry["RuleNumber"], entry["Egress"]) != (number, egress):
                    continue
                if not inside(other, entry.get("CidrBlock") or entry["Ipv6CidrBlock"]):
                    continue
                protocol = PROTOCOLS.get(entry["Protocol"], entry["Protocol"])
                ports = entry.get("PortRange", {"From": 0, "To": 65535})
                if protocol == "-1" or (protocol == packet[0] and ports["From"] <= packet[4] <= ports["To"]):
                    if entry["RuleAction"] == "allow":
                        return
                    raise Lost
        raise Lost

    def target(self, subnet, address):
        main, own = None, None
        for table in self.world["tables"]:
            for association in table["Associations"]:
                main = table if association.get("Main") else main
                own = table if association.get("SubnetId") == subnet else own
        for length in range(128 if ":" in address else 32, -1, -1):
            for propagated, listed in ((False, False), (False, True), (True, False)):
                for route in (own or main)["Routes"]:
                    is_listed = "DestinationPrefixListId" in route
                    if (route["Origin"] == "EnableVgwRoutePropagation", is_listed) != (propagated, listed):
                        continue
                    for block in self.blocks(route):
                        if int(block.partition("/")[2]) == length and inside(address, block):
                            if route["State"] == "blackhole":
                                raise Lost
                            return route
        raise Lost

    def blocks(self, route):
        if "DestinationPrefixListId" in route:
            return self.world["prefixes"][route["DestinationPrefixListId"]]
        return [route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]]


class _Private:
    """The addresses of RFC 1918 and RFC 6598."""

    def __contains__(self, address):
        return any(inside(str(address), b) for b in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))


PRIVATE = _Private()
