"""A cache in a network, made by plain calls."""

from embedded_aws.testing import eventually

CREATE = {
    "ReplicationGroupDescription": "Sessions",
    "Engine": "valkey",
    "EngineVersion": "8.0",
    "CacheNodeType": "cache.t4g.micro",
    "NumCacheClusters": 2,
    "AutomaticFailoverEnabled": True,
    "MultiAZEnabled": True,
    "CacheSubnetGroupName": "app",
    "TransitEncryptionEnabled": True,
}


class Cache:
    """A subnet group and a parameter group `app`, and a replication group `app` on demand."""

    def __init__(self, network):
        self.network, self.elasticache = network, network.aws.client("elasticache")
        network.linked_role("elasticache")
        self.elasticache.create_cache_subnet_group(
            CacheSubnetGroupName="app", CacheSubnetGroupDescription="app", SubnetIds=network.subnets
        )
        self.elasticache.create_cache_parameter_group(
            CacheParameterGroupName="app", CacheParameterGroupFamily="valkey8", Description="app"
        )

    def begin(self, name="app", **changes):
        """Ask for one; what ElastiCache answers."""
        asked = {"ReplicationGroupId": name, "SecurityGroupIds": [self.network.group]}
        sent = {name: value for name, value in (CREATE | asked | changes).items() if value is not None}
        return self.elasticache.create_replication_group(**sent)["ReplicationGroup"]

    def create(self, name="app", **changes):
        """Make one; as ElastiCache describes it when it is available."""
        self.begin(name, **changes)
        return self.available(name)

    def available(self, name="app"):
        return eventually(lambda: (found := self.described(name))["Status"] == "available" and found)

    def described(self, name="app"):
        (found,) = self.elasticache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        return found

    def nodes(self, **which):
        """Its nodes, as the clusters that they are."""
        return self.elasticache.describe_cache_clusters(**which)["CacheClusters"]

    def modify(self, now=True, **changes):
        """Change it; as ElastiCache describes it when it is available again."""
        self.elasticache.modify_replication_group(ReplicationGroupId="app", ApplyImmediately=now, **changes)
        return self.available()

    def gone(self, name="app"):
        """Delete it, and wait until it is gone."""
        self.elasticache.delete_replication_group(ReplicationGroupId=name)
        eventually(lambda: not self.elasticache.describe_replication_groups()["ReplicationGroups"])
