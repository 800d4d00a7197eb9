"""What AWS and good sense ask of several parameters together; read from the raw file, so that nothing hides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

Raw = Mapping[str, Any]

# The longest name that AWS takes, per kind of ours; ``{env}`` is the environment.
# ALB and target group 32: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
# S3 bucket 63: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
# RDS instance 63: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
NAMES = {
    "load balancer": ("{env}-web", 32),
    "target group": ("{env}-web", 32),
    "S3 bucket": ("{env}-runbook-{account}-{region}", 63),
    "IAM role": ("{env}-{region}-codedeploy", 64),
    "database": ("{env}-main", 63),
}

# The zones that a new account sees; https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
ZONES = {
    "us-east-1": "abcdef",
    "us-east-2": "abc",
    "us-west-1": "abc",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-central-1": "abc",
    "eu-north-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-northeast-1": "acd",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong at one place of the file."""

    at: tuple[Any, ...]
    value: Any
    why: str


def problems(raw: Raw) -> Iterator[Problem]:
    """Everything wrong between fields; fields that are wrong in themselves are passed over."""
    network = raw.get("network")
    if isinstance(network, Mapping):
        yield from _sizes(network)
        yield from _inside(network)
        yield from _apart(network)
        yield from _zones(network, raw.get("region"))
    yield from _names(raw)
    yield from _architecture(raw.get("compute"))


def _subnets(network: Raw) -> dict[tuple[Any, ...], IPv4Network]:
    zones = network.get("zones")
    places = {
        ("network", "zones", zone, side): _parsed(value)
        for zone, sides in (zones.items() if isinstance(zones, Mapping) else ())
        for side, value in (sides.items() if isinstance(sides, Mapping) else ())
    }
    return {place: net for place, net in places.items() if net}


def _parsed(value: Any) -> IPv4Network | None:
    try:
        return IPv4Network(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _sizes(network: Raw) -> Iterator[Problem]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""
    vpc = _parsed(network.get("vpc_cidr"))
    for place, net in (({("network", "vpc_cidr"): vpc} if vpc else {}) | _subnets(network)).items():
        if not 16 <= net.prefixlen <= 28:
            yield Problem(place, net, "AWS allows /16 to /28")


def _inside(network: Raw) -> Iterator[Problem]:
    vpc = _parsed(network.get("vpc_cidr"))
    for place, net in _subnets(network).items():
        if vpc and not net.subnet_of(vpc):
            yield Problem(place, net, f"lies outside vpc_cidr {vpc}")


def _apart(network: Raw) -> Iterator[Problem]:
    for (_, one), (place, two) in combinations(_subnets(network).items(), 2):
        if one.overlaps(two):
            yield Problem(place, two, f"overlaps with {one}; subnets of a VPC are apart")


def _zones(network: Raw, region: Any) -> Iterator[Problem]:
    zones = network.get("zones")
    for zone in zones if isinstance(zones, Mapping) and isinstance(region, str) else ():
        letters = ZONES.get(region, "abcdef")
        if not isinstance(zone, str) or zone[:-1] != region or zone[-1:] not in letters:
            allowed = ", ".join(region + letter for letter in letters)
            yield Problem(("network", "zones", zone), zone, f"not a zone of {region}; allowed: {allowed}")


def _names(raw: Raw) -> Iterator[Problem]:
    given = {key: raw.get(key) for key in ("env", "account", "region")}
    if not all(isinstance(value, str) for value in given.values()):
        return
    for kind, (pattern, longest) in NAMES.items():
        name = pattern.format(**given)
        if len(name) > longest:
            yield Problem(
                ("env",), given["env"], f"makes the {kind} name {name}, {len(name)} characters; AWS takes {longest}"
            )


def _architecture(compute: Any) -> Iterator[Problem]:
    """Graviton types carry a ``g`` after the generation: https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html"""
    if not isinstance(compute, Mapping):
        return
    wanted = compute.get("architecture", "arm64")
    for field in ("instance_type", "bastion_type"):
        value = compute.get(field)
        if isinstance(value, str) and "." in value and wanted in ("arm64", "x86_64"):
            generation = value.split(".")[0].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0123456789")
            if ("g" in generation) != (wanted == "arm64"):
                yield Problem(("compute", field), value, f"is not of architecture {wanted}")
