"""The drawing of a topology shows everything in it and nothing else, and stays readable, whatever that is."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import RequestRejected
from runbook_lib.evidence.topology import Topology, discover, draw_topology
from runbook_lib.evidence.topology.connectivity import derive_connectivity, order_groups
from runbook_lib.evidence.topology.lanes import assign_lanes
from runbook_lib.evidence.topology.model import EgressRule, Group, Network, Rule
from runbook_lib.resources.traffic import Ports
from tests.support.drawings import NS, are_apart, groups, is_within, overflowing_texts, overlaps, parse
from tests.support.topologies import environment, instance, subnet, topologies, topology_of

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def assert_tidy(svg):
    """Assert that boxes overlap only what contains them, and that texts stay inside their boxes."""
    nodes, cards = [g.box for g in groups(svg, "thing") if g.texts], [g.box for g in groups(svg, "card")]
    zones, gateways = [g.box for g in groups(svg, "zone")], [g.box for g in groups(svg, "door")]
    fields = [g.box for css_class in ("subnet", "somewhere") for g in groups(svg, css_class)]
    areas = [g.box for g in groups(svg, "network")]
    assert overflowing_texts(svg) == []
    for alike in (nodes, cards, [*zones, *gateways], fields, areas):
        assert are_apart(alike)
    assert not [1 for card in cards for zone in zones if overlaps(card, zone)]
    assert all(any(is_within(node, one) for one in fields) for node in nodes)
    assert all(any(is_within(one, zone) for zone in zones) for one in fields)
    assert all(any(is_within(one, area) for area in areas) for one in [*zones, *gateways])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(topologies())
def test_every_node_subnet_network_and_flow_is_drawn_once_without_overlaps(what):
    svg = draw_topology(what)
    assert_tidy(svg)
    assert len([g for g in groups(svg, "thing") if g.texts]) == sum(len(n.nodes) for n in what.networks)
    assert len(groups(svg, "subnet")) == sum(len(n.subnets) for n in what.networks)
    assert len(groups(svg, "network")) == len(what.networks)
    flows = {(rule.source, rule.group) for network in what.networks for rule in network.rules}
    assert (
        len(_paths(svg, "way"))
        == len(_paths(svg, "head"))
        == len(derive_connectivity(what.networks).flows)
        <= len(flows)
    )


def _paths(svg, css_class):
    return [p for p in parse(svg).iter(f"{NS}path") if css_class in p.get("class").split()]


@pytest.mark.parametrize(
    ("zones", "servers"), [("a", 1), ("ab", 2), ("abc", 3), ("ab", 12), ("abc", 12), ("abcdef", 6)]
)
def test_any_number_of_zones_and_servers_has_room(zones, servers):
    """Up to three zones fit a laptop's width; ids are never cut."""
    what = environment(zones, servers)
    svg = draw_topology(what)
    assert_tidy(svg)
    assert svg.width == 1100 or len(zones) > 3
    assert [g.text.split(" ")[1] for g in groups(svg, "zone")] == [f"r-1{zone}" for zone in zones]
    texts = [g.text for g in groups(svg, "thing")]
    assert all(any(node.id in text for text in texts) for node in what.networks[0].nodes)
    assert not [text for text in texts if "…" in text]


def test_a_name_that_has_no_room_stands_in_full_below():
    """In the SVG alone, as on paper: a tooltip is for those who have a mouse."""
    what = environment("ab")
    network = what.networks[0]
    name = "a-server-whose-owner-likes-to-describe-it-in-its-name"
    nodes = [network.nodes[0].model_copy(update={"name": name}), *network.nodes[1:]]
    network = network.model_copy(update={"nodes": nodes})
    svg = draw_topology(what.model_copy(update={"networks": [network]}))
    assert_tidy(svg)
    shown = ["".join(text.itertext()) for text in parse(svg).iter(f"{NS}text") if text.find(f"{NS}title") is None]
    assert [text for text in shown if name in text and text.startswith("[1] ")]


def test_zones_are_side_by_side_and_nodes_of_one_group_in_one_row():
    svg = draw_topology(environment("ab"))
    one, other = [g.box for g in groups(svg, "zone")]
    assert (one.y, one.height) == (other.y, other.height)
    assert one.right < other.x
    rows = {g.text.partition(" |")[0]: [] for g in groups(svg, "thing") if g.texts}
    for group in groups(svg, "thing"):
        if group.texts:
            rows[group.text.partition(" |")[0]].append(group.box)
    assert {box.y for box in rows["Instance web"]} == {rows["Instance web"][0].y}
    assert {box.y for box in rows["Load balancer web"]} == {rows["Load balancer web"][0].y}
    assert rows["Load balancer web"][0].bottom < rows["Instance web"][0].y < rows["Database database"][0].y


def test_each_target_lists_its_sources_and_ports():
    """Several ports of one source are one line."""
    texts = {g.text.partition(" ")[0]: g.text.split(" | ")[1:] for g in groups(draw_topology(environment()), "card")}
    assert texts["alb"] == ["80, 443 from the internet"]
    assert texts["bastion"] == ["22 from 203.0.113.0/24"]
    assert texts["web"] == ["8080 from alb", "22 from bastion"]
    assert texts["db"] == ["3306 from web"]


def test_a_line_leads_from_the_source_to_the_port():
    svg = draw_topology(environment())
    starts = {path.get("d").split(" H")[0] for path in _paths(svg, "way")}
    cards = {g.text.partition(" |")[0]: g.box for g in groups(svg, "card")}
    assert starts == {f"M {b.x:.0f} {b.y + 14:.0f}" for name, b in cards.items() if not name.startswith("db")}
    heads = [tuple(map(float, path.get("d").split()[1:3])) for path in _paths(svg, "head")]
    assert all(any(b.x == x and b.y < y < b.bottom for b in cards.values()) for x, y in heads)


def test_no_two_lines_overlap():
    """The shortest is innermost; lines that are apart share a lane."""
    assert assign_lanes({"a": (0, 100), "b": (10, 20), "c": (30, 40), "d": (15, 35)}) == {
        "b": 0,
        "c": 0,
        "d": 1,
        "a": 2,
    }


def test_what_is_missing_is_not_drawn():
    """Not even as a gap: a drawing of what should be there would not be evidence."""
    network = environment().networks[0]
    left = network.model_copy(update={"nodes": tuple(t for t in network.nodes if t.kind != "Database")})
    svg = draw_topology(environment().model_copy(update={"networks": (left,)}))
    assert not [g for g in groups(svg, "thing") if "Database" in g.text]
    (card,) = [g for g in groups(svg, "card") if g.text.startswith("db")]
    beside = [t for t in parse(svg).iter(f"{NS}text") if float(t.get("y")) == card.box.y + 18 and t.get("x")]
    assert "nobody is in it" in {"".join(t.itertext()) for t in beside}


def test_what_is_not_ours_is_drawn_and_marked():
    """A subnet, a server and a group that somebody created manually; the description says so, too."""
    network = environment().networks[0]
    odd = {
        "subnets": (
            *network.subnets,
            subnet("b", public=False, id="subnet-odd", name="legacy", ours=False, default_route=""),
        ),
        "nodes": (*network.nodes, instance(99, "b", "odd", subnet="subnet-odd", ours=False)),
        "groups": (*network.groups, Group(id="sg-odd", name="launch-wizard-1", ours=False)),
        "rules": (*network.rules, Rule(group="sg-odd", ports="22", source="0.0.0.0/0")),
    }
    svg = draw_topology(environment().model_copy(update={"networks": (network.model_copy(update=odd),)}))
    assert_tidy(svg)
    (field,) = [g for g in groups(svg, "subnet") if "legacy" in g.text]
    (server,) = [g for g in groups(svg, "thing") if instance(99, "b", "odd").id in g.text]
    assert "stranger" in field.classes & server.classes
    assert "not ours" in server.text
    assert is_within(server.box, field.box)
    (card,) = [g for g in groups(svg, "card") if g.text == "launch-wizard-1 | 22 from the internet"]
    assert "stranger" in card.classes
    assert "legacy, 10.0.0.0/20, not tagged as ours, no way out" in svg.description


def test_an_unknown_zone_is_shown_as_unknown():
    """A database that is being created is in no zone yet."""
    network = environment().networks[0]
    making = [t.model_copy(update={"zone": "", "subnet": ""}) if t.kind == "Database" else t for t in network.nodes]
    svg = draw_topology(
        environment().model_copy(update={"networks": (network.model_copy(update={"nodes": tuple(making)}),)})
    )
    assert_tidy(svg)
    assert groups(svg, "zone")[-1].text == "Zone not known"
    assert [g.text for g in groups(svg, "somewhere")] == ["Subnet not known"]


def test_an_empty_account_is_drawn():
    what = Topology(env="test", account="123456789012", region="r-1", at="2026-11-24T08:00:00+00:00")
    svg = draw_topology(what)
    assert_tidy(svg)
    assert "Nothing of test was found" in str(svg)
    bare = what.model_copy(update={"networks": (Network(id="vpc-1", name="main", cidr="10.0.0.0/16"),)})
    assert_tidy(draw_topology(bare))
    assert "Nothing was found in it" in str(draw_topology(bare))


def test_what_must_not_be_read_is_named():
    svg = draw_topology(environment().model_copy(update={"denied": ("databases", "caches")}))
    assert "Not known, because there is no permission to read them: databases, caches." in str(svg)
    assert "Not known: databases, caches." in svg.description


def test_the_description_says_what_the_drawing_shows():
    description = draw_topology(environment()).description
    for sentence in (
        "VPC main, 10.0.0.0/16, with Internet gateway igw-1.",
        "Zone r-1b, public subnet public-r-1b, 10.0.0.0/20, out by the internet gateway, in which is Load balancer web",
        "Instance web i-00000000000000001 (running, t4g.small) in web",
        "the internet may talk to alb on 80, 443.",
        "web may talk to db on 3306.",
    ):
        assert sentence in description


def test_an_address_is_shown():
    """Cut where it is too long; the description has all of it."""
    network, address = environment().networks[0], f"{'test-database.' * 9}example.com:3306"
    named = [t.model_copy(update={"address": address}) if t.kind == "Database" else t for t in network.nodes]
    svg = draw_topology(
        environment().model_copy(update={"networks": (network.model_copy(update={"nodes": tuple(named)}),)})
    )
    assert_tidy(svg)
    (database,) = [g for g in groups(svg, "thing") if g.text.startswith("Database")]
    assert database.texts[-1][0].startswith("test-database.test-database.")
    assert f"Database database test-database (available, mysql 8.4.6) at {address} in db" in svg.description


def test_networks_with_the_same_permissions_are_one_peer():
    """Otherwise ten offices of administrators would be ten lines to the same port."""
    offices = [f"203.0.113.{n}/32" for n in (2, 10, 1)]
    rules = [Rule(group="sg-1", ports="22", source=office) for office in offices]
    found = derive_connectivity(topology_of(groups=[Group(id="sg-1", name="bastion")], rules=rules).networks)
    assert [peer.names for peer in found.external] == [("203.0.113.1/32", "203.0.113.2/32", "203.0.113.10/32")]
    assert len(found.flows) == 1


def between(*egress_rules, ports="8080", **more):
    """The ports on which the load balancer may talk to the web servers, which are in 10.0.16.0/20."""
    groups = [Group(id=f"sg-{name}", name=name) for name in ("alb", "web")]
    parts = {"rules": [Rule(group="sg-web", ports=ports, source="sg-alb")], "groups": groups, **more}
    parts |= {"subnets": [subnet("a", public=False, cidr="10.0.16.0/20")], "nodes": [instance(1, "a", "web")]}
    flows = derive_connectivity(
        topology_of(
            egress_rules=[EgressRule(group=own, ports=p, target=to) for own, p, to in egress_rules], **parts
        ).networks
    ).flows
    return [flow.ports for flow in flows]


@pytest.mark.parametrize(
    ("egress_rules", "ports"),
    [
        ([], []),
        ([("sg-alb", "everything", "0.0.0.0/0")], ["8080"]),
        ([("sg-alb", "8000–9000", "sg-web")], ["8080"]),
        ([("sg-alb", "tcp", "10.0.0.0/8")], ["8080"]),
        ([("sg-alb", "8080", "10.0.16.0/24")], ["8080"]),
        ([("sg-alb", "8081", "sg-web")], []),
        ([("sg-alb", "udp 8080", "sg-web")], []),
        ([("sg-alb", "8080", "sg-alb")], []),
        ([("sg-alb", "8080", "10.0.32.0/20")], []),
        ([("sg-alb", "everything", "::/0")], []),
        ([("sg-alb", "everything", "pl-1")], []),
        ([("sg-web", "everything", "0.0.0.0/0")], []),
    ],
)
def test_a_flow_needs_an_egress_rule_and_an_ingress_rule(egress_rules, ports):
    """Responses need no rule."""
    assert between(*egress_rules) == ports


def test_a_flow_has_the_ports_that_both_rules_allow():
    assert between(("sg-alb", "8080", "sg-web"), ("sg-alb", "443", "sg-web"), ports="1–8100") == ["443, 8080"]
    assert between(("sg-alb", "443–9000", "sg-web"), ports="everything") == ["443–9000"]


def test_an_external_peer_needs_no_egress_rule():
    rule = Rule(group="sg-web", ports="443", source="0.0.0.0/0")
    assert between(rules=[rule]) == ["443"]


def test_without_recorded_egress_rules_the_ingress_rules_count():
    """As in an older journal."""
    assert environment().networks[0].egress_rules is None
    assert "web may talk to db on 3306." in draw_topology(environment()).description


PORTS = st.one_of(
    st.just(Ports()),
    st.builds(Ports, st.sampled_from(["tcp", "udp", "icmp", "gre"])),
    st.tuples(st.sampled_from(["tcp", "udp"]), st.integers(0, 9), st.integers(0, 9)).map(
        lambda drawn: Ports(drawn[0], min(drawn[1:]), max(drawn[1:]))
    ),
    st.builds(Ports, st.just("icmp"), st.integers(0, 3), st.integers(-1, 2)),
)


@given(PORTS, PORTS)
def test_ports_are_parsed_as_they_were_and_an_intersection_is_in_both(one, other):
    assert Ports.parse(str(one)) == one
    common = one.common(other)
    assert common == other.common(one)
    assert one.common(one) == one
    if common:
        assert common.common(one) == common == common.common(other)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1}, "everything"),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}, "443"),
        ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}, "0–65535"),
        ({"IpProtocol": "udp", "FromPort": 53, "ToPort": 53}, "udp 53"),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}, "icmp"),
        ({"IpProtocol": "47"}, "protocol 47"),
    ],
)
def test_ports_are_formatted_as_people_write_them(rule, text):
    assert str(Ports.of(rule)) == text


def test_sources_are_above_their_targets():
    """A cycle is ordered by name."""
    groups = [Group(id=name, name=name) for name in ("db", "web", "alb")]
    rules = [Rule(group="db", ports="1", source="web"), Rule(group="web", ports="1", source="alb")]
    assert [g.id for g in order_groups(groups, rules)] == ["alb", "web", "db"]
    ring = [Rule(group="db", ports="1", source="web"), Rule(group="web", ports="1", source="db")]
    assert [g.id for g in order_groups(groups, ring)] == ["alb", "db", "web"]


def test_it_is_read_back_from_the_journal_as_it_was():
    what = environment("abc", 12)
    assert Topology.model_validate(what.model_dump(mode="json")) == what


def test_the_journal_keeps_its_own_names_of_the_fields():
    """Old journals have them, too."""
    data = environment().model_dump(mode="json")
    network = data["networks"][0]
    assert set(data) == {"env", "account", "region", "at", "networks", "unread"}
    assert set(network) == {"id", "name", "cidr", "doors", "subnets", "things", "groups", "rules", "exits"}
    assert set(network["subnets"][0]) == {"id", "name", "zone", "cidr", "out", "public", "ours"}
    assert set(network["groups"][0]) == {"id", "name", "about", "ours"}


@pytest.fixture
def built(aws):
    """A network with a default route for each kind of subnet, and one server that is not ours."""
    ec2, ours = aws.client("ec2"), lambda kind, key: [{"ResourceType": kind, "Tags": _tags(key)}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=ours("vpc", "vpc.main"))["Vpc"]["VpcId"]
    place = {"VpcId": vpc, "AvailabilityZone": "us-west-2a"}
    public, private, odd = (
        ec2.create_subnet(CidrBlock=f"10.0.{n}.0/24", **place, **more)["Subnet"]["SubnetId"]
        for n, more in enumerate(
            [
                {"TagSpecifications": ours("subnet", "subnet.public-us-west-2a")},
                {"TagSpecifications": ours("subnet", "subnet.private-us-west-2a")},
                {},
            ]
        )
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    specification = ours("natgateway", "nat_gateway.us-west-2a")
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address, TagSpecifications=specification)
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat["NatGateway"]["NatGatewayId"]])
    for net, target in (
        (public, {"GatewayId": gateway}),
        (private, {"NatGatewayId": nat["NatGateway"]["NatGatewayId"]}),
    ):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        ec2.associate_route_table(RouteTableId=table, SubnetId=net)
    web, odd_group = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("web", "odd")
    )
    ec2.create_tags(Resources=[web], Tags=_tags("security_group.web"))
    ranges = {"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8080, "UserIdGroupPairs": [{"GroupId": odd_group}]}
    ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[ranges])
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    server = ec2.run_instances(
        ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, SubnetId=odd, SecurityGroupIds=[odd_group]
    )["Instances"][0]["InstanceId"]
    return SimpleNamespace(vpc=vpc, public=public, private=private, odd=odd, server=server, gateway=gateway)


def _tags(key):
    tags = {"runbook:owner": "runbook", "runbook:env": "test", "runbook:key": key}
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def test_discovery_reads_everything_also_what_is_not_ours(built, door):
    """Whether a subnet is public comes from its route, not from its name."""
    found = discover(Snapshot(door), NOW)
    (network,) = found.networks
    assert (found.env, found.at, found.denied) == ("test", "2026-11-24T08:00:00+00:00", ())
    assert network.gateways == (f"Internet gateway {built.gateway}",)
    assert {(s.id, s.name, s.public, s.default_route, s.ours) for s in network.subnets} == {
        (built.public, "public-us-west-2a", True, "the internet gateway", True),
        (built.private, "private-us-west-2a", False, "NAT us-west-2a", True),
        (built.odd, built.odd, False, "", False),
    }
    nodes = {node.kind: node for node in network.nodes}
    assert (nodes["Instance"].id, nodes["Instance"].subnet, nodes["Instance"].ours) == (
        built.server,
        built.odd,
        False,
    )
    assert (nodes["NAT gateway"].name, nodes["NAT gateway"].subnet) == ("us-west-2a", built.public)
    names = {group.id: group.name for group in network.groups}
    assert [(names[r.group], r.ports, names[r.source]) for r in network.rules] == [("web", "8000–8080", "odd")]
    egress = {(names[e.group], e.ports, e.target) for e in network.egress_rules}
    assert egress == {(name, "everything", "0.0.0.0/0") for name in names.values()}
    assert "odd may talk to web on 8000–8080." in draw_topology(found).description
    assert_tidy(draw_topology(found))


def test_a_group_without_egress_rules_has_no_flows(built, door, aws):
    """Whatever the ingress rules of the other group allow."""
    ec2 = aws.client("ec2")
    (odd,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["odd"]}])["SecurityGroups"]
    ec2.revoke_security_group_egress(GroupId=odd["GroupId"], IpPermissions=odd["IpPermissionsEgress"])
    svg = draw_topology(discover(Snapshot(door), NOW))
    assert "may talk to" not in svg.description
    assert _paths(svg, "way") == []


def test_what_was_deleted_is_not_discovered(built, door, aws):
    aws.client("ec2").terminate_instances(InstanceIds=[built.server])
    assert "Instance" not in {node.kind for node in discover(Snapshot(door), NOW).networks[0].nodes}


def test_an_empty_account_has_no_networks(door):
    assert discover(Snapshot(door), NOW).networks == ()


def test_a_denied_call_is_noted_and_any_other_error_is_raised(aws, door, monkeypatch):
    """Who may only deploy may not read everything."""
    specification = [{"ResourceType": "vpc", "Tags": _tags("vpc.main")}]
    aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)
    snapshot, code = Snapshot(door), "AccessDenied"
    read = snapshot.all

    def refused(service, operation, result, **request):
        if service == "rds":
            raise RequestRejected("DescribeDBInstances was refused", fix="Ask.", code=code)
        return read(service, operation, result, **request)

    monkeypatch.setattr(snapshot, "all", refused)
    found = discover(snapshot, NOW)
    assert (found.denied, found.networks[0].name) == (("databases",), "main")
    code = "InternalFailure"
    with pytest.raises(RequestRejected):
        discover(snapshot, NOW)
