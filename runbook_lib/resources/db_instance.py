"""The database: an RDS instance of MySQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import Permission, to_apply, to_destroy, to_look, to_plan
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from ..errors import Blocked
from .base import Ids, Observed, Resource, kind
from .db_instance_options import foresee_refusal
from .db_parameter_group import DbParameterGroup, reboot_note
from .db_subnet_group import DbSubnetGroup
from .engine_versions import is_minor_upgrade, is_older, matches
from .log_group import LogGroup
from .predictions import Refusal, Remainder
from .role import Role
from .security_group import SecurityGroup
from .tagging import Tagging


@kind
class DbInstance(Resource):
    """MySQL on gp3 storage, private, with a master password that RDS keeps in Secrets Manager.

    Without ``EngineLifecycleSupport`` AWS enrols it in Extended Support, which costs extra
    once the version is out of standard support.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-creating-db-instance.html

    Args:
        logs: The log groups of the exported logs; the last part of the path names the log.  They
            are created before the instance, which would create groups that never expire.
        monitoring_seconds: The interval of enhanced monitoring; 0 is off and needs no role.
        engine_version: ``8.4`` accepts any ``8.4.x``; ``8.4.6`` accepts a later one only with ``minor_upgrades``.
        backup_window: In UTC, as ``maintenance_window``.
        final_snapshot: Whether a destroy leaves a snapshot; not a setting in AWS.
    """

    subnet_group: DbSubnetGroup
    parameter_group: DbParameterGroup
    security_group: SecurityGroup
    logs: tuple[LogGroup, ...] = ()
    monitoring_role: Role | None = None
    monitoring_seconds: int = 0
    engine_version: str
    instance_class: str
    storage_gb: int
    multi_az: bool
    backup_days: int
    backup_window: str
    maintenance_window: str
    minor_upgrades: bool
    deletion_protection: bool
    final_snapshot: bool
    iam_auth: bool = True
    encrypted: bool = True
    master_user: str = "dbadmin"
    database: str = "web"
    port: int = 3306

    # The last two are not settings: they stand for changes that AWS does not support.
    immutable = frozenset({"subnet_group", "encrypted", "master_user", "database", "storage_step", "engine_downgrade"})
    update_when_ready = True
    # RDS may not know a new role or security group yet; other uses of the first code are mistakes.
    # https://github.com/hashicorp/terraform-provider-aws/pull/9747 (the monitoring role)
    # https://github.com/aws-samples/eks-workshop-v2/issues/1609 (the service-linked role)
    eventual_errors = frozenset({
        "InvalidParameterValue: ENHANCED_MONITORING", "InvalidParameterValue: service linked role",
        "InvalidParameterValue: Missing necessary credentials", "InvalidParameterValue: Invalid security group",
        "DBSubnetGroupNotFoundFault", "DBParameterGroupNotFound",
    })  # fmt: skip
    wait_timeout = 2400
    usual_wait, usual_delete = "5 to 12 min", "2 to 5 min"  # 233-305 s, with multi_az 12 min; 105-285 s
    if_failed = (
        "Do not destroy it: its data would be lost. Wait until its zone and its instance have recovered,"
        " or restore a snapshot or a point in time."
    )

    # RDS also checks the default option group; for its secret see MasterUserSecret:
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/security_iam_id-based-policy-examples-create-and-modify-examples.html
    needs = (
        to_look("rds:DescribeDBInstances", on="rds:db:*"),
        to_plan("rds:DescribeOrderableDBInstanceOptions"),
        to_apply(
            "rds:AddTagsToResource", "rds:CreateDBInstance", "rds:ModifyDBInstance",
            on=(
                "rds:db:{env}-{self.name}", "rds:og:default*", "rds:pg:{env}-{self.parameter_group.name}",
                "rds:subgrp:{env}-{self.subnet_group.name}",
            ),
        ),
        to_destroy("rds:DeleteDBInstance", on="rds:db:{env}-{self.name}"),
    )  # fmt: skip

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permissions for a final snapshot where one is wanted."""
        last = to_destroy(
            "rds:AddTagsToResource", "rds:CreateDBSnapshot",
            on=("rds:db:{env}-{self.name}", "rds:snapshot:{env}-{self.name}-final-*"),
        )  # fmt: skip
        return (*self.needs, last) if self.final_snapshot else self.needs

    @property
    def prevent_destroy(self) -> str:
        """Refuse a destroy while the parameters protect the database."""
        return "guards.deletion_protection is true" if self.deletion_protection else ""

    def left_behind(self, observed: Observed) -> Remainder | None:
        """Name the final snapshot that a destroy leaves; its name holds the database's resource id."""
        if not self.final_snapshot:
            return None
        # The resource id makes the name unique: no other database's snapshot has it.
        name = f"{observed.id}-final-{observed.detail['resource_id'].lower()}"
        return Remainder(name, "the final snapshot of its data")

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Add what no parameter changes, and the steps that AWS has no way back from."""
        wanted = dict(super().desired(ids))
        del wanted["final_snapshot"], wanted["logs"]
        steps = {"storage_step": _STEP, "engine_downgrade": "none"}
        return wanted | _ALWAYS | {"log_exports": self._exports} | steps

    def remedy(self, observed: Observed, blocked: frozenset[str]) -> str:
        """Advise to write the version that runs, or to allow upgrades, when the engine is newer than wanted."""
        if blocked != {"engine_downgrade"}:
            return ""
        runs = observed.detail["engine_version"]
        return (
            f'It runs {runs}, and RDS has no way back: write data.engine_version: "{runs}" or'
            f' "{".".join(runs.split(".")[:2])}" in params/, or allow upgrades with data.minor_upgrades: true.'
        )

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Ask RDS whether it offers the class with this version, storage and Multi-AZ."""
        if not fields & {"instance_class", "engine_version", "multi_az", "storage_type"}:
            return None
        storage = _ALWAYS["storage_type"]
        return foresee_refusal(snapshot, self.instance_class, self.engine_version, storage, self.multi_az)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the instance up by its name. While it is created, settings that AWS shows late count as wanted."""
        name = snapshot.aws.name(self)
        instances = snapshot.all("rds", "describe_db_instances", "DBInstances")
        instance = {i["DBInstanceIdentifier"]: i for i in instances}.get(name)
        if instance is None:
            return None
        snapshot.require_ownership(self, tags_of(instance, "TagList"))
        status, state = instance["DBInstanceStatus"], self._state(instance)
        if status == "creating":
            # AWS shows some settings of a create only when the instance is almost available.
            state |= {field: value for field, value in self.desired(ids).items() if field in _SET_LATE}
        return Observed(
            name,
            state,
            ready=status in _SETTLED,
            status=status,
            failed=_failure(status),
            deleting=status == "deleting",
            note=reboot_note(instance) if status == "available" else "",
            detail=_detail(instance),
            tagging=Tagging.of("rds", instance.get("DBInstanceArn", ""), instance, "TagList"),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the instance; RDS keeps the master user's password in Secrets Manager."""
        settings: dict[str, Any] = {}
        for setting in self._settings(ids).values():
            settings |= setting
        aws.rds.create_db_instance(
            DBInstanceIdentifier=aws.name(self),
            Engine="mysql",
            DBName=self.database,
            MasterUsername=self.master_user,
            DBSubnetGroupName=ids[self.subnet_group],
            Port=self.port,
            StorageEncrypted=self.encrypted,
            EnableCloudwatchLogsExports=sorted(self._exports),
            Tags=aws.tags(self),
            **settings,
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Change what differs in one call, at once and not in the maintenance window."""
        request: dict[str, Any] = {}
        for field, setting in self._settings(ids).items():
            if field in drift:
                request |= setting
        if "port" in drift:
            request["DBPortNumber"] = self.port
        if "log_exports" in drift:
            on: frozenset[str] = observed.state["log_exports"]
            request["CloudwatchLogsExportConfiguration"] = {
                "EnableLogTypes": sorted(self._exports - on),
                "DisableLogTypes": sorted(on - self._exports),
            }
        aws.rds.modify_db_instance(DBInstanceIdentifier=observed.id, ApplyImmediately=True, **request)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete it and its automated backups; AWS rejects this while deletion protection is on."""
        if self.final_snapshot and observed.status in _WITHOUT_SNAPSHOT:
            raise Blocked(
                f"{self.key} ({observed.id}) is {observed.status}: AWS deletes it only without a final snapshot.",
                fix="If you need its data, restore a backup first (aws rds restore-db-instance-to-point-in-time)."
                " Then write guards.final_snapshot: false in params/, and destroy again.",
            )
        snapshot = self.left_behind(observed)
        last = {"FinalDBSnapshotIdentifier": snapshot.id} if snapshot else {}
        aws.rds.delete_db_instance(
            DBInstanceIdentifier=observed.id,
            SkipFinalSnapshot=snapshot is None,
            DeleteAutomatedBackups=True,
            **last,
        )

    @property
    def _exports(self) -> frozenset[str]:
        return frozenset(group.path.rpartition("/")[2] for group in self.logs)

    def _settings(self, ids: Ids) -> dict[str, dict[str, Any]]:
        """The request of each field, the same for create and modify."""
        monitoring: dict[str, Any] = {"MonitoringInterval": self.monitoring_seconds}
        if self.monitoring_role:
            monitoring["MonitoringRoleArn"] = ids[self.monitoring_role]
        return {
            "parameter_group": {"DBParameterGroupName": ids[self.parameter_group]},
            "security_group": {"VpcSecurityGroupIds": [ids[self.security_group]]},
            "monitoring_role": monitoring,
            "monitoring_seconds": monitoring,
            "engine_version": {"EngineVersion": self.engine_version},
            "instance_class": {"DBInstanceClass": self.instance_class},
            "storage_gb": {"AllocatedStorage": self.storage_gb},
            "multi_az": {"MultiAZ": self.multi_az},
            "backup_days": {"BackupRetentionPeriod": self.backup_days},
            "backup_window": {"PreferredBackupWindow": self.backup_window},
            "maintenance_window": {"PreferredMaintenanceWindow": self.maintenance_window},
            "minor_upgrades": {"AutoMinorVersionUpgrade": self.minor_upgrades},
            "deletion_protection": {"DeletionProtection": self.deletion_protection},
            "iam_auth": {"EnableIAMDatabaseAuthentication": self.iam_auth},
            "storage_type": {"StorageType": _ALWAYS["storage_type"]},
            "public": {"PubliclyAccessible": _ALWAYS["public"]},
            "tags_to_snapshots": {"CopyTagsToSnapshot": _ALWAYS["tags_to_snapshots"]},
            "managed_password": {"ManageMasterUserPassword": _ALWAYS["managed_password"]},
            "lifecycle_support": {"EngineLifecycleSupport": _ALWAYS["lifecycle_support"]},
        }

    def _state(self, instance: ApiObject) -> dict[str, Any]:
        # Pending changes have the same field names as the current values.
        pending = instance.get("PendingModifiedValues", {})
        now = instance | pending
        logs = pending.get("PendingCloudwatchLogsExports", {})
        exports = {*instance.get("EnabledCloudwatchLogsExports", ()), *logs.get("LogTypesToEnable", ())}
        groups = [g["VpcSecurityGroupId"] for g in instance["VpcSecurityGroups"] if g["Status"] != "removing"]
        seconds = instance.get("MonitoringInterval", 0)
        version, storage = now["EngineVersion"], now["AllocatedStorage"]
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.MySQL.Minor.html
        upgraded = self.minor_upgrades and is_minor_upgrade(self.engine_version, version, major=2)
        meets = matches(version, self.engine_version) or upgraded
        return {
            "subnet_group": instance["DBSubnetGroup"]["DBSubnetGroupName"],
            "parameter_group": ", ".join(sorted(g["DBParameterGroupName"] for g in instance["DBParameterGroups"])),
            "security_group": ", ".join(sorted(groups)),
            "monitoring_role": instance.get("MonitoringRoleArn") if seconds else None,
            "monitoring_seconds": seconds,
            "log_exports": frozenset(exports) - {*logs.get("LogTypesToDisable", ())},
            "engine_version": self.engine_version if meets else version,
            "engine_downgrade": f"from {version}" if not meets and is_older(self.engine_version, version) else "none",
            "instance_class": now["DBInstanceClass"],
            "storage_gb": storage,
            "storage_step": _STEP if _can_resize(storage, self.storage_gb) else f"another, from {storage} GB",
            "multi_az": now["MultiAZ"],
            "backup_days": now["BackupRetentionPeriod"],
            "backup_window": instance["PreferredBackupWindow"],
            "maintenance_window": instance["PreferredMaintenanceWindow"],
            "minor_upgrades": instance["AutoMinorVersionUpgrade"],
            "deletion_protection": instance["DeletionProtection"],
            "iam_auth": now["IAMDatabaseAuthenticationEnabled"],
            "encrypted": instance["StorageEncrypted"],
            "master_user": instance["MasterUsername"],
            "database": instance.get("DBName"),
            # While it is created it has no endpoint yet.
            "port": pending.get("Port", instance.get("Endpoint", {}).get("Port", self.port)),
            "storage_type": now["StorageType"],
            "public": instance["PubliclyAccessible"],
            "tags_to_snapshots": instance["CopyTagsToSnapshot"],
            "managed_password": "MasterUserSecret" in instance,
            "lifecycle_support": instance.get("EngineLifecycleSupport"),
        }


_ALWAYS: dict[str, Any] = {
    "storage_type": "gp3",
    "public": False,
    "tags_to_snapshots": True,
    "managed_password": True,
    "lifecycle_support": "open-source-rds-extended-support-disabled",
}
_STEP = "none, or up by a tenth at least"
_SET_LATE = ("multi_az", "iam_auth", "backup_days", "log_exports", "monitoring_role", "monitoring_seconds",
             "managed_password")  # fmt: skip

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
_SETTLED = {"available", "storage-optimization", "storage-full"}  # those in which RDS takes modifications
_BROKEN = re.compile(r"failed|incompatible-.+|inaccessible-.+|insufficient-capacity|restore-error")
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html (SkipFinalSnapshot)
_WITHOUT_SNAPSHOT = {"failed", "incompatible-restore", "incompatible-network"}
_RECOVERABLE = {
    "storage-full": "its storage is full: raise data.storage_gb, then apply",
    "stopped": "somebody stopped it: start it again (aws rds start-db-instance)",
}


def _failure(status: str) -> str:
    if _BROKEN.fullmatch(status):
        return f"its status is {status}: its events say why (aws rds describe-events --source-type db-instance)"
    return _RECOVERABLE.get(status, "")


def _detail(instance: Mapping[str, Any]) -> dict[str, Any]:
    """Values for people and later stacks; of the password only the ARN of its secret."""
    endpoint = instance.get("Endpoint", {})
    return {
        "endpoint": endpoint.get("Address"),
        "port": endpoint.get("Port"),
        "master_secret": instance.get("MasterUserSecret", {}).get("SecretArn"),
        "engine_version": instance["EngineVersion"],
        "zone": instance.get("AvailabilityZone"),
        "parameters": ", ".join(group["ParameterApplyStatus"] for group in instance["DBParameterGroups"]),
        "resource_id": instance["DbiResourceId"],
    }


def _can_resize(storage: int | None, wanted: int) -> bool:
    """Whether RDS can resize storage to *wanted* GB: up by at least a tenth; for less it would add more than wanted."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html (AllocatedStorage)
    return storage is None or storage == wanted or 10 * wanted >= 11 * storage
