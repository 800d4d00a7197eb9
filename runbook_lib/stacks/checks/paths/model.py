"""A VPC as AWS describes it, reduced to what decides on connections.  No clock, no network, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

ANY = "-1"
"""Every protocol, as EC2 writes it."""
TCP, UDP = "tcp", "udp"
EPHEMERAL = range(1024, 65536)
"""The ports that clients, load balancers and NAT gateways use for their end of a connection.

https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
"""

LINUX = range(32768, 61000)
"""The ports from which Linux connects, by default.

https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
"""


@dataclass(frozen=True)
class Traffic:
    """A protocol with a range of ports, for ICMP of types; ``None`` for all."""

    protocol: str
    low: int | None = None
    high: int | None = None

    def matches(self, protocol: str, port: int) -> bool:
        """Whether a packet of the protocol to the port is part of it."""
        if self.protocol == ANY:
            return True
        if self.protocol != protocol:
            return False
        return self.low is None or self.low <= port <= (self.low if self.high is None else self.high)


@dataclass(frozen=True)
class Rule:
    """A rule of a security group, for one peer: a network, or the members of a group."""

    traffic: Traffic
    peer: IpNetwork | str


@dataclass(frozen=True)
class Group:
    """A security group; its rules only allow."""

    id: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Entry:
    """An entry of a network ACL; the entry with the lowest number that matches decides."""

    number: int
    egress: bool
    traffic: Traffic
    network: IpNetwork
    allow: bool


@dataclass(frozen=True)
class Route:
    """A route to one network.

    Args:
        rank: Which of several routes to the same network counts: the lowest.
    """

    network: IpNetwork
    target: str
    active: bool = True
    rank: int = 0


@dataclass(frozen=True)
class Subnet:
    """A subnet with its network ACL and its route table; an empty id where AWS shows none."""

    id: str
    networks: tuple[IpNetwork, ...]
    zone: str
    acl: str
    table: str


@dataclass(frozen=True)
class Interface:
    """A network interface, or a place where one could be.

    Args:
        groups: Its security groups; ``None`` for what is subject to none.
        public: Whether it has a public IPv4 address.
        instance: The EC2 instance that it is attached to.
        kind: AWS's interface type, e.g. ``nat_gateway``.
    """

    id: str
    subnet: str
    addresses: tuple[Address, ...]
    groups: tuple[str, ...] | None
    public: bool = False
    instance: str = ""
    kind: str = "interface"
    description: str = ""
    requester: str = ""
    source_dest_check: bool = True


@dataclass(frozen=True)
class Outside:
    """An address that is not in the VPC: on the internet, or behind a peering connection, VPN or transit gateway."""

    address: Address

    @property
    def id(self) -> str:
        """The address as text."""
        return str(self.address)


@dataclass(frozen=True)
class Nat:
    """A NAT gateway."""

    id: str
    subnet: str
    state: str = "available"


@dataclass(frozen=True, eq=False)
class Network:
    """A VPC.

    Args:
        acls: The entries of each network ACL, in the order of their numbers.
        gateways: The internet gateways that are attached to it.
        names: The names of the security groups.
        tags: Those of the VPC, of its subnets and security groups, by their ids.
    """

    id: str
    networks: tuple[IpNetwork, ...]
    subnets: Mapping[str, Subnet]
    groups: Mapping[str, Group]
    acls: Mapping[str, tuple[Entry, ...]]
    tables: Mapping[str, tuple[Route, ...]]
    interfaces: Mapping[str, Interface]
    nats: Mapping[str, Nat] = field(default_factory=dict)
    gateways: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def contains(self, address: Address) -> bool:
        """Whether the VPC has the address."""
        return any(address in network for network in self.networks)

    def route(self, subnet: str, address: Address) -> Route | None:
        """The route that a subnet uses for an address: the longest prefix, also where it leads nowhere.

        https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
        """
        matching = [route for route in self.tables.get(self.subnets[subnet].table, ()) if address in route.network]
        return min(matching, key=lambda route: (-route.network.prefixlen, route.rank), default=None)

    def is_public(self, subnet: str) -> bool:
        """Whether a route of the subnet leads directly to an internet gateway."""
        routes = self.tables.get(self.subnets[subnet].table, ())
        return any(route.target in self.gateways and route.active for route in routes)
