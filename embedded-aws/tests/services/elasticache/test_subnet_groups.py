"""Subnet groups and parameter groups of caches: created, described, validated and deleted."""

import pytest

from services.cache import Cache
from services.errors import raises


@pytest.fixture
def cache(network):
    """The groups for a cache, without a cache."""
    return Cache(network)


def test_a_subnet_group_is_of_subnets_in_one_vpc(cache, network):
    """Its name is unique, case-insensitively."""
    elasticache = cache.elasticache
    params = {"CacheSubnetGroupDescription": "x", "SubnetIds": network.subnets}
    with raises("CacheSubnetGroupAlreadyExists", "Cache subnet group app already exists."):
        elasticache.create_cache_subnet_group(CacheSubnetGroupName="App", **params)
    with raises("InvalidParameterValue", "Some input subnets in :[subnet-00000000] are invalid."):
        elasticache.create_cache_subnet_group(CacheSubnetGroupName="x", **(params | {"SubnetIds": ["subnet-00000000"]}))
    other = network.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    far = network.ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with raises("InvalidSubnet", "are not in the same VPC."):
        elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="x", **(params | {"SubnetIds": [network.subnets[0], far]})
        )


def test_a_subnet_group_changes(cache, network):
    """Except subnets in which a cache has nodes; its zones are described."""

    def modify(**changes):
        return cache.elasticache.modify_cache_subnet_group(CacheSubnetGroupName="app", **changes)["CacheSubnetGroup"]

    assert len(modify(CacheSubnetGroupDescription="new")["Subnets"]) == 2
    cache.create()
    with raises("SubnetInUse", network.subnets[1]):
        modify(SubnetIds=network.subnets[:1])
    cache.gone()
    modify(SubnetIds=network.subnets[:1])
    (found,) = cache.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="app")["CacheSubnetGroups"]
    assert (found["CacheSubnetGroupDescription"], found["VpcId"]) == ("new", network.vpc)
    assert [subnet["SubnetAvailabilityZone"]["Name"] for subnet in found["Subnets"]] == ["us-west-2a"]
    with raises("CacheSubnetGroupNotFoundFault"):
        cache.elasticache.modify_cache_subnet_group(CacheSubnetGroupName="none", CacheSubnetGroupDescription="x")


def test_groups_in_use_cannot_be_deleted(cache):
    """They can after the deletion of the cache."""
    cache.create(CacheParameterGroupName="app")
    with raises("CacheSubnetGroupInUse", "Cache subnet group app is currently in use by a cache cluster."):
        cache.elasticache.delete_cache_subnet_group(CacheSubnetGroupName="app")
    with raises("InvalidCacheParameterGroupState", "still members of this parameter group app"):
        cache.elasticache.delete_cache_parameter_group(CacheParameterGroupName="app")
    cache.gone()
    cache.elasticache.delete_cache_subnet_group(CacheSubnetGroupName="app")
    cache.elasticache.delete_cache_parameter_group(CacheParameterGroupName="app")
    with raises("CacheSubnetGroupNotFoundFault"):
        cache.elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="app")
    with raises("CacheParameterGroupNotFound"):
        cache.elasticache.describe_cache_parameter_groups(CacheParameterGroupName="app")


def test_parameters_are_set_and_reset(cache):
    """With the source `user`; unknown parameters and invalid values are rejected."""
    elasticache = cache.elasticache

    def put(name, value):
        elasticache.modify_cache_parameter_group(
            CacheParameterGroupName="app", ParameterNameValues=[{"ParameterName": name, "ParameterValue": value}]
        )

    def user_parameters():
        found = elasticache.describe_cache_parameters(CacheParameterGroupName="app", Source="user")["Parameters"]
        return {one["ParameterName"]: one["ParameterValue"] for one in found}

    put("maxmemory-policy", "allkeys-lru")
    assert user_parameters() == {"maxmemory-policy": "allkeys-lru"}
    for name, value in (("maxmemory-policy", "none"), ("no-such", "1"), ("timeout", "soon")):
        with raises("InvalidParameterValue"):
            put(name, value)
    many = [{"ParameterName": "timeout", "ParameterValue": str(value)} for value in range(21)]
    with raises("InvalidParameterValue", "A maximum of 20 parameters may be modified per request."):
        elasticache.modify_cache_parameter_group(CacheParameterGroupName="app", ParameterNameValues=many)
    elasticache.reset_cache_parameter_group(CacheParameterGroupName="app", ResetAllParameters=True)
    assert user_parameters() == {}


def test_a_parameter_group_has_a_family_and_tags(cache):
    """Default groups exist, and cannot be deleted."""
    elasticache = cache.elasticache
    params = {"CacheParameterGroupFamily": "valkey8", "Description": "x"}
    with raises("CacheParameterGroupAlreadyExists"):
        elasticache.create_cache_parameter_group(CacheParameterGroupName="APP", **params)
    with raises("InvalidParameterValue", "not a valid parameter group family"):
        elasticache.create_cache_parameter_group(
            CacheParameterGroupName="x", **(params | {"CacheParameterGroupFamily": "y"})
        )
    tags = [{"Key": "team", "Value": "blue"}]
    created = elasticache.create_cache_parameter_group(CacheParameterGroupName="mine", Tags=tags, **params)
    arn = created["CacheParameterGroup"]["ARN"]
    assert elasticache.list_tags_for_resource(ResourceName=arn)["TagList"] == tags
    names = [
        one["CacheParameterGroupName"] for one in elasticache.describe_cache_parameter_groups()["CacheParameterGroups"]
    ]
    assert {"default.valkey8", "app", "mine"} <= set(names)
    with raises("InvalidParameterValue", "default"):
        elasticache.delete_cache_parameter_group(CacheParameterGroupName="default.valkey8")


def test_versions_are_listed(cache):
    """With their parameter group families."""
    found = cache.elasticache.describe_cache_engine_versions(Engine="valkey", EngineVersion="8.0")[
        "CacheEngineVersions"
    ]
    assert [one["CacheParameterGroupFamily"] for one in found] == ["valkey8"]
