"""The picture of what runs where shows what was seen, all of it, and nothing else; whatever that is, it can be read."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import RequestRejected
from runbook_lib.evidence.topology import Topology, discover, picture
from runbook_lib.evidence.topology.connectivity import connectivity, in_order
from runbook_lib.evidence.topology.lanes import lanes
from runbook_lib.evidence.topology.model import EgressRule, Group, Network, Rule
from runbook_lib.resources.traffic import Ports
from tests.support.drawings import NS, apart, groups, overlap, parsed, spilling, within
from tests.support.topologies import environment, instance, sights, subnet
from tests.support.topologies import sight as seen

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def ordered(svg):
    """Whether nothing lies on anything that it is not in, and every text stays where it belongs."""
    things, cards = [g.box for g in groups(svg, "thing") if g.texts], [g.box for g in groups(svg, "card")]
    zones, doors = [g.box for g in groups(svg, "zone")], [g.box for g in groups(svg, "door")]
    fields = [g.box for look in ("subnet", "somewhere") for g in groups(svg, look)]
    areas = [g.box for g in groups(svg, "network")]
    assert spilling(svg) == []
    for alike in (things, cards, [*zones, *doors], fields, areas):
        assert apart(alike)
    assert not [1 for card in cards for zone in zones if overlap(card, zone)]
    assert all(any(within(thing, one) for one in fields) for thing in things)
    assert all(any(within(one, zone) for zone in zones) for one in fields)
    assert all(any(within(one, area) for area in areas) for one in [*zones, *doors])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sights())
def test_whatever_was_seen_is_there_once_and_nothing_lies_on_it(what):
    """Any subnets, anything in them, any rules: every one is drawn, and every way has its line."""
    svg = picture(what)
    ordered(svg)
    assert len([g for g in groups(svg, "thing") if g.texts]) == sum(len(n.things) for n in what.networks)
    assert len(groups(svg, "subnet")) == sum(len(n.subnets) for n in what.networks)
    assert len(groups(svg, "network")) == len(what.networks)
    ways = {(rule.source, rule.group) for network in what.networks for rule in network.rules}
    assert len(_paths(svg, "way")) == len(_paths(svg, "head")) == len(connectivity(what.networks).ways) <= len(ways)


def _paths(svg, look):
    return [p for p in parsed(svg).iter(f"{NS}path") if look in p.get("class").split()]


@pytest.mark.parametrize(
    ("zones", "servers"), [("a", 1), ("ab", 2), ("abc", 3), ("ab", 12), ("abc", 12), ("abcdef", 6)]
)
def test_any_number_of_zones_and_servers_has_room(zones, servers):
    """At a laptop's width up to three zones; ids are never cut."""
    what = environment(zones, servers)
    svg = picture(what)
    ordered(svg)
    assert svg.width == 1100 or len(zones) > 3
    assert [g.words.split(" ")[1] for g in groups(svg, "zone")] == [f"r-1{zone}" for zone in zones]
    told = [g.words for g in groups(svg, "thing")]
    assert all(any(thing.id in words for words in told) for thing in what.networks[0].things)
    assert not [words for words in told if "…" in words]


def test_zones_stand_side_by_side_and_what_is_alike_in_one_line():
    svg = picture(environment("ab"))
    one, other = [g.box for g in groups(svg, "zone")]
    assert (one.y, one.height) == (other.y, other.height)
    assert one.right < other.x
    rows = {g.words.partition(" |")[0]: [] for g in groups(svg, "thing") if g.texts}
    for group in groups(svg, "thing"):
        if group.texts:
            rows[group.words.partition(" |")[0]].append(group.box)
    assert {box.y for box in rows["Instance web"]} == {rows["Instance web"][0].y}
    assert {box.y for box in rows["Load balancer web"]} == {rows["Load balancer web"][0].y}
    assert rows["Load balancer web"][0].bottom < rows["Instance web"][0].y < rows["Database database"][0].y


def test_it_says_who_may_talk_to_whom_on_which_port():
    """At the one who is talked to; several ports of one speaker are one line."""
    told = {g.words.partition(" ")[0]: g.words.split(" | ")[1:] for g in groups(picture(environment()), "card")}
    assert told["alb"] == ["80, 443 from the internet"]
    assert told["bastion"] == ["22 from 203.0.113.0/24"]
    assert told["web"] == ["8080 from alb", "22 from bastion"]
    assert told["db"] == ["3306 from web"]


def test_a_line_leads_from_the_speaker_to_the_port():
    svg = picture(environment())
    begins = {path.get("d").split(" H")[0] for path in _paths(svg, "way")}
    cards = {g.words.partition(" |")[0]: g.box for g in groups(svg, "card")}
    assert begins == {f"M {b.x:.0f} {b.y + 14:.0f}" for name, b in cards.items() if not name.startswith("db")}
    heads = [tuple(map(float, path.get("d").split()[1:3])) for path in _paths(svg, "head")]
    assert all(any(b.x == x and b.y < y < b.bottom for b in cards.values()) for x, y in heads)


def test_no_two_lines_lie_on_each_other():
    """The shortest is innermost; lines that never meet share a lane."""
    assert lanes({"a": (0, 100), "b": (10, 20), "c": (30, 40), "d": (15, 35)}) == {"b": 0, "c": 0, "d": 1, "a": 2}


def test_what_is_missing_is_not_drawn():
    """Not even as a gap: a picture of a wish would be no evidence."""
    network = environment().networks[0]
    left = network.model_copy(update={"things": tuple(t for t in network.things if t.kind != "Database")})
    svg = picture(environment().model_copy(update={"networks": (left,)}))
    assert not [g for g in groups(svg, "thing") if "Database" in g.words]
    (card,) = [g for g in groups(svg, "card") if g.words.startswith("db")]
    beside = [t for t in parsed(svg).iter(f"{NS}text") if float(t.get("y")) == card.box.y + 18 and t.get("x")]
    assert "nobody is in it" in {"".join(t.itertext()) for t in beside}


def test_what_nobody_asked_for_is_drawn_and_marked():
    """A subnet, a server and a group that somebody made by hand; and it is said in words, too."""
    network = environment().networks[0]
    odd = {
        "subnets": (*network.subnets, subnet("b", public=False, id="subnet-odd", name="legacy", ours=False, out="")),
        "things": (*network.things, instance(99, "b", "odd", subnet="subnet-odd", ours=False)),
        "groups": (*network.groups, Group(id="sg-odd", name="launch-wizard-1", ours=False)),
        "rules": (*network.rules, Rule(group="sg-odd", ports="22", source="0.0.0.0/0")),
    }
    svg = picture(environment().model_copy(update={"networks": (network.model_copy(update=odd),)}))
    ordered(svg)
    (field,) = [g for g in groups(svg, "subnet") if "legacy" in g.words]
    (server,) = [g for g in groups(svg, "thing") if instance(99, "b", "odd").id in g.words]
    assert "stranger" in field.looks & server.looks
    assert "not ours" in server.words
    assert within(server.box, field.box)
    (card,) = [g for g in groups(svg, "card") if g.words == "launch-wizard-1 | 22 from the internet"]
    assert "stranger" in card.looks
    assert "legacy, 10.0.0.0/20, not tagged as ours, no way out" in svg.words


def test_where_aws_does_not_say_the_picture_does_not_either():
    """A database that is being made is in no zone yet."""
    network = environment().networks[0]
    making = [t.model_copy(update={"zone": "", "subnet": ""}) if t.kind == "Database" else t for t in network.things]
    svg = picture(
        environment().model_copy(update={"networks": (network.model_copy(update={"things": tuple(making)}),)})
    )
    ordered(svg)
    assert groups(svg, "zone")[-1].words == "Zone not known"
    assert [g.words for g in groups(svg, "somewhere")] == ["Subnet not known"]


def test_an_empty_account_is_a_picture_too():
    what = Topology(env="test", account="123456789012", region="r-1", at="2026-11-24T08:00:00+00:00")
    svg = picture(what)
    ordered(svg)
    assert "Nothing of test was found" in str(svg)
    bare = what.model_copy(update={"networks": (Network(id="vpc-1", name="main", cidr="10.0.0.0/16"),)})
    ordered(picture(bare))
    assert "Nothing was found in it" in str(picture(bare))


def test_what_may_not_be_looked_at_is_named():
    svg = picture(environment().model_copy(update={"unread": ("databases", "caches")}))
    assert "Not known, for want of a permission to look: databases, caches." in str(svg)
    assert "Not known: databases, caches." in svg.words


def test_in_words_it_is_the_same_picture():
    words = picture(environment()).words
    for told in (
        "VPC main, 10.0.0.0/16, with Internet gateway igw-1.",
        "Zone r-1b, public subnet public-r-1b, 10.0.0.0/20, out by the internet gateway, in which is Load balancer web",
        "Instance web i-00000000000000001 (running, t4g.small) in web",
        "the internet may talk to alb on 80, 443.",
        "web may talk to db on 3306.",
    ):
        assert told in words


def test_what_is_spoken_to_by_a_name_says_by_which():
    """As much of it as there is room for, and all of it in words."""
    network, address = environment().networks[0], f"{'test-database.' * 9}example.com:3306"
    named = [t.model_copy(update={"address": address}) if t.kind == "Database" else t for t in network.things]
    svg = picture(environment().model_copy(update={"networks": (network.model_copy(update={"things": tuple(named)}),)}))
    ordered(svg)
    (database,) = [g for g in groups(svg, "thing") if g.words.startswith("Database")]
    assert database.texts[-1][0].startswith("test-database.test-database.")
    assert f"Database database test-database (available, mysql 8.4.6) at {address} in db" in svg.words


def test_networks_that_may_do_the_same_are_one_speaker():
    """Ten offices of administrators would be ten lines to the same port."""
    offices = [f"203.0.113.{n}/32" for n in (2, 10, 1)]
    rules = [Rule(group="sg-1", ports="22", source=office) for office in offices]
    found = connectivity(seen(groups=[Group(id="sg-1", name="bastion")], rules=rules).networks)
    assert [speaker.names for speaker in found.outside] == [("203.0.113.1/32", "203.0.113.2/32", "203.0.113.10/32")]
    assert len(found.ways) == 1


def between(*exits, ports="8080", **more):
    """The ports on which the load balancer may talk to the web servers, which are in 10.0.16.0/20."""
    groups = [Group(id=f"sg-{name}", name=name) for name in ("alb", "web")]
    parts = {"rules": [Rule(group="sg-web", ports=ports, source="sg-alb")], "groups": groups, **more}
    parts |= {"subnets": [subnet("a", public=False, cidr="10.0.16.0/20")], "things": [instance(1, "a", "web")]}
    ways = connectivity(
        seen(exits=[EgressRule(group=own, ports=p, target=to) for own, p, to in exits], **parts).networks
    ).ways
    return [way.ports for way in ways]


@pytest.mark.parametrize(
    ("exits", "ports"),
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
def test_two_groups_talk_only_where_both_let_them(exits, ports):
    """Where the source may not send, the line is gone, whatever the target lets in; what answers needs no rule."""
    assert between(*exits) == ports


def test_what_both_let_through_is_told_and_no_more():
    assert between(("sg-alb", "8080", "sg-web"), ("sg-alb", "443", "sg-web"), ports="1–8100") == ["443, 8080"]
    assert between(("sg-alb", "443–9000", "sg-web"), ports="everything") == ["443–9000"]


def test_who_comes_from_outside_needs_no_leave_of_ours():
    rule = Rule(group="sg-web", ports="443", source="0.0.0.0/0")
    assert between(rules=[rule]) == ["443"]


def test_where_nobody_looked_at_what_may_go_out_what_may_come_in_is_told():
    """A picture of a journal of before."""
    assert environment().networks[0].exits is None
    assert "web may talk to db on 3306." in picture(environment()).words


PORTS = st.one_of(
    st.just(Ports()),
    st.builds(Ports, st.sampled_from(["tcp", "udp", "icmp", "gre"])),
    st.tuples(st.sampled_from(["tcp", "udp"]), st.integers(0, 9), st.integers(0, 9)).map(
        lambda told: Ports(told[0], min(told[1:]), max(told[1:]))
    ),
    st.builds(Ports, st.just("icmp"), st.integers(0, 3), st.integers(-1, 2)),
)


@given(PORTS, PORTS)
def test_ports_are_read_back_as_they_were_and_what_two_have_in_common_is_in_both(one, other):
    assert Ports.parse(str(one)) == one
    common = one.common(other)
    assert common == other.common(one)
    assert one.common(one) == one
    if common:
        assert common.common(one) == common == common.common(other)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1}, "everything"),
        ({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}, "443"),
        ({"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535}, "0–65535"),
        ({"IpProtocol": "udp", "FromPort": 53, "ToPort": 53}, "udp 53"),
        ({"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}, "icmp"),
        ({"IpProtocol": "47"}, "protocol 47"),
    ],
)
def test_ports_are_told_as_people_write_them(rule, told):
    assert str(Ports.of(rule)) == told


def test_who_speaks_stands_above_who_is_spoken_to():
    """Also when all wait for each other: then as they are called."""
    groups = [Group(id=name, name=name) for name in ("db", "web", "alb")]
    rules = [Rule(group="db", ports="1", source="web"), Rule(group="web", ports="1", source="alb")]
    assert [g.id for g in in_order(groups, rules)] == ["alb", "web", "db"]
    ring = [Rule(group="db", ports="1", source="web"), Rule(group="web", ports="1", source="db")]
    assert [g.id for g in in_order(groups, ring)] == ["alb", "db", "web"]


def test_it_is_read_back_from_the_journal_as_it_was():
    what = environment("abc", 12)
    assert Topology.model_validate(what.model_dump(mode="json")) == what


@pytest.fixture
def built(aws):
    """A network with a way out for each kind of subnet, and one server of somebody else's."""
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
    for net, way in ((public, {"GatewayId": gateway}), (private, {"NatGatewayId": nat["NatGateway"]["NatGatewayId"]})):
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **way)
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


def test_it_reads_what_is_there_whoever_made_it(built, door):
    """Also what carries no tags of ours; how a subnet is left is told by its route, not by its name."""
    found = discover(Snapshot(door), NOW)
    (network,) = found.networks
    assert (found.env, found.at, found.unread) == ("test", "2026-11-24T08:00:00+00:00", ())
    assert network.doors == (f"Internet gateway {built.gateway}",)
    assert {(s.id, s.name, s.public, s.out, s.ours) for s in network.subnets} == {
        (built.public, "public-us-west-2a", True, "the internet gateway", True),
        (built.private, "private-us-west-2a", False, "NAT us-west-2a", True),
        (built.odd, built.odd, False, "", False),
    }
    things = {thing.kind: thing for thing in network.things}
    assert (things["Instance"].id, things["Instance"].subnet, things["Instance"].ours) == (
        built.server,
        built.odd,
        False,
    )
    assert (things["NAT gateway"].name, things["NAT gateway"].subnet) == ("us-west-2a", built.public)
    names = {group.id: group.name for group in network.groups}
    assert [(names[r.group], r.ports, names[r.source]) for r in network.rules] == [("web", "8000–8080", "odd")]
    out = {(names[e.group], e.ports, e.target) for e in network.exits}
    assert out == {(name, "everything", "0.0.0.0/0") for name in names.values()}
    assert "odd may talk to web on 8000–8080." in picture(found).words
    ordered(picture(found))


def test_a_group_that_may_not_send_any_more_talks_to_nobody(built, door, aws):
    """Somebody has taken its egress away: what the other one lets in is no way."""
    ec2 = aws.client("ec2")
    (odd,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["odd"]}])["SecurityGroups"]
    ec2.revoke_security_group_egress(GroupId=odd["GroupId"], IpPermissions=odd["IpPermissionsEgress"])
    svg = picture(discover(Snapshot(door), NOW))
    assert "may talk to" not in svg.words
    assert _paths(svg, "way") == []


def test_what_is_gone_is_not_seen(built, door, aws):
    aws.client("ec2").terminate_instances(InstanceIds=[built.server])
    assert "Instance" not in {thing.kind for thing in discover(Snapshot(door), NOW).networks[0].things}


def test_on_an_empty_account_it_sees_nothing(door):
    assert discover(Snapshot(door), NOW).networks == ()


def test_a_refused_look_stops_nothing_and_is_said(aws, door, monkeypatch):
    """Who may only deploy may not look at everything; any other error stops it."""
    specification = [{"ResourceType": "vpc", "Tags": _tags("vpc.main")}]
    aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)
    look, code = Snapshot(door), "AccessDenied"
    read = look.all

    def refused(service, operation, result, **request):
        if service == "rds":
            raise RequestRejected("DescribeDBInstances was refused", fix="Ask.", code=code)
        return read(service, operation, result, **request)

    monkeypatch.setattr(look, "all", refused)
    found = discover(look, NOW)
    assert (found.unread, found.networks[0].name) == (("databases",), "main")
    code = "InternalFailure"
    with pytest.raises(RequestRejected):
        discover(look, NOW)
