"""Subnet groups of caches: of subnets that exist, changed, described and kept while a cache is in them."""

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
    """The one of this name, in any case.

    Raises:
        ServiceError: There is none.
    """
    group = elasticache.cache_subnet_groups.get(name.lower())
    if group is None:
        raise ServiceError("CacheSubnetGroupNotFoundFault", f"CacheSubnetGroup {name.lower()} not found.")
    return group


def blocks_of(cache: Any) -> list[str]:
    """The address ranges that a cache may stand in: those of its group's subnets."""
    ec2, elasticache = (backends.backend(service, cache.region) for service in ("ec2", "elasticache"))
    group = elasticache.cache_subnet_groups.get(cache.cache_subnet_group_name)
    subnets = [subnet["subnet_identifier"] for subnet in group.subnets] if group else []
    return [ec2.get_subnet(subnet).cidr_block for subnet in subnets]


def _described(group: Any) -> dict[str, Any]:
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
    """The name is kept in lower case, and taken once.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html
    What AWS says: https://github.com/floci-io/floci/pull/2401
    """
    elasticache, name = response.elasticache_backend, response.params["CacheSubnetGroupName"].lower()
    if name in elasticache.cache_subnet_groups:
        raise ServiceError("CacheSubnetGroupAlreadyExists", f"Cache subnet group {name} already exists.")
    _refuse_subnets(response)
    response.params["CacheSubnetGroupName"] = name
    moto(response)
    return ActionResult({"CacheSubnetGroup": _described(elasticache.cache_subnet_groups[name])})


@patch(ElastiCacheResponse, "describe_cache_subnet_groups")
def describe_cache_subnet_groups(moto: Method, response: Any) -> Any:
    """moto leaves the zones out."""
    elasticache, name = response.elasticache_backend, response.params.get("CacheSubnetGroupName")
    groups = [subnet_group(elasticache, name)] if name else elasticache.cache_subnet_groups.values()
    return PaginatedResult({"CacheSubnetGroups": [_described(group) for group in groups]})


@add_method(ElastiCacheResponse)
def modify_cache_subnet_group(response: Any) -> Any:
    """A subnet in which a cache has a node stays.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ModifyCacheSubnetGroup.html (SubnetInUse)
    """
    elasticache, sent = response.elasticache_backend, response.params
    group = subnet_group(elasticache, sent["CacheSubnetGroupName"])
    about = sent.get("CacheSubnetGroupDescription") or group.cache_subnet_group_description
    ids = sent.get("SubnetIds")
    if ids:
        _refuse_subnets(response)
        now = CacheSubnetGroup(
            elasticache.account_id, elasticache.region_name, group.cache_subnet_group_name, about, ids, None
        )
        left = {subnet["subnet_availability_zone"] for subnet in now.subnets}
        if lost := zones_in_use(elasticache, group.cache_subnet_group_name) - left:
            used = [one["subnet_identifier"] for one in group.subnets if one["subnet_availability_zone"] in lost]
            raise ServiceError(
                "SubnetInUse", f"The subnet(s) {', '.join(used)} are currently in use by a cache cluster."
            )
        group.subnet_ids, group.subnets, group.vpc_id = now.subnet_ids, now.subnets, now.vpc_id
    group.cache_subnet_group_description = about
    return ActionResult({"CacheSubnetGroup": _described(group)})


@add_method(ElastiCacheResponse)
def delete_cache_subnet_group(response: Any) -> Any:
    """Not while a cache is in it.

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


def _refuse_subnets(response: Any) -> None:
    ids = response.params.get("SubnetIds") or []
    ec2 = backends.backend("ec2", response.region)
    try:
        subnets = [ec2.get_subnet(subnet_id) for subnet_id in ids]
    except EC2ClientError:
        raise ServiceError(VALUE, f"Some input subnets in :[{', '.join(ids)}] are invalid.") from None
    for subnet in subnets[1:]:
        if subnet.vpc_id != subnets[0].vpc_id:
            raise ServiceError("InvalidSubnet", f"Subnets {subnets[0].id} and {subnet.id} are not in the same VPC.")
