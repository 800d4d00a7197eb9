"""The controls of RDS and ElastiCache, evaluated on what these would describe.

https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/elasticache-controls.html
"""

from types import SimpleNamespace

import pytest

from runbook_lib.resources.cache_replication_group import CacheReplicationGroup
from tests.stacks.checks.described import call, evaluate, wanted

NAME = "prod-database"
ENCRYPTED, STANDBY = "is not encrypted", "has no standby in another zone"
LOGS = ["audit", "error", "general", "slowquery"]
UPGRADES = "gets no minor versions by itself"


def tags(key):
    return [{"Key": "Name", "Value": "x"}, {"Key": "runbook:key", "Value": key}]


def subnets(*ids):
    return {"DBSubnetGroup": {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": each} for each in ids]}}


CASES = [  # control, what RDS describes of the database, the offence
    ("RDS.2", {"PubliclyAccessible": False}, ""), ("RDS.2", {"PubliclyAccessible": True}, "is publicly accessible"),
    ("RDS.2", {}, "is publicly accessible"),
    ("RDS.3", {"StorageEncrypted": True}, ""), ("RDS.3", {"StorageEncrypted": False}, ENCRYPTED),
    ("RDS.3", {}, ENCRYPTED),
    ("RDS.5", {"MultiAZ": True}, ""), ("RDS.5", {"MultiAZ": False}, STANDBY),
    ("RDS.6", {"MonitoringInterval": 60}, ""), ("RDS.6", {"MonitoringInterval": 0}, "has no enhanced monitoring"),
    ("RDS.6", {}, "has no enhanced monitoring"),
    ("RDS.8", {"DeletionProtection": True}, ""), ("RDS.8", {"DeletionProtection": False}, "has no deletion protection"),
    ("RDS.9", {"EnabledCloudwatchLogsExports": [*LOGS, "iam-db-auth-error"]}, ""),
    ("RDS.9", {"EnabledCloudwatchLogsExports": ["error"]}, "does not publish its logs audit, general, slowquery"),
    ("RDS.9", {}, f"does not publish its logs {', '.join(LOGS)}"),
    *(("RDS.9", {"EnabledCloudwatchLogsExports": [log for log in LOGS if log != each]},
       f"does not publish its logs {each}") for each in LOGS),
    ("RDS.10", {"IAMDatabaseAuthenticationEnabled": True}, ""),
    ("RDS.10", {"IAMDatabaseAuthenticationEnabled": False}, "does not take IAM authentication"),
    ("RDS.11", {"BackupRetentionPeriod": 7}, ""), ("RDS.11", {"BackupRetentionPeriod": 8}, ""),
    ("RDS.11", {"BackupRetentionPeriod": 6}, "keeps backups for 6 days"),
    ("RDS.11", {"BackupRetentionPeriod": None}, "keeps backups for 0 days"),
    ("RDS.13", {"AutoMinorVersionUpgrade": True}, ""), ("RDS.13", {"AutoMinorVersionUpgrade": False}, UPGRADES),
    ("RDS.17", {"CopyTagsToSnapshot": True}, ""),
    ("RDS.17", {"CopyTagsToSnapshot": False}, "does not copy its tags to snapshots"),
    ("RDS.18", subnets(), ""), ("RDS.18", {"DBSubnetGroup": {}}, "is in no VPC"), ("RDS.18", {}, "is in no VPC"),
    ("RDS.23", {"DbInstancePort": 3306, "Endpoint": {"Port": 13306}}, "listens on 3306"),
    ("RDS.23", {"DbInstancePort": 0, "Endpoint": {"Port": 3306}}, "listens on 3306"),
    ("RDS.23", {"DbInstancePort": 13306, "Endpoint": {"Port": 3306}}, ""),
    ("RDS.23", {"Endpoint": {"Port": 3307}}, ""), ("RDS.23", {}, ""), ("RDS.23", {"Endpoint": {}}, ""),
    *(("RDS.25", {"MasterUsername": each}, f"has the administrator {each}")
      for each in ("admin", "root", "mysql", "administrator", "master")),
    ("RDS.25", {"MasterUsername": "admins"}, ""),
    ("RDS.46", subnets("private", "elsewhere"), ""),
    ("RDS.46", subnets("private", "public-a", "elsewhere", "public-b"),
     "may be placed in public-a, public-b, which is public"),
]  # fmt: skip
NETWORK = SimpleNamespace(
    subnets=dict.fromkeys(["public-a", "private", "public-b"]), is_public=lambda own: own != "private")  # fmt: skip


@pytest.mark.parametrize(("control", "described", "why"), CASES)
@pytest.mark.parametrize("key", ["db_instance.database", ""])
def test_what_a_control_finds_at_the_database(control, described, why, key):
    database = {"DBInstanceIdentifier": NAME, **({"TagList": tags(key)} if key else {}), **described}
    found = evaluate(control, database=database, network=NETWORK)
    assert found == ([NAME], [(NAME, why, key)] if why else [])
    assert evaluate(control) == "there is no database"


def snapshots(*items):
    own = [{"DBSnapshotIdentifier": f"s-{n}", **more} for n, more in enumerate(items, 1)]
    return {call("rds", "describe_db_snapshots", DBInstanceIdentifier=NAME): {"DBSnapshots": own}}


def attributes(number, *items):
    own = [{"AttributeName": name, "AttributeValues": values} for name, values in items]
    key = call("rds", "describe_db_snapshot_attributes", DBSnapshotIdentifier=f"s-{number}")
    return {key: {"DBSnapshotAttributesResult": {"DBSnapshotAttributes": own}}}


DATABASE = {"DBInstanceIdentifier": NAME}
MANUAL, AUTOMATED = {"SnapshotType": "manual"}, {"SnapshotType": "automated", "TagList": tags("a.b")}


def test_only_manual_snapshots_can_be_public():
    """A snapshot may be gone by the time that it is asked for."""
    answers = snapshots(AUTOMATED, MANUAL, MANUAL | {"TagList": tags("a.b")}, {}, MANUAL, MANUAL)
    answers |= attributes(2, ("other", ["x"]), ("restore", [NAME, "all"])) | attributes(3, ("restore", ["all"]))
    answers |= attributes(5, ("restore", ["222222222222"]), ("other", ["all"]))
    answers[call("rds", "describe_db_snapshot_attributes", DBSnapshotIdentifier="s-6")] = "DBSnapshotNotFound"
    why = "can be restored by anybody"
    found = evaluate("RDS.1", answers, database=DATABASE)
    assert found == (["s-2", "s-3", "s-5", "s-6"], [("s-2", why, ""), ("s-3", why, "a.b")])
    for described in (snapshots(AUTOMATED, {}), snapshots()):
        assert evaluate("RDS.1", described, database=DATABASE) == "the database has no manual snapshot"
    assert evaluate("RDS.1") == "the database has no manual snapshot"


def test_all_snapshots_must_be_encrypted():
    answers = snapshots(AUTOMATED, MANUAL | {"Encrypted": True}, MANUAL | {"Encrypted": False})
    found = evaluate("RDS.4", answers, database=DATABASE)
    assert found == (["s-1", "s-2", "s-3"], [("s-1", ENCRYPTED, "a.b"), ("s-3", ENCRYPTED, "")])
    assert evaluate("RDS.4", snapshots(), database=DATABASE) == "the database has no snapshot"
    assert evaluate("RDS.4") == "the database has no snapshot"


def subscriptions(*items):
    """All are enabled, unless they say otherwise."""
    own = [{"CustSubscriptionId": f"s-{n}", "Enabled": True, **more} for n, more in enumerate(items, 1)]
    return {call("rds", "describe_event_subscriptions"): {"EventSubscriptionsList": own}}


KINDS = {
    "RDS.20": ("db-instance", ["configuration change", "failure", "maintenance"]),
    "RDS.21": ("db-parameter-group", ["configuration change"]),
    "RDS.22": ("db-security-group", ["configuration change", "failure"]),
}


@pytest.mark.parametrize("control", KINDS)
def test_an_event_subscription_tells_of_all_that_is_critical(control):
    """One without categories tells of all."""
    kind, categories = KINDS[control]
    own = {"SourceType": kind}
    others = [{"SourceType": each, "Enabled": False} for each, _ in KINDS.values() if each != kind]
    answers = subscriptions(
        *others, own, own | {"Enabled": False}, own | {"EventCategoriesList": ["backup", *categories]},
        own | {"EventCategoriesList": ["backup"], "Enabled": False},
        own | {"EventCategoriesList": [], "Tags": tags("a.b"), "Enabled": False}, {"Enabled": False},
    )  # fmt: skip
    missing = f"does not tell of {', '.join(categories)}"
    expected = [("s-4", "is disabled", ""), ("s-6", missing, ""), ("s-7", "is disabled", "a.b")]
    assert evaluate(control, answers) == ([f"s-{n}" for n in range(3, 8)], expected)
    for each in categories:
        chosen = {"EventCategoriesList": ["backup", *(one for one in categories if one != each)]}
        assert evaluate(control, subscriptions(own | chosen))[1] == [("s-1", f"does not tell of {each}", "")]
    why = f"there is no event subscription for {kind.replace('-', ' ')}s, and AWS asks for none"
    assert evaluate(control, subscriptions(*others)) == evaluate(control, subscriptions()) == why


WANTED = wanted(CacheReplicationGroup)
GROUPS, NODES = ("describe_replication_groups", "ReplicationGroups"), ("describe_cache_clusters", "CacheClusters")


def caches(*fields, nodes=()):
    """The environment's group between two others, if it has fields; and nodes n-1, n-2 …"""
    names = ["test-x", "prod-x", "prod-y"]
    groups = [{"ReplicationGroupId": name, **(fields[0] if name == "prod-x" and fields else {})} for name in names]
    own = [{"CacheClusterId": f"n-{n}", "Engine": "redis", **each} for n, each in enumerate(nodes, 1)]
    return {
        call("elasticache", GROUPS[0]): {GROUPS[1]: groups if fields else [groups[0], groups[2]]},
        call("elasticache", NODES[0]): {NODES[1]: own},
    }


IN_CLEAR, FAILOVER = "is not encrypted in transit", "has automatic failover"


@pytest.mark.parametrize(
    ("control", "described", "why"),
    [
        ("ElastiCache.1", {"SnapshotRetentionLimit": 1}, ""), ("ElastiCache.1", {}, "keeps no backups"),
        ("ElastiCache.1", {"SnapshotRetentionLimit": 0}, "keeps no backups"),
        ("ElastiCache.3", {"AutomaticFailover": "enabled"}, ""),
        ("ElastiCache.3", {"AutomaticFailover": "enabling"}, ""),
        ("ElastiCache.3", {"AutomaticFailover": "disabled"}, f"{FAILOVER} disabled"),
        ("ElastiCache.3", {"AutomaticFailover": "disabling"}, f"{FAILOVER} disabling"),
        ("ElastiCache.3", {}, f"{FAILOVER} None"),
        ("ElastiCache.4", {"AtRestEncryptionEnabled": True}, ""), ("ElastiCache.4", {}, "is not encrypted at rest"),
        ("ElastiCache.4", {"AtRestEncryptionEnabled": False}, "is not encrypted at rest"),
        ("ElastiCache.5", {"TransitEncryptionEnabled": True}, ""), ("ElastiCache.5", {}, IN_CLEAR),
        ("ElastiCache.5", {"TransitEncryptionEnabled": False}, IN_CLEAR),
    ],
)  # fmt: skip
def test_what_a_control_finds_at_the_cache(control, described, why):
    assert evaluate(control, caches(described), WANTED) == (["prod-x"], [("prod-x", why, "own.x")] if why else [])
    assert evaluate(control, caches(), WANTED) == "there is no cache"
    assert evaluate(control, caches(described)) == "the parameters ask for no cache"


VERSION = "without AUTH"


@pytest.mark.parametrize(
    ("control", "described", "why"),
    [
        ("ElastiCache.2", {"AutoMinorVersionUpgrade": True}, ""), ("ElastiCache.2", {}, UPGRADES),
        ("ElastiCache.2", {"AutoMinorVersionUpgrade": False}, UPGRADES),
        ("ElastiCache.6", {"EngineVersion": "6.0"}, ""), ("ElastiCache.6", {"EngineVersion": "7.1.0"}, ""),
        ("ElastiCache.6", {"EngineVersion": "10.0"}, ""),
        ("ElastiCache.6", {"EngineVersion": "5.6.7"}, f"has version 5.6.7 {VERSION}"),
        ("ElastiCache.6", {"EngineVersion": "5.0.6", "AuthTokenEnabled": True}, ""),
        ("ElastiCache.6", {"EngineVersion": "5.0.6", "AuthTokenEnabled": False}, f"has version 5.0.6 {VERSION}"),
        ("ElastiCache.6", {"EngineVersion": "5.0.6", "Engine": "valkey"}, ""),
        ("ElastiCache.6", {}, f"has version 0 {VERSION}"),
        ("ElastiCache.7", {"CacheSubnetGroupName": "default"}, "is in the default subnet group"),
        ("ElastiCache.7", {"CacheSubnetGroupName": "prod-default"}, ""), ("ElastiCache.7", {}, ""),
    ],
)  # fmt: skip
def test_what_a_control_finds_at_the_nodes_of_the_cache(control, described, why):
    """Those of other groups, and those of none, are not told."""
    own, other = {"ReplicationGroupId": "prod-x"}, {"ReplicationGroupId": "prod-y"}
    nodes = [other | described, own | described, described, own | described, other | described]
    offences = [(each, why, "own.x") for each in ("n-2", "n-4")] if why else []
    assert evaluate(control, caches({}, nodes=nodes), WANTED) == (["n-2", "n-4"], offences)
    assert evaluate(control, caches({}, nodes=[other, {}]), WANTED) == "there is no cache"
    assert evaluate(control, caches(nodes=nodes), WANTED) == "there is no cache"
    assert evaluate(control, caches({}, nodes=nodes)) == "the parameters ask for no cache"
