"""Replication groups and clusters: created, described, modified, validated and deleted."""

import pytest

from embedded_aws.testing import eventually
from services.cache import Cache
from services.errors import raises
from services.network import Network


@pytest.fixture
def cache(network):
    """The groups for a cache, without a cache."""
    return Cache(network)


def roles(group):
    """Return role and zone of each node."""
    members = group["NodeGroups"][0]["NodeGroupMembers"]
    return {m["CacheClusterId"]: (m["CurrentRole"], m["PreferredAvailabilityZone"]) for m in members}


def test_a_group_spreads_its_nodes_over_the_zones(cache):
    """During its creation it has no endpoints; each node is described as a cluster, too."""
    started = cache.begin()
    assert (started["Status"], started["MemberClusters"]) == ("creating", ["app-001", "app-002"])
    assert "PrimaryEndpoint" not in str(started)
    created = cache.available()
    assert roles(created) == {"app-001": ("primary", "us-west-2a"), "app-002": ("replica", "us-west-2b")}
    primary = created["NodeGroups"][0]["PrimaryEndpoint"]
    assert primary["Address"].startswith("master.app.")
    assert primary["Address"].endswith(".usw2.cache.amazonaws.com")
    assert primary["Port"] == 6379
    assert (created["AutomaticFailover"], created["MultiAZ"], created["AtRestEncryptionEnabled"]) == (
        "enabled",
        "enabled",
        True,
    )
    first, second = cache.nodes(ShowCacheNodeInfo=True)
    assert (first["ReplicationGroupId"], first["EngineVersion"], first["CacheSubnetGroupName"]) == (
        "app",
        "8.0.1",
        "app",
    )
    assert first["SecurityGroups"] == [{"SecurityGroupId": cache.network.group, "Status": "active"}]
    assert first["CacheParameterGroup"]["CacheParameterGroupName"] == "default.valkey8"
    assert second["CacheNodes"][0]["Endpoint"]["Address"].startswith("app-002.app.")


def test_without_tls_addresses_have_another_format(cache):
    created = cache.create(TransitEncryptionEnabled=False)
    assert ".ng.0001.usw2.cache.amazonaws.com" in created["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
    assert "app-ro." in created["NodeGroups"][0]["ReaderEndpoint"]["Address"]


def test_a_name_is_taken_once_in_any_case(cache):
    cache.begin()
    with raises("ReplicationGroupAlreadyExists", "Replication group app already exists."):
        cache.begin("APP")
    with raises("ReplicationGroupNotFoundFault"):
        cache.described("other")
    with raises("InvalidParameterValue", "is not a valid identifier"):
        cache.begin("a--b")


@pytest.mark.parametrize(
    ("code", "words", "changes"),
    [
        ("InvalidParameterCombination", "at least 2 cache clusters", {"NumCacheClusters": 1}),
        ("InvalidParameterCombination", "Automatic failover", {"AutomaticFailoverEnabled": False}),
        ("InvalidParameterValue", "between 1 and 6", {"NumCacheClusters": 7}),
        ("InvalidParameterValue", "AUTH token", {"AuthToken": "0123456789abcdef", "TransitEncryptionEnabled": False}),
        ("InvalidParameterValue", "Invalid AuthToken", {"AuthToken": "short"}),
        ("InvalidParameterCombination", "Cannot find version 4.0.13 for valkey", {"EngineVersion": "4.0.13"}),
        ("InvalidParameterValue", "please use '8.0'", {"EngineVersion": "8.0.1"}),
        ("InvalidParameterValue", "engine", {"Engine": "mysql"}),
        ("InvalidParameterValue", "node type", {"CacheNodeType": "cache.t9.micro"}),
        ("InvalidParameterValue", "CacheNodeType must be provided", {"CacheNodeType": None}),
        (
            "InvalidParameterValue",
            "not in the subnet group: us-west-2c",
            {"PreferredCacheClusterAZs": ["us-west-2a", "us-west-2c"]},
        ),
        ("InvalidParameterValue", "sg-00000000", {"SecurityGroupIds": ["sg-00000000"]}),
        ("CacheSubnetGroupNotFoundFault", "none", {"CacheSubnetGroupName": "none"}),
        ("CacheParameterGroupNotFound", "none", {"CacheParameterGroupName": "none"}),
        ("InvalidParameterCombination", "family valkey7", {"EngineVersion": "7.2", "CacheParameterGroupName": "app"}),
        ("InvalidParameterCombination", "Availability Zones", {"PreferredCacheClusterAZs": ["us-west-2a"]}),
        ("NotSupportedLocally", "Cluster mode", {"NumNodeGroups": 2}),
        ("NotSupportedLocally", "TLS", {"TransitEncryptionMode": "preferred"}),
    ],
)  # fmt: skip
def test_invalid_groups_are_rejected(empty, code, words, changes):
    """No group is created."""
    with raises(code, words):
        empty.begin(**changes)
    assert empty.elasticache.describe_replication_groups()["ReplicationGroups"] == []


@pytest.fixture(scope="module")
def empty(aws_server):
    """Shared by all tests, because rejected calls create nothing."""
    aws_server.reset()
    return Cache(Network(aws_server))


def test_changes_are_described(cache):
    """Without ApplyImmediately, engine and node type are pending."""
    cache.create()
    other = cache.network.security_group("cache")
    changes = {"ReplicationGroupDescription": "All", "SecurityGroupIds": [other], "SnapshotRetentionLimit": 3}
    changed = cache.modify(CacheNodeType="cache.t4g.small", EngineVersion="8.1", **changes)
    assert (changed["Description"], changed["CacheNodeType"]) == ("All", "cache.t4g.small")
    assert changed["SnapshottingClusterId"] == "app-002"
    node = cache.nodes()[0]
    assert (node["EngineVersion"], node["SecurityGroups"][0]["SecurityGroupId"]) == ("8.1.0", other)
    assert cache.modify(now=False, CacheNodeType="cache.m7g.large")["CacheNodeType"] == "cache.t4g.small"
    assert cache.nodes()[0]["PendingModifiedValues"] == {"CacheNodeType": "cache.m7g.large"}
    assert cache.modify()["CacheNodeType"] == "cache.m7g.large"
    with raises("InvalidParameterCombination", "Cannot downgrade"):
        cache.modify(EngineVersion="8.0")
    started = cache.elasticache.modify_replication_group(
        ReplicationGroupId="app", ApplyImmediately=True, CacheNodeType="cache.t4g.small"
    )
    assert started["ReplicationGroup"]["Status"] == "modifying"


def test_replicas_are_added_and_removed(cache):
    """The last one only without automatic failover; node numbers are not reused."""
    cache.create()
    count = {"ReplicationGroupId": "app", "ApplyImmediately": True}
    cache.elasticache.increase_replica_count(NewReplicaCount=2, **count)
    assert roles(cache.available())["app-003"] == ("replica", "us-west-2a")
    cache.elasticache.decrease_replica_count(NewReplicaCount=1, ReplicasToRemove=["app-002"], **count)
    assert cache.available()["MemberClusters"] == ["app-001", "app-003"]
    with raises("InvalidParameterValue", "Must have at least 1 replica"):
        cache.elasticache.decrease_replica_count(NewReplicaCount=0, **count)
    cache.modify(AutomaticFailoverEnabled=False, MultiAZEnabled=False)
    cache.elasticache.decrease_replica_count(NewReplicaCount=0, **count)
    assert cache.available()["MemberClusters"] == ["app-001"]
    with raises("InvalidParameterCombination", "at least 2 cache clusters"):
        cache.modify(AutomaticFailoverEnabled=True)
    cache.elasticache.increase_replica_count(NewReplicaCount=1, **count)
    assert cache.available()["MemberClusters"] == ["app-001", "app-004"]


def test_invalid_changes_are_rejected(cache):
    """Of the engine, the primary, the token and the number of replicas."""
    before, token = cache.create(), "0123456789abcdef"
    value, combination = "InvalidParameterValue", "InvalidParameterCombination"
    changes = [
        (combination, "Cannot change the engine from valkey to redis.", {"Engine": "redis"}),
        ("CacheClusterNotFound", "none", {"PrimaryClusterId": "none"}),
        (combination, "Automatic failover must be disabled", {"PrimaryClusterId": "app-002"}),
        (value, "strategy: SWAP", {"AuthToken": token, "AuthTokenUpdateStrategy": "SWAP"}),
    ]
    for code, words, params in changes:
        with raises(code, words):
            cache.modify(**params)
    more, fewer = cache.elasticache.increase_replica_count, cache.elasticache.decrease_replica_count
    counts = [
        (more, value, "greater than the current number", {"NewReplicaCount": 1}),
        (fewer, value, "smaller than the current number", {"NewReplicaCount": 1}),
        (more, value, "ApplyImmediately=False is not", {"NewReplicaCount": 2, "ApplyImmediately": False}),
        (more, combination, "NewReplicaCount must be specified", {}),
    ]
    for operation, code, words, params in counts:
        with raises(code, words):
            operation(**({"ReplicationGroupId": "app", "ApplyImmediately": True} | params))
    cache.modify(AutomaticFailoverEnabled=False, MultiAZEnabled=False)
    with raises(combination, "ReplicasToRemove must name as many replicas"):
        fewer(ReplicationGroupId="app", ApplyImmediately=True, NewReplicaCount=0, ReplicasToRemove=["app-001"])
    changed = {"AutomaticFailover": "disabled", "MultiAZ": "disabled"}
    assert cache.described() == before | changed


def test_a_failover_changes_the_roles(cache):
    """Only with automatic failover."""
    cache.create()
    with raises("NodeGroupNotFoundFault"):
        cache.elasticache.test_failover(ReplicationGroupId="app", NodeGroupId="0002")
    cache.elasticache.test_failover(ReplicationGroupId="app", NodeGroupId="0001")
    assert roles(cache.available()) == {"app-001": ("replica", "us-west-2a"), "app-002": ("primary", "us-west-2b")}
    cache.modify(AutomaticFailoverEnabled=False, MultiAZEnabled=False)
    with raises("TestFailoverNotAvailableFault"):
        cache.elasticache.test_failover(ReplicationGroupId="app", NodeGroupId="0001")
    assert roles(cache.modify(PrimaryClusterId="app-001"))["app-001"] == ("primary", "us-west-2a")


def test_a_deletion_finishes(cache):
    """Then the network can be deleted; the final snapshot stays."""
    cache.create()
    with raises("DependencyViolation"):
        cache.network.ec2.delete_security_group(GroupId=cache.network.group)
    with raises("DependencyViolation"):
        cache.network.ec2.delete_subnet(SubnetId=cache.network.subnets[1])
    params = {"ReplicationGroupId": "app", "FinalSnapshotIdentifier": "last"}
    deleted = cache.elasticache.delete_replication_group(**params)["ReplicationGroup"]
    assert deleted["Status"] == "deleting"
    # https://docs.aws.amazon.com/cli/latest/reference/elasticache/delete-replication-group.html (the example)
    assert {"MemberClusters", "NodeGroups", "CacheNodeType", "ClusterEnabled"}.isdisjoint(deleted)
    eventually(lambda: not cache.elasticache.describe_replication_groups()["ReplicationGroups"])
    assert cache.nodes() == []
    assert [one["SnapshotName"] for one in cache.elasticache.describe_snapshots()["Snapshots"]] == ["last"]
    cache.network.ec2.delete_security_group(GroupId=cache.network.group)


def test_tags_are_listed_while_it_is_available(cache):
    """Of the group and of its nodes, by ElastiCache and by the tagging API."""
    tagging = cache.network.aws.client("resourcegroupstaggingapi")

    def tagged():
        found = tagging.get_resources(TagFilters=[{"Key": "team", "Values": ["blue"]}])["ResourceTagMappingList"]
        return {one["ResourceARN"].partition("123456789012:")[2] for one in found}

    cache.network.aws.control("pace", 10)
    arn = cache.begin(Tags=[{"Key": "team", "Value": "blue"}])["ARN"]
    with raises("InvalidReplicationGroupState", "not in available state to perform tagging operations"):
        cache.elasticache.list_tags_for_resource(ResourceName=arn)
    cache.network.aws.control("pace", 0)
    cache.available()
    assert tagged() == {"replicationgroup:app", "cluster:app-001", "cluster:app-002"}
    node = arn.replace("replicationgroup:app", "cluster:app-002")
    assert cache.elasticache.list_tags_for_resource(ResourceName=node)["TagList"] == [{"Key": "team", "Value": "blue"}]
    added = cache.elasticache.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "more", "Value": "1"}])
    assert len(added["TagList"]) == 2
    cache.elasticache.remove_tags_from_resource(ResourceName=arn, TagKeys=["team"])
    assert tagged() == set()
    cache.gone()
    with raises("ReplicationGroupNotFoundFault"):
        cache.elasticache.list_tags_for_resource(ResourceName=arn)
    with raises("InvalidARN", "ARN app is invalid."):
        cache.elasticache.list_tags_for_resource(ResourceName="app")


def test_a_standalone_cluster_is_created_and_deleted(cache):
    """It is listed with and without the nodes of groups, which are deleted only with their group."""
    cache.create(NumCacheClusters=1, AutomaticFailoverEnabled=False, MultiAZEnabled=False)
    params = {"CacheClusterId": "one", "Engine": "redis", "CacheNodeType": "cache.t4g.micro"}
    assert cache.elasticache.create_cache_cluster(**params)["CacheCluster"]["CacheClusterStatus"] == "creating"
    assert [node["CacheClusterId"] for node in cache.nodes()] == ["app-001", "one"]
    (one,) = eventually(
        lambda: [
            node
            for node in cache.nodes(ShowCacheClustersNotInReplicationGroups=True, ShowCacheNodeInfo=True)
            if node["CacheClusterStatus"] == "available"
        ]
    )
    assert one["CacheNodes"][0]["Endpoint"]["Address"].endswith(".0001.usw2.cache.amazonaws.com")
    with raises("InvalidCacheClusterState", "Delete the replication group instead"):
        cache.elasticache.delete_cache_cluster(CacheClusterId="app-001")
    cache.elasticache.delete_cache_cluster(CacheClusterId="one")
    eventually(lambda: len(cache.nodes()) == 1)
    with raises("CacheClusterNotFound"):
        cache.nodes(CacheClusterId="one")
    with raises("CacheClusterNotFound"):
        cache.elasticache.delete_cache_cluster(CacheClusterId="one")


def test_a_cache_in_creation_cannot_be_changed(cache):
    """Nor can it be deleted."""
    cache.network.aws.control("pace", 10)
    try:
        cache.begin()
        with raises("InvalidReplicationGroupState", "must be in available state to modify"):
            cache.elasticache.modify_replication_group(ReplicationGroupId="app", ReplicationGroupDescription="x")
        with raises("InvalidReplicationGroupState", "has status creating which is not valid for deletion"):
            cache.elasticache.delete_replication_group(ReplicationGroupId="app")
        cache.elasticache.create_cache_cluster(CacheClusterId="one", Engine="redis", CacheNodeType="cache.t4g.micro")
        with raises("InvalidCacheClusterState", "not in a valid state to be deleted"):
            cache.elasticache.delete_cache_cluster(CacheClusterId="one")
    finally:
        cache.network.aws.control("pace", 0)


def test_the_number_of_nodes_is_validated(cache):
    """A cluster of Redis or Valkey has one."""
    params = {"CacheClusterId": "one", "Engine": "redis", "CacheNodeType": "cache.t4g.micro"}
    for nodes, words in ((2, "Cannot create a Redis cluster with a NumCacheNodes"), (0, "must be between 1 and 1: 0")):
        with raises("InvalidParameterValue", words):
            cache.elasticache.create_cache_cluster(**params, NumCacheNodes=nodes)
    assert cache.nodes() == []


def test_serverless_caches_are_rejected_as_not_supported(aws):
    elasticache = aws.client("elasticache")
    with raises("NotSupportedLocally", "CreateServerlessCache is not supported in the local environment"):
        elasticache.create_serverless_cache(ServerlessCacheName="app", Engine="valkey")
    with raises("NotSupportedLocally"):
        elasticache.describe_serverless_caches()
