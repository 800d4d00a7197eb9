"""A network of two subnets in which everything may pass, to be changed in one place."""

from ipaddress import ip_address, ip_network

from runbook_lib.stacks.checks.paths.model import ANY, Entry, Group, Interface, Network, Route, Rule, Subnet, Traffic

ALL4, ALL6 = ip_network("0.0.0.0/0"), ip_network("::/0")
ANYBODY = (Rule(Traffic(ANY), ALL4), Rule(Traffic(ANY), ALL6))
LOCAL = (Route(ip_network("10.0.0.0/16"), "local"), Route(ip_network("2001:db8::/56"), "local"))


def entry(number, way, block="0.0.0.0/0", *, protocol=ANY, low=None, high=None, allow=True):
    """An entry of a network ACL for what goes ``"in"`` or ``"out"``."""
    return Entry(number, way == "out", Traffic(protocol, low, high), ip_network(block), allow)


OPEN = tuple(
    entry(number, way, block) for way in ("in", "out") for number, block in ((100, "0.0.0.0/0"), (101, "::/0"))
)


def route(block, target, **more):
    return Route(ip_network(block), target, **more)


def rule(peer, protocol=ANY, low=None, high=None):
    """A rule of a security group for a network or for a group."""
    return Rule(Traffic(protocol, low, high), peer if peer.startswith("sg-") else ip_network(peer))


def interface(name, subnet, *addresses, groups=("sg-a",), **more):
    return Interface(name, subnet, tuple(map(ip_address, addresses)), groups, **more)


def subnet(letter, number, *, acl=None, table=None):
    blocks = (ip_network(f"10.0.{number}.0/24"), ip_network(f"2001:db8:0:{number}::/64"))
    names = f"acl-{letter}" if acl is None else acl, f"rtb-{letter}" if table is None else table
    return Subnet(f"subnet-{letter}", blocks, "us-west-2a", *names)


def network(*, routes=None, acls=None, groups=None, subnets=(), **more):
    """The network.

    Args:
        routes: The routes beside the local ones, by the subnet's letter.
        acls: The entries of the ACLs that are not open, by the subnet's letter.
        groups: The rules, in and out, of the groups that are not open.
        subnets: Subnets instead of those of the same id.
    """
    letters = ("a", "b", "n")
    own = {each.id: each for each in (*(subnet(letter, n) for n, letter in enumerate(letters, 1)), *subnets)}
    whole = {
        "id": "vpc-1",
        "networks": tuple(each.network for each in LOCAL),
        "subnets": own,
        "groups": {
            name: Group(name, *(groups or {}).get(name, (ANYBODY, ANYBODY))) for name in ("sg-a", "sg-b", "sg-c")
        },
        "acls": {f"acl-{letter}": (acls or {}).get(letter, OPEN) for letter in letters},
        "tables": {f"rtb-{letter}": (*LOCAL, *(routes or {}).get(letter, ())) for letter in letters},
        "interfaces": {},
    }
    return Network(**whole | more)
