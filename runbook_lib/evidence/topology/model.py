"""The networks of an environment as plain data: discovery fills it, the journal keeps it, the drawing shows it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

EVENT = "topology"
"""The name of the journal event that holds a topology."""


class _Model(BaseModel):
    """An immutable model.

    Some fields have another name in the journal.  It is their ``validation_alias`` and
    ``serialization_alias``, not their ``alias``: type checkers take that for the constructor's parameter.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True, serialize_by_alias=True)


class Node(_Model):
    """Something in a network that has an address, such as an instance or one zone of a load balancer.

    Args:
        kind: What it is, for a reader, such as ``NAT gateway``.
        notes: Other facts about it, shortest first.
        address: Host and port by which clients reach it, where it has a name.
        subnet, zone: Where it is; empty where AWS does not say.
        groups: Ids of its security groups.
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


class Subnet(_Model):
    """A subnet.

    Args:
        default_route: The target of its default route; empty where it has none.
        public: Whether that target is an internet gateway.
    """

    id: str
    name: str
    zone: str
    cidr: str
    default_route: str = Field("", validation_alias="out", serialization_alias="out")
    public: bool = False
    ours: bool = True


class Group(_Model):
    """A security group."""

    id: str
    name: str
    description: str = Field("", validation_alias="about", serialization_alias="about")
    ours: bool = True


class Rule(_Model):
    """An ingress rule: members of a group accept connections from a source, which is a CIDR block or another group."""

    group: str
    ports: str
    source: str


class EgressRule(_Model):
    """An egress rule: members of a group may connect to a target, which is a CIDR block or another group."""

    group: str
    ports: str
    target: str


class Network(_Model):
    """A VPC and everything in it.

    Args:
        gateways: Internet gateways and gateway endpoints, as text.
        egress_rules: ``None`` in journals that were written before these were recorded.
    """

    id: str
    name: str
    cidr: str
    gateways: tuple[str, ...] = Field((), validation_alias="doors", serialization_alias="doors")
    subnets: tuple[Subnet, ...] = ()
    nodes: tuple[Node, ...] = Field((), validation_alias="things", serialization_alias="things")
    groups: tuple[Group, ...] = ()
    rules: tuple[Rule, ...] = ()
    egress_rules: tuple[EgressRule, ...] | None = Field(None, validation_alias="exits", serialization_alias="exits")


class Topology(_Model):
    """All networks of an environment at one moment.

    Args:
        at: When they were read, in UTC, ISO 8601.
        denied: What the caller had no permission to read.
    """

    env: str
    account: str
    region: str
    at: str
    networks: tuple[Network, ...] = ()
    denied: tuple[str, ...] = Field((), validation_alias="unread", serialization_alias="unread")
