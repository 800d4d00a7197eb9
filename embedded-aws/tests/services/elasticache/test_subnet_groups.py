"""Groups for caches are made, read back, refused and deleted as on ElastiCache."""

import pytest

from services.cache import Cache
from services.errors import raises


@pytest.fixture
def cache(network):
    """Groups for a cache, and no cache yet."""
    return Cache(network)


def test_a_subnet_group_is_of_subnets_in_one_vpc(cache, network):
    """A name is taken once, in any case."""
    elasticache = cache.elasticache
    about = {"CacheSubnetGroupDescription": "x", "SubnetIds": network.subnets}
    with raises("CacheSubnetGroupAlreadyExists", "Cache subnet group app already exists."):
        elasticache.create_cache_subnet_group(CacheSubnetGroupName="App", **about)
    with raises("InvalidParameterValue", "Some input subnets in :[subnet-00000000] are invalid."):
        elasticache.create_cache_subnet_group(CacheSubnetGroupName="x", **(about | {"SubnetIds": ["subnet-00000000"]}))
    other = network.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    far = network.ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with raises("InvalidSubnet", "are not in the same VPC."):
        elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="x", **(about | {"SubnetIds": [network.subnets[0], far]})
        )


def test_a_subnet_group_changes(cache, network):
    """But for subnets that a cache has nodes in; its zones are told."""

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


def test_groups_in_use_stay(cache):
    """Until the cache is gone."""
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


def test_parameters_read_back_and_reset(cache):
    """As set by a user; what ElastiCache does not know, or not allow, is refused."""
    elasticache = cache.elasticache

    def put(name, value):
        elasticache.modify_cache_parameter_group(
            CacheParameterGroupName="app", ParameterNameValues=[{"ParameterName": name, "ParameterValue": value}]
        )

    def by_user():
        found = elasticache.describe_cache_parameters(CacheParameterGroupName="app", Source="user")["Parameters"]
        return {one["ParameterName"]: one["ParameterValue"] for one in found}

    put("maxmemory-policy", "allkeys-lru")
    assert by_user() == {"maxmemory-policy": "allkeys-lru"}
    for name, value in (("maxmemory-policy", "none"), ("no-such", "1"), ("timeout", "soon")):
        with raises("InvalidParameterValue"):
            put(name, value)
    many = [{"ParameterName": "timeout", "ParameterValue": str(value)} for value in range(21)]
    with raises("InvalidParameterValue", "A maximum of 20 parameters may be modified per request."):
        elasticache.modify_cache_parameter_group(CacheParameterGroupName="app", ParameterNameValues=many)
    elasticache.reset_cache_parameter_group(CacheParameterGroupName="app", ResetAllParameters=True)
    assert by_user() == {}


def test_a_parameter_group_has_a_family_and_tags(cache):
    """ElastiCache's own are there, and stay as they are."""
    elasticache = cache.elasticache
    sent = {"CacheParameterGroupFamily": "valkey8", "Description": "x"}
    with raises("CacheParameterGroupAlreadyExists"):
        elasticache.create_cache_parameter_group(CacheParameterGroupName="APP", **sent)
    with raises("InvalidParameterValue", "not a valid parameter group family"):
        elasticache.create_cache_parameter_group(
            CacheParameterGroupName="x", **(sent | {"CacheParameterGroupFamily": "y"})
        )
    tags = [{"Key": "team", "Value": "blue"}]
    made = elasticache.create_cache_parameter_group(CacheParameterGroupName="mine", Tags=tags, **sent)
    arn = made["CacheParameterGroup"]["ARN"]
    assert elasticache.list_tags_for_resource(ResourceName=arn)["TagList"] == tags
    names = [
        one["CacheParameterGroupName"] for one in elasticache.describe_cache_parameter_groups()["CacheParameterGroups"]
    ]
    assert {"default.valkey8", "app", "mine"} <= set(names)
    with raises("InvalidParameterValue", "default"):
        elasticache.delete_cache_parameter_group(CacheParameterGroupName="default.valkey8")


def test_versions_are_listed(cache):
    """What a preflight looks up before it asks for a cache."""
    found = cache.elasticache.describe_cache_engine_versions(Engine="valkey", EngineVersion="8.0")[
        "CacheEngineVersions"
    ]
    assert [one["CacheParameterGroupFamily"] for one in found] == ["valkey8"]
