"""What was seen of an environment's networks, as plain data: all that its picture is drawn from."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

EVENT = "topology"
"""What a journal calls it."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Node(_Plain):
    """Something that runs, or stands, in a network.

    Args:
        kind: What it is, in a person's words.
        notes: What else there is to know, shortest first.
        address: Where it is spoken to, for what is spoken to by a name.
        subnet, zone: Where; empty where AWS does not say.
        groups: Ids of the security groups that it is in.
        ours: Whether it carries the environment's tags.
    """

    kind: str
    name: str
    id: str
    notes: tuple[str, ...] = ()
    address: str = ""
    subnet: str = ""
    zone: str = ""
    groups: tuple[str, ...] = ()
    ours: bool = True


class Subnet(_Plain):
    """A subnet.

    Args:
        out: What its route to everywhere leads to; empty where it has none.
        public: Whether that is the internet itself.
    """

    id: str
    name: str
    zone: str
    cidr: str
    out: str = ""
    public: bool = False
    ours: bool = True


class Group(_Plain):
    """A security group."""

    id: str
    name: str
    about: str = ""
    ours: bool = True


class Rule(_Plain):
    """Lets one source come in to the members of a group: a network, or the members of another group."""

    group: str
    ports: str
    source: str


class EgressRule(_Plain):
    """Lets the members of a group send to one target: a network, or the members of another group."""

    group: str
    ports: str
    target: str


class Network(_Plain):
    """A VPC with all that was seen in it.

    Args:
        doors: By what it can be left, e.g. an internet gateway.
        exits: ``None`` where nobody looked at them.
    """

    id: str
    name: str
    cidr: str
    doors: tuple[str, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    things: tuple[Node, ...] = ()
    groups: tuple[Group, ...] = ()
    rules: tuple[Rule, ...] = ()
    exits: tuple[EgressRule, ...] | None = None


class Topology(_Plain):
    """All networks of an environment, as they were at one moment.

    Args:
        at: When, in UTC.
        unread: What AWS would not let be looked at.
    """

    env: str
    account: str
    region: str
    at: str
    networks: tuple[Network, ...] = ()
    unread: tuple[str, ...] = ()
