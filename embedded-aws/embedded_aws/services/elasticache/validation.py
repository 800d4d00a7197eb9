"""Validation of requests that create or change caches.

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

MAX_NODES = 6  # one primary and five replicas
IDENTIFIER = re.compile(r"[a-z](-?[a-z0-9])*")
# "The only permitted printable special characters are !, &, #, $, ^, <, >, and -"
TOKEN = re.compile(r"[A-Za-z0-9!&#$^<>-]{16,128}")


def validate_identifier(field: str, name: str, maximum: int) -> None:
    """Require a valid identifier."""
    if not IDENTIFIER.fullmatch(name) or len(name) > maximum:
        what = "Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens"
        what = f"{what}; and must not end with a hyphen or contain two consecutive hyphens."
        raise ServiceError(VALUE, f"The parameter {field} is not a valid identifier. {what}")


def validate_engine(engine: str) -> None:
    """Require an engine of replication groups."""
    if engine not in VERSIONS:
        raise ServiceError(VALUE, f"Invalid engine: {engine}. Valid engines are: {', '.join(VERSIONS)}.")


def validate_failover(nodes: int, failover: bool, multi_az: bool) -> None:
    """https://github.com/hashicorp/terraform/issues/25077 (AWS's message about failover)."""
    if not 1 <= nodes <= MAX_NODES:
        raise ServiceError(VALUE, f"The number of cache clusters must be between 1 and {MAX_NODES}: {nodes}.")
    if failover and nodes < 2:
        reason = "When using automatic failover, there must be at least 2 cache clusters in the replication group."
        raise ServiceError(COMBINATION, reason)
    if multi_az and not failover:
        raise ServiceError(COMBINATION, "Automatic failover must be enabled for a Multi-AZ replication group.")


def validate_token(token: str | None, tls: bool) -> None:
    """https://github.com/aws/aws-cli/issues/5007 (AWS's message about a token without TLS)."""
    if token and not tls:
        raise ServiceError(VALUE, "The AUTH token is only supported when encryption-in-transit is enabled")
    if token and not TOKEN.fullmatch(token):
        raise ServiceError(VALUE, "Invalid AuthToken provided.")


def validate_placement(elasticache: Any, params: Mapping[str, Any]) -> None:
    """Require an existing subnet group, and security groups in its VPC."""
    name = params.get("CacheSubnetGroupName")
    vpc = subnet_group(elasticache, name).vpc_id if name else None
    validate_security_groups(elasticache, params.get("SecurityGroupIds") or [], vpc)


def validate_security_groups(elasticache: Any, ids: list[str], vpc: str | None) -> None:
    """Require existing security groups in the VPC of the cache."""
    ec2 = backends.backend("ec2", elasticache.region_name)
    for group_id in ids:
        group = ec2.get_security_group_from_id(group_id)
        if not group or (vpc and group.vpc_id != vpc):
            raise ServiceError(VALUE, f"Some security groups are invalid or not in the VPC of the cache: {group_id}")


def validate_zones(elasticache: Any, subnets: str | None, zones: list[str], nodes: int) -> None:
    """Require one zone per node, each of them in the subnet group."""
    if len(zones) != nodes:
        raise ServiceError(COMBINATION, "The number of Availability Zones must equal the number of cache clusters.")
    if unknown := set(zones) - set(zones_of(elasticache, subnets)):
        raise ServiceError(VALUE, f"Availability Zones that are not in the subnet group: {', '.join(sorted(unknown))}")


def choose_parameter_group(elasticache: Any, engine: str, version: str, name: str | None) -> str:
    """Return the name of the requested parameter group, or of the default one.

    https://github.com/hashicorp/terraform/pull/11269 (AWS's message)

    Raises:
        ServiceError: The group does not exist, or is of another family.
    """
    wanted = family(engine, version)
    if not name:
        return f"{DEFAULT}{wanted}"
    if (actual := family_of(elasticache, name)) != wanted:
        raise ServiceError(
            COMBINATION, f"Expected a parameter group of family {wanted} but found one of family {actual}"
        )
    return name if name.startswith(DEFAULT) else name.lower()


def require_supported(params: Mapping[str, Any], *unsupported: str) -> None:
    """Refuse parameters and modes that the local environment does not support."""
    for name in unsupported:
        if params.get(name):
            raise not_supported(name)
    if params.get("ClusterMode", "disabled") != "disabled" or (params.get("NumNodeGroups") or 1) > 1:
        raise not_supported("Cluster mode")
    if params.get("TransitEncryptionMode", "required") != "required":
        raise not_supported("A port that speaks both with and without TLS")


def not_supported(what: str) -> ServiceError:
    """Return an error that says clearly that it is not one of AWS's."""
    return ServiceError(NOT_SUPPORTED, f"{what} is not supported in the local environment")
