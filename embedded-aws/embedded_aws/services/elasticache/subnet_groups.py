"""Subnet groups of caches: validated, modified, described, and not deleted while in use."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.ec2.exceptions import EC2ClientError
from moto.elasticache.models import CacheSubnetGroup
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, add_method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache.engines import VALUE
from embedded_aws.services.elasticache.nodes import zones_in_use


def subnet_group(elasticache: Any, name: str) -> Any:
    """Return a subnet group by its name, case-insensitively.

    Raises:
        ServiceError: It does not exist.
    """
    group = elasticache.cache_subnet_groups.get(name.lower())
    if group is None:
        raise ServiceError("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name.lower()} not found.")
    return group


def cidr_blocks_of(cache: Any) -> list[str]:
    """Return the CIDR blocks of the subnets of a cache's subnet group."""
    ec2, elasticache = (backends.backend(service, cache.region) for service in ("ec2", "elasticache"))
    group = elasticache.cache_subnet_groups.get(cache.cache_subnet_group_name)
    subnets = [subnet["subnet_identifier"] for subnet in group.subnets] if group else []
    return [ec2.get_subnet(subnet).cidr_block for subnet in subnets]


def _describe(group: Any) -> dict[str, Any]:
    networks = ["ipv4"]
    subnets = [
        {
            "SubnetIdentifier": subnet["subnet_identifier"],
            "SubnetAvailabilityZone": {"Name": subnet["subnet_availability_zone"]},
            "SupportedNetworkTypes": networks,
        }
        for subnet in group.subnets
    ]
    return {
        "CacheSubnetGroupName": group.cache_subnet_group_name,
        "CacheSubnetGroupDescription": group.cache_subnet_group_description,
        "VpcId": group.vpc_id,
        "Subnets": subnets,
        "ARN": group.arn,
        "SupportedNetworkTypes": networks,
    }


@patch(ElastiCacheResponse, "create_cache_subnet_group")
def create_cache_subnet_group(moto: Method, response: Any) -> Any:
    """Store the name in lower case, and require a new one.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html
    https://github.com/floci-io/floci/pull/2401 (AWS's message)
    """
    elasticache, name = response.elasticache_backend, response.params["CacheSubnetGroupName"].lower()
    if name in elasticache.cache_subnet_groups:
        raise ServiceError("CacheSubnetGroupAlreadyExists", f"Cache subnet group {name} already exists.")
    _validate_subnets(response)
    response.params["CacheSubnetGroupName"] = name
    moto(response)
    return ActionResult({"CacheSubnetGroup": _describe(elasticache.cache_subnet_groups[name])})


@patch(ElastiCacheResponse, "describe_cache_subnet_groups")
def describe_cache_subnet_groups(moto: Method, response: Any) -> Any:
    """Return the groups with the zones of their subnets, which moto leaves out."""
    elasticache, name = response.elasticache_backend, response.params.get("CacheSubnetGroupName")
    groups = [subnet_group(elasticache, name)] if name else elasticache.cache_subnet_groups.values()
    return PaginatedResult({"CacheSubnetGroups": [_describe(group) for group in groups]})


@add_method(ElastiCacheResponse)
def modify_cache_subnet_group(response: Any) -> Any:
    """Modify a group; subnets in which caches have nodes cannot be removed.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheSubnetGroup.html (SubnetInUse)
    """
    elasticache, params = response.elasticache_backend, response.params
    group = subnet_group(elasticache, params["CacheSubnetGroupName"])
    about = params.get("CacheSubnetGroupDescription") or group.cache_subnet_group_description
    ids = params.get("SubnetIds")
    if ids:
        _validate_subnets(response)
        updated = CacheSubnetGroup(
            elasticache.account_id, elasticache.region_name, group.cache_subnet_group_name, about, ids, None
        )
        left = {subnet["subnet_availability_zone"] for subnet in updated.subnets}
        if lost := zones_in_use(elasticache, group.cache_subnet_group_name) - left:
            used = [one["subnet_identifier"] for one in group.subnets if one["subnet_availability_zone"] in lost]
            raise ServiceError(
                "SubnetInUse", f"The subnet(s) {', '.join(used)} are currently in use by a cache cluster."
            )
        group.subnet_ids, group.subnets, group.vpc_id = updated.subnet_ids, updated.subnets, updated.vpc_id
    group.cache_subnet_group_description = about
    return ActionResult({"CacheSubnetGroup": _describe(group)})


@add_method(ElastiCacheResponse)
def delete_cache_subnet_group(response: Any) -> Any:
    """Refuse while a cache is in the group.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DeleteCacheSubnetGroup.html
    """
    elasticache = response.elasticache_backend
    group = subnet_group(elasticache, response.params["CacheSubnetGroupName"])
    name = group.cache_subnet_group_name
    if zones_in_use(elasticache, name):
        raise ServiceError(
            "CacheSubnetGroupInUse", f"Cache subnet group {name} is currently in use by a cache cluster."
        )
    del elasticache.cache_subnet_groups[name]
    elasticache.tagging_service.delete_all_tags_for_resource(group.arn)
    return ActionResult({})


def _validate_subnets(response: Any) -> None:
    ids = response.params.get("SubnetIds") or []
    ec2 = backends.backend("ec2", response.region)
    try:
        subnets = [ec2.get_subnet(subnet_id) for subnet_id in ids]
    except EC2ClientError:
        raise ServiceError(VALUE, f"Some input subnets in :[{', '.join(ids)}] are invalid.") from None
    for subnet in subnets[1:]:
        if subnet.vpc_id != subnets[0].vpc_id:
            raise ServiceError("InvalidSubnet", f"Subnets {subnets[0].id} and {subnet.id} are not in the same VPC.")
