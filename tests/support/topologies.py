"""Topologies to draw: one as the runbook builds it, and any that an account may hold."""

from __future__ import annotations

from hypothesis import strategies as st

from runbook_lib.evidence.topology.model import EgressRule, Group, Network, Node, Rule, Subnet, Topology

AT = "2026-11-24T08:00:00+00:00"
GROUPS = {"alb": "Load balancer", "bastion": "Bastion", "web": "Web servers", "db": "Database"}
RULES = (
    ("alb", "80", "0.0.0.0/0"),
    ("alb", "443", "0.0.0.0/0"),
    ("bastion", "22", "203.0.113.0/24"),
    ("web", "8080", "sg-alb"),
    ("web", "22", "sg-bastion"),
    ("db", "3306", "sg-web"),
)


def environment(zones="ab", servers=2):
    """A whole environment in these zones; the servers are spread over them."""
    nodes = [
        Node(kind="NAT gateway", name="a", id="nat-0", notes=("available",), subnet="subnet-public-a"),
        instance(0, "a", "bastion", subnet="subnet-public-a", name="bastion"),
        Node(
            kind="Database", name="database", id="test-database", notes=("available", "mysql 8.4.6"), zone="r-1a",
            subnet="subnet-private-a", groups=("sg-db",),
        ),
    ]  # fmt: skip
    for zone in zones:
        place = {"subnet": f"subnet-public-{zone}", "zone": f"r-1{zone}"}
        balancer = {"kind": "Load balancer", "name": "web", "id": "test-web", "groups": ("sg-alb",)}
        nodes.append(Node(**balancer, **place, notes=("active", "internet-facing")))
    nodes += [instance(n + 1, zones[n % len(zones)], "web") for n in range(servers)]
    return topology_of(
        subnets=[subnet(zone, public) for zone in zones for public in (True, False)],
        nodes=nodes,
        groups=[Group(id=f"sg-{name}", name=name, description=description) for name, description in GROUPS.items()],
        rules=[Rule(group=f"sg-{group}", ports=ports, source=source) for group, ports, source in RULES],
    )


def topology_of(**parts):
    network = Network(
        id="vpc-1", name="main", cidr="10.0.0.0/16", gateways=("Internet gateway igw-1",),
        **{name: tuple(values) for name, values in parts.items()},
    )  # fmt: skip
    return Topology(env="test", account="123456789012", region="r-1", at=AT, networks=(network,))


def subnet(zone, public, **more):
    kind = "public" if public else "private"
    default_route = "the internet gateway" if public else "NAT a"
    known = {"id": f"subnet-{kind}-{zone}", "name": f"{kind}-r-1{zone}", "zone": f"r-1{zone}", "cidr": "10.0.0.0/20"}
    return Subnet(**{**known, "default_route": default_route, "public": public, **more})


def instance(number, zone, group, **more):
    known = {"kind": "Instance", "name": group, "id": f"i-{number:017x}", "notes": ("running", "t4g.small")}
    place = {"subnet": f"subnet-private-{zone}", "zone": f"r-1{zone}", "groups": (f"sg-{group}",)}
    return Node(**{**known, **place, **more})


NAMES = st.one_of(st.text(max_size=60), st.sampled_from(["", "web", "a-very-long-name-" * 5, "<b>&amp;</b>", "数据库"]))
ZONES = [f"r-1{zone}" for zone in "abcd"]
OWN = [f"sg-{n}" for n in range(5)]
SOURCES = [
    *OWN,
    "0.0.0.0/0",
    "::/0",
    "203.0.113.0/24",
    "198.51.100.0/24",
    "10.0.0.0/8",
    "pl-1",
    "sg-of-another-network",
]


@st.composite
def networks(draw, number=0):
    subnets = draw(
        st.lists(
            st.builds(
                Subnet, id=st.sampled_from([f"subnet-{n}" for n in range(9)]), name=NAMES, zone=st.sampled_from(ZONES),
                cidr=st.sampled_from(["10.0.0.0/20", "10.255.255.128/28"]), default_route=NAMES, public=st.booleans(),
                ours=st.booleans(),
            ),
            max_size=9, unique_by=lambda subnet: subnet.id,
        )
    )  # fmt: skip
    kinds = ["Load balancer", "NAT gateway", "Instance", "Database", "Standby", "Cache", "Endpoint"]
    nodes = draw(
        st.lists(
            st.builds(
                Node, kind=st.sampled_from(kinds), name=NAMES, id=NAMES, notes=st.tuples(NAMES, NAMES),
                address=st.one_of(st.just(""), NAMES),
                subnet=st.sampled_from(["", "subnet-gone", *(s.id for s in subnets)]),
                zone=st.sampled_from(["", *ZONES]), ours=st.booleans(),
                groups=st.lists(st.sampled_from([*OWN, "sg-of-another-network"]), max_size=3, unique=True).map(tuple),
            ),
            max_size=14,
        )
    )  # fmt: skip
    groups = [Group(id=own, name=draw(NAMES), description=draw(NAMES), ours=draw(st.booleans())) for own in OWN]
    rules = st.builds(
        Rule, group=st.sampled_from(OWN), ports=st.sampled_from(["80", "443", "udp 53", "everything", "1000–2000"]),
        source=st.sampled_from(SOURCES),
    )  # fmt: skip
    egress_rules = st.builds(
        EgressRule, group=st.sampled_from(OWN), ports=st.sampled_from(["80", "443", "everything", "500–1500"]),
        target=st.sampled_from(SOURCES),
    )  # fmt: skip
    gateways = draw(st.lists(NAMES, max_size=4))
    own = f"-{number}"
    return Network(
        id=f"vpc{own}", name=draw(NAMES), cidr="10.0.0.0/16", gateways=tuple(gateways), subnets=tuple(subnets),
        nodes=tuple(nodes), groups=tuple(groups), rules=tuple(draw(st.lists(rules, max_size=12))),
        egress_rules=draw(st.none() | st.lists(egress_rules, max_size=8).map(tuple)),
    )  # fmt: skip


@st.composite
def topologies(draw):
    """Any account: no network, one, or two with groups of their own."""
    found = [draw(networks(number)) for number in range(draw(st.integers(0, 2)))]
    for number, network in enumerate(found[1:], start=1):
        found[number] = network.model_copy(
            update={
                "groups": tuple(g.model_copy(update={"id": f"{g.id}-{number}"}) for g in network.groups),
                "rules": tuple(r.model_copy(update={"group": f"{r.group}-{number}"}) for r in network.rules),
            }
        )
    return Topology(
        env=draw(NAMES), account="123456789012", region="r-1", at=draw(st.sampled_from([AT, "", "some day"])),
        networks=tuple(found), denied=tuple(draw(st.lists(NAMES, max_size=3))),
    )  # fmt: skip
