"""The regions that an environment can be in, by botocore's own data: nothing is asked of AWS."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import botocore
from botocore.loaders import create_loader
from botocore.regions import EndpointResolver
from cryptography import x509
from cryptography.x509.oid import NameOID

PARTITION = "aws"
"""The partition whose ARNs, endpoints and certificates the stacks are written for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""
SERVICES = (
    "acm", "autoscaling", "codedeploy", "ec2", "elasticache", "elbv2", "kms", "logs", "rds", "resourcegroupstaggingapi",
    "s3", "secretsmanager", "ssm", "sts",
)  # fmt: skip
"""What the stacks use, without the services that have no regions."""
ENDPOINT_PREFIXES = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tagging"}
"""How the endpoints of a service begin, if not with its name; its description has it, and takes long to read."""

ROOTS = Path(__file__).parents[1] / "stacks" / "application" / "server" / "certs" / "rds-roots.pem"
"""What the servers verify the database by."""
_BUNDLE = "https://truststore.pki.rds.amazonaws.com/{0}/{0}-bundle.pem"
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html"""


def check_region(region: str) -> str:
    """Return the region when an environment can be in it.

    Raises:
        ValueError: There is no such region, it is of another partition, or it lacks a service.
    """
    partition = _partitions().get(region)
    if partition is None:
        usable = [name for name in _partitions() if is_usable(name)]
        near = difflib.get_close_matches(region, usable, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"use one of {', '.join(usable)}."
        raise ValueError(
            f"AWS has no such region; {hint} A region newer than botocore {botocore.__version__} needs a newer botocore"
        )
    if partition != PARTITION:
        raise ValueError(f"is in the partition {partition}; this runbook is written for the partition {PARTITION} only")
    if lacking := _missing_services(region):
        raise ValueError(f"AWS does not offer there what the stacks use: {', '.join(lacking)}")
    return region


def is_usable(region: str) -> bool:
    """Whether an environment can be in a region, apart from the root certificates of its database."""
    return _partitions().get(region) == PARTITION and not _missing_services(region)


def missing_root(region: str) -> str:
    """Why the web servers could not verify a database of this region; empty when they can.

    RDS signs with a root certificate of its own in each region.
    """
    if region in _regions_with_root(ROOTS.read_bytes()):
        return ""
    return (
        f"{ROOTS.name} of this runbook has no root certificate of RDS there, so the servers could not verify the"
        f" database; append the file {_BUNDLE.format(region)} to {ROOTS}"
    )


@cache
def _partitions() -> Mapping[str, str]:
    """The partition of each region."""
    partitions = create_loader().load_data("partitions")["partitions"]
    regions = ((region, partition["id"]) for partition in partitions for region in sorted(partition["regions"]))
    return {region: partition for region, partition in regions if not region.endswith("-global")}


def _missing_services(region: str) -> list[str]:
    return [service for service in SERVICES if region not in _offers()[service]]


@cache
def _offers() -> Mapping[str, frozenset[str]]:
    """The regions of each service.  botocore's whole list takes 10 MB, and is not kept."""
    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    return {
        service: frozenset(resolver.get_available_endpoints(ENDPOINT_PREFIXES.get(service, service), PARTITION))
        for service in SERVICES
    }


@cache
def _regions_with_root(pem: bytes) -> frozenset[str]:
    """The regions of the root certificates in a PEM file, by their common names."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return frozenset()
    names = (str(n.value) for c in certificates for n in c.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    matches = (re.fullmatch(r"Amazon RDS (\S+) Root CA \S+ G\d+", name) for name in names)
    return frozenset(match[1] for match in matches if match)
