"""Security groups decide who reaches whom, in both directions."""

from types import SimpleNamespace

import pytest

from embedded_aws.load_balancer.reachability import INTERNET, can_reach, is_public, party_of_groups


def rule(source=None, block=None, ports=(3306, 3306), protocol="tcp"):
    return SimpleNamespace(
        ip_protocol=protocol,
        from_port=ports[0],
        to_port=ports[1],
        source_group={"GroupId": source} if source else {},
        ip_range={"CidrIp": block} if block else {},
    )


ANYTHING = rule(block="0.0.0.0/0", protocol="-1")
WEB, DATABASE = party_of_groups(["web"], ["10.0.1.7"]), party_of_groups(["db"], ["10.0.2.0/24", "10.0.3.0/24"])


def reached(source, *ingress, egress=(ANYTHING,)):
    """Whether the database can be reached on its port."""
    groups = {
        "web": SimpleNamespace(ingress_rules=[], egress_rules=list(egress)),
        "db": SimpleNamespace(ingress_rules=list(ingress), egress_rules=[]),
    }
    return can_reach(SimpleNamespace(get_security_group_from_id=groups.get), source, DATABASE, 3306)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (rule("web"), True),
        (rule("other"), False),
        (rule("web", ports=(3307, 3310)), False),
        (rule("web", ports=(0, 65535)), True),
        (rule("web", protocol="udp"), False),
        (rule("web", protocol="-1", ports=(None, None)), True),
        (rule(block="10.0.1.0/24"), True),
        (rule(block="10.0.9.0/24"), False),
    ],
)
def test_ingress_rules(given, expected):
    """By group or address, protocol and port; nothing without a rule."""
    assert reached(WEB, given) is expected
    assert reached(WEB) is False


def test_egress_rules():
    """Of the source's own group."""
    assert reached(WEB, rule("web"), egress=[rule("db")])
    assert reached(WEB, rule("web"), egress=[rule(block="10.0.2.0/23")])
    assert not reached(WEB, rule("web"), egress=[rule("other")])
    assert not reached(WEB, rule("web"), egress=[])


def test_private_ranges_do_not_allow_the_internet():
    """Only public ranges do."""
    assert reached(INTERNET, ANYTHING)
    assert reached(INTERNET, rule(block="198.51.100.0/24"))
    for inside in (rule(block="10.0.0.0/8"), rule(block="172.31.0.0/16"), rule("web")):
        assert not reached(INTERNET, inside)


def test_a_subnet_is_public_by_its_own_table_or_the_main_one():
    """A table of its own replaces the main one."""

    def table(gateway, main=False, subnets=()):
        route = SimpleNamespace(destination_cidr_block="0.0.0.0/0", gateway=SimpleNamespace(id=gateway))
        return SimpleNamespace(
            vpc_id="vpc-1", routes=[route], main_association_id=main, _associations=dict(enumerate(subnets))
        )

    subnet = SimpleNamespace(id="subnet-1", vpc_id="vpc-1")
    main, own = table("igw-1", main=True), table("vgw-1", subnets=["subnet-1"])
    assert is_public(SimpleNamespace(route_tables={"m": main}), subnet)
    assert not is_public(SimpleNamespace(route_tables={"m": main, "o": own}), subnet)
