"""RDS.x and ElastiCache.x: the database, its snapshots, and the cache of sessions.

https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/elasticache-controls.html
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from ....aws.snapshot import ApiObject
from ....resources.cache_replication_group import CacheReplicationGroup
from ..account import Account
from .outcome import Evaluation, Outcome, Wrong, judge, none, required

_NO_DATABASE = "there is no database"
_LOGS = {"audit", "error", "general", "slowquery"}
"""What RDS.9 wants of MySQL."""
_BACKUP_DAYS = 7
"""The default of RDS.11's parameter `backupRetentionMinimum`."""
_DEFAULT_PORT = 3306
_DEFAULT_NAMES = ("admin", "root", "mysql", "administrator", "master")
_FIRST_WITHOUT_AUTH = 6
"""Since version 6.0, access control lists do what AUTH did (ElastiCache.6)."""


def _database(account: Account, wrong: Wrong) -> Outcome:
    found = [account.database] if account.database else []
    return judge(found, "DBInstanceIdentifier", wrong, _NO_DATABASE, tags="TagList")


def _holds(field: str, value: object, words: str) -> Evaluation:
    return lambda account: _database(account, required(field, value, words))


def _logs(database: ApiObject) -> str:
    missing = sorted(_LOGS - set(database.get("EnabledCloudwatchLogsExports") or ()))
    return f"does not publish its logs {', '.join(missing)}" if missing else ""


def _backups(database: ApiObject) -> str:
    days = database["BackupRetentionPeriod"] or 0
    return f"keeps backups for {days} days" if days < _BACKUP_DAYS else ""


def _port(database: ApiObject) -> str:
    port = database.get("DbInstancePort") or (database.get("Endpoint") or {}).get("Port")
    return f"listens on {port}" if port == _DEFAULT_PORT else ""


def _name(database: ApiObject) -> str:
    name = database["MasterUsername"]
    return f"has the administrator {name}" if name in _DEFAULT_NAMES else ""


def _vpc(database: ApiObject) -> str:
    return "" if (database.get("DBSubnetGroup") or {}).get("VpcId") else "is in no VPC"


def _public_subnets(account: Account) -> Outcome:
    def wrong(database: ApiObject) -> str:
        subnets = [each["SubnetIdentifier"] for each in database["DBSubnetGroup"]["Subnets"]]
        public = [own for own in subnets if own in account.network.subnets and account.network.is_public(own)]
        return f"may be placed in {', '.join(public)}, which is public" if public else ""

    return _database(account, wrong)


def _snapshots(account: Account) -> list[ApiObject]:
    own = account.database["DBInstanceIdentifier"] if account.database else ""
    return account.snapshot.all("rds", "describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=own)


_NO_SNAPSHOT = "the database has no snapshot"


def _private_snapshots(account: Account) -> Outcome:
    """RDS.1; only manual snapshots can be shared."""
    manual = [each for each in _snapshots(account) if each.get("SnapshotType") == "manual"]

    def wrong(item: ApiObject) -> str:
        answer = account.snapshot.get(
            "rds", "describe_db_snapshot_attributes", missing="DBSnapshotNotFound",
            DBSnapshotIdentifier=item["DBSnapshotIdentifier"],
        )  # fmt: skip
        attributes = answer["DBSnapshotAttributesResult"]["DBSnapshotAttributes"] if answer else []
        public = any("all" in each["AttributeValues"] for each in attributes if each["AttributeName"] == "restore")
        return "can be restored by anybody" if public else ""

    return judge(manual, "DBSnapshotIdentifier", wrong, "the database has no manual snapshot", tags="TagList")


def _encrypted_snapshots(account: Account) -> Outcome:
    wrong = required("Encrypted", True, "is not encrypted")
    return judge(_snapshots(account), "DBSnapshotIdentifier", wrong, _NO_SNAPSHOT, tags="TagList")


def _events(kind: str, categories: Collection[str], account: Account) -> Outcome:
    """RDS.20 to 22 are about event subscriptions that exist: they ask for none."""
    listed = account.snapshot.all("rds", "describe_event_subscriptions", "EventSubscriptionsList")
    own = [each for each in listed if each.get("SourceType") == kind]
    absent = f"there is no event subscription for {kind.replace('-', ' ')}s, and AWS asks for none"

    def wrong(subscription: ApiObject) -> str:
        chosen = set(subscription.get("EventCategoriesList") or categories)
        missing = sorted(set(categories) - chosen)
        return f"does not tell of {', '.join(missing)}" if missing else "" if subscription["Enabled"] else "is disabled"

    return judge(own, "CustSubscriptionId", wrong, absent)


def _cache(account: Account) -> ApiObject | None:
    wanted = account.the(CacheReplicationGroup)
    if wanted is None:
        return None
    name = account.snapshot.aws.name(wanted)
    found = account.snapshot.all("elasticache", "describe_replication_groups", "ReplicationGroups")
    return next((each for each in found if each["ReplicationGroupId"] == name), None)


def _each_cache(account: Account, wrong: Wrong) -> Outcome:
    wanted = account.the(CacheReplicationGroup)
    if wanted is None:
        return none("the parameters ask for no cache")
    cache = _cache(account)
    return judge([cache] if cache else [], "ReplicationGroupId", wrong, "there is no cache", key=wanted.key)


def _each_node(account: Account, wrong: Wrong) -> Outcome:
    """What ElastiCache shows of the nodes only; the key is that of their group."""
    wanted, cache = account.the(CacheReplicationGroup), _cache(account)
    if wanted is None:
        return none("the parameters ask for no cache")
    listed = account.snapshot.all("elasticache", "describe_cache_clusters", "CacheClusters")
    own = [each for each in listed if cache and each.get("ReplicationGroupId") == cache["ReplicationGroupId"]]
    return judge(own, "CacheClusterId", wrong, "there is no cache", key=wanted.key)


def _snapshot_days(cache: ApiObject) -> str:
    return "" if cache.get("SnapshotRetentionLimit") else "keeps no backups"


def _failover(cache: ApiObject) -> str:
    state = cache.get("AutomaticFailover")
    return "" if state in ("enabled", "enabling") else f"has automatic failover {state}"


def _auth(node: ApiObject) -> str:
    version = str(node.get("EngineVersion") or "0")
    old = node["Engine"] == "redis" and int(version.split(".")[0]) < _FIRST_WITHOUT_AUTH
    return f"has version {version} without AUTH" if old and not node.get("AuthTokenEnabled") else ""


def _subnet_group(node: ApiObject) -> str:
    return "is in the default subnet group" if node.get("CacheSubnetGroupName") == "default" else ""


EVALUATIONS: dict[str, Evaluation] = {
    "ElastiCache.1": lambda a: _each_cache(a, _snapshot_days),
    "ElastiCache.2": lambda a: _each_node(
        a, required("AutoMinorVersionUpgrade", True, "gets no minor versions by itself")),
    "ElastiCache.3": lambda a: _each_cache(a, _failover),
    "ElastiCache.4": lambda a: _each_cache(a, required("AtRestEncryptionEnabled", True, "is not encrypted at rest")),
    "ElastiCache.5": lambda a: _each_cache(
        a, required("TransitEncryptionEnabled", True, "is not encrypted in transit")),
    "ElastiCache.6": lambda a: _each_node(a, _auth),
    "ElastiCache.7": lambda a: _each_node(a, _subnet_group),
    "RDS.1": _private_snapshots,
    "RDS.2": _holds("PubliclyAccessible", False, "is publicly accessible"),
    "RDS.3": _holds("StorageEncrypted", True, "is not encrypted"),
    "RDS.4": _encrypted_snapshots,
    "RDS.5": _holds("MultiAZ", True, "has no standby in another zone"),
    "RDS.6": lambda a: _database(a, lambda d: "" if d.get("MonitoringInterval") else "has no enhanced monitoring"),
    "RDS.8": _holds("DeletionProtection", True, "has no deletion protection"),
    "RDS.9": lambda a: _database(a, _logs),
    "RDS.10": _holds("IAMDatabaseAuthenticationEnabled", True, "does not take IAM authentication"),
    "RDS.11": lambda a: _database(a, _backups),
    "RDS.13": _holds("AutoMinorVersionUpgrade", True, "gets no minor versions by itself"),
    "RDS.17": _holds("CopyTagsToSnapshot", True, "does not copy its tags to snapshots"),
    "RDS.18": lambda a: _database(a, _vpc),
    "RDS.20": partial(_events, "db-instance", ("maintenance", "configuration change", "failure")),
    "RDS.21": partial(_events, "db-parameter-group", ("configuration change",)),
    "RDS.22": partial(_events, "db-security-group", ("configuration change", "failure")),
    "RDS.23": lambda a: _database(a, _port),
    "RDS.25": lambda a: _database(a, _name),
    "RDS.46": _public_subnets,
}  # fmt: skip
