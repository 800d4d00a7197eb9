"""What ElastiCache does not take when a cache is made or changed.

https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from embedded_aws.account import backends
from embedded_aws.error_responses import NOT_SUPPORTED
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache.engines import COMBINATION, VALUE, VERSIONS, family
from embedded_aws.services.elasticache.nodes import zones_of
from embedded_aws.services.elasticache.parameter_groups import DEFAULT, family_of
from embedded_aws.services.elasticache.subnet_groups import subnet_group

MOST_NODES = 6  # one primary and five replicas
IDENTIFIER = re.compile(r"[a-z](-?[a-z0-9])*")
# "The only permitted printable special characters are !, &, #, $, ^, <, >, and -"
TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")


def refuse_identifier(field: str, name: str, most: int) -> None:
    """A name that caches may have."""
    if not IDENTIFIER.fullmatch(name) or len(name) > most:
        what = "Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens"
        what = f"{what}; and must not end with a hyphen or contain two consecutive hyphens."
        raise ServiceError(VALUE, f"The parameter {field} is not a valid identifier. {what}")


def refuse_engine(engine: str) -> None:
    """One that replication groups can be of."""
    if engine not in VERSIONS:
        raise ServiceError(VALUE, f"Invalid engine: {engine}. Valid engines are: {', '.join(VERSIONS)}.")


def refuse_failover(nodes: int, failover: bool, multi_az: bool) -> None:
    """https://github.com/hashicorp/terraform/issues/25077 has AWS's words on the second."""
    if not 1 <= nodes <= MOST_NODES:
        raise ServiceError(VALUE, f"The number of cache clusters must be between 1 and {MOST_NODES}: {nodes}.")
    if failover and nodes < 2:
        why = "When using automatic failover, there must be at least 2 cache clusters in the replication group."
        raise ServiceError(COMBINATION, why)
    if multi_az and not failover:
        raise ServiceError(COMBINATION, "Automatic failover must be enabled for a Multi-AZ replication group.")


def refuse_token(token: str | None, tls: bool) -> None:
    """https://github.com/aws/aws-cli/issues/5007 has AWS's words on the first."""
    if token and not tls:
        raise ServiceError(VALUE, "The AUTH token is only supported when encryption-in-transit is enabled")
    if token and not TOKEN.fullmatch(token):
        raise ServiceError(VALUE, "Invalid AuthToken provided.")


def refuse_place(elasticache: Any, sent: Mapping[str, Any]) -> None:
    """The subnet group is there, and so are the security groups, in its VPC."""
    name = sent.get("CacheSubnetGroupName")
    vpc = subnet_group(elasticache, name).vpc_id if name else None
    refuse_security_groups(elasticache, sent.get("SecurityGroupIds") or [], vpc)


def refuse_security_groups(elasticache: Any, ids: list[str], vpc: str | None) -> None:
    """They exist, and in one VPC with the cache."""
    ec2 = backends.backend("ec2", elasticache.region_name)
    for group_id in ids:
        group = ec2.get_security_group_from_id(group_id)
        if not group or (vpc and group.vpc_id != vpc):
            raise ServiceError(VALUE, f"Some security groups are invalid or not in the VPC of the cache: {group_id}")


def refuse_zones(elasticache: Any, subnets: str | None, zones: list[str], nodes: int) -> None:
    """As many as there are nodes, each of the subnet group's."""
    if len(zones) != nodes:
        raise ServiceError(COMBINATION, "The number of Availability Zones must equal the number of cache clusters.")
    if unknown := set(zones) - set(zones_of(elasticache, subnets)):
        raise ServiceError(VALUE, f"Availability Zones that are not in the subnet group: {', '.join(sorted(unknown))}")


def parameter_group(elasticache: Any, engine: str, version: str, name: str | None) -> str:
    """The group that was asked for, or ElastiCache's own.

    https://github.com/hashicorp/terraform/pull/11269 has AWS's words.

    Raises:
        ServiceError: There is none such, or it is of another family.
    """
    wanted = family(engine, version)
    if not name:
        return f"{DEFAULT}{wanted}"
    if (found := family_of(elasticache, name)) != wanted:
        raise ServiceError(
            COMBINATION, f"Expected a parameter group of family {wanted} but found one of family {found}"
        )
    return name if name.startswith(DEFAULT) else name.lower()


def only_supported(sent: Mapping[str, Any], *unsupported: str) -> None:
    """Say which of the things asked for the local environment has not."""
    for name in unsupported:
        if sent.get(name):
            raise not_here(name)
    if sent.get("ClusterMode", "disabled") != "disabled" or (sent.get("NumNodeGroups") or 1) > 1:
        raise not_here("Cluster mode")
    if sent.get("TransitEncryptionMode", "required") != "required":
        raise not_here("A port that speaks both with and without TLS")


def not_here(what: str) -> ServiceError:
    """A refusal that AWS would not give: nobody shall take it for one of AWS's."""
    return ServiceError(NOT_SUPPORTED, f"{what} is not supported in the local environment")
