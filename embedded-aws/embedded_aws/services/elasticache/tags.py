"""Tags of ElastiCache resources: only of existing ones, and listed by the tagging API with the right types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from embedded_aws.patching import Method, attach_dict, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.elasticache.descriptions import arn_of_member
from embedded_aws.services.elasticache.parameter_groups import arn_of

NOT_FOUND = {
    "cluster": "CacheClusterNotFound",
    "parametergroup": "CacheParameterGroupNotFound",
    "replicationgroup": "ReplicationGroupNotFoundFault",
    "snapshot": "SnapshotNotFoundFault",
    "subnetgroup": "CacheSubnetGroupNotFoundFault",
    "user": "UserNotFound",
}
NOT_AVAILABLE = "Cluster not in available state to perform tagging operations."


def _resources(elasticache: Any) -> Iterator[tuple[str, str, Any, str]]:
    """Yield type, ARN, the cache if the resource has a status, and the ARN under which its tags are stored.

    "Tags on replication groups will be replicated to all nodes":
    https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    """
    for group in elasticache.replication_groups.values():
        yield "replicationgroup", group.arn, group, group.arn
        yield from (("cluster", arn_of_member(group, member), group, group.arn) for member in group.members)
    yield from (("cluster", one.arn, one, one.arn) for one in elasticache.cache_clusters.values())
    yield from (("subnetgroup", one.arn, None, one.arn) for one in elasticache.cache_subnet_groups.values())
    yield from (("snapshot", one.arn, None, one.arn) for one in elasticache.snapshots.values())
    yield from (("user", one.arn, None, one.arn) for one in elasticache.users.values() if one.id != "default")
    for name in attach_dict(elasticache, "cache_parameter_groups"):
        arn = arn_of(elasticache, name)
        yield "parametergroup", arn, None, arn


def _tagged_arn(elasticache: Any, arn: str) -> str:
    """Return the ARN under which the tags of a resource are stored.

    https://github.com/hashicorp/terraform-provider-aws/issues/41416 (AWS's message about what is not available)

    Raises:
        ServiceError: The resource does not exist or is not available.
    """
    for kind, resource_arn, cache, tagged_arn in _resources(elasticache):
        if resource_arn == arn:
            if cache is not None and cache.status != "available":
                code = "InvalidReplicationGroupState" if kind == "replicationgroup" else "InvalidCacheClusterState"
                raise ServiceError(code, NOT_AVAILABLE)
            return tagged_arn
    kind = arn.split(":")[5] if arn.count(":") >= 6 else ""
    if kind not in NOT_FOUND:
        raise ServiceError("InvalidARN", f"ARN {arn} is invalid.")
    raise ServiceError(NOT_FOUND[kind], f"{arn.rpartition(':')[2]} is either not present or not available.")


@patch(ElastiCacheBackend, "list_tags_for_resource")
def list_tags_for_resource(moto: Method, elasticache: Any, arn: str) -> Any:
    """https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListTagsForResource.html."""
    return elasticache.tagging_service.list_tags_for_resource(_tagged_arn(elasticache, arn))


@patch(ElastiCacheBackend, "add_tags_to_resource")
def add_tags_to_resource(moto: Method, elasticache: Any, arn: str, tags: Any) -> None:
    """Add tags to an existing resource."""
    moto(elasticache, _tagged_arn(elasticache, arn), tags)


@patch(ElastiCacheBackend, "remove_tags_from_resource")
def remove_tags_from_resource(moto: Method, elasticache: Any, arn: str, tags: Any) -> None:
    """Remove tags from an existing resource."""
    moto(elasticache, _tagged_arn(elasticache, arn), tags)


@patch(ElastiCacheResponse, "add_tags_to_resource")
def add_tags(moto: Method, response: Any) -> Any:
    """Return all tags that the resource has now."""
    moto(response)
    return _result(response)


@patch(ElastiCacheResponse, "remove_tags_from_resource")
def remove_tags(moto: Method, response: Any) -> Any:
    """Return the tags that are left."""
    moto(response)
    return _result(response)


def _result(response: Any) -> Any:
    tags = response.elasticache_backend.list_tags_for_resource(response.params["ResourceName"])
    return ActionResult({"TagList": tags["Tags"]})


@patch(ElastiCacheBackend, "iter_tagged_resources")
def iter_tagged_resources(moto: Method, elasticache: Any) -> Iterator[Any]:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html."""
    for kind, arn, _, tagged_arn in _resources(elasticache):
        tags = elasticache.tagging_service.get_tag_dict_for_resource(tagged_arn)
        yield TaggedResource(arn=arn, tags=tags, resource_type=f"elasticache:{kind}", extra={"include_untagged": True})
