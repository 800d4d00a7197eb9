"""What the contract is tested with, kind by kind: as first wanted, and as wanted later."""

from dataclasses import replace

from runbook_lib.resources.cache_replication_group import CacheReplicationGroup
from runbook_lib.resources.cache_subnet_group import CacheSubnetGroup
from runbook_lib.resources.db_instance import DbInstance
from runbook_lib.resources.db_parameter_group import DbParameterGroup
from runbook_lib.resources.db_subnet_group import DbSubnetGroup
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.role import Role
from runbook_lib.resources.security_group import SecurityGroup
from runbook_lib.resources.service_linked_role import linked_role_of_elasticache, linked_role_of_rds
from runbook_lib.resources.subnet import Subnet
from runbook_lib.resources.vpc import Vpc
from tests.support.changeable import Changed

vpc = Vpc(name="main", cidr="10.20.0.0/16")
subnets = tuple(
    Subnet(name=f"private-{zone}", vpc=vpc, cidr=f"10.20.{n}.0/24", zone=f"us-west-2{zone}")
    for n, zone in enumerate("abc", 16)
)
subnet_group = DbSubnetGroup(
    name="private", subnets=subnets[:2], description="Private subnets", linked_role=linked_role_of_rds()
)
parameter_group = DbParameterGroup(
    name="mysql",
    family="mysql8.4",
    parameters=(("require_secure_transport", "1"), ("character_set_server", "utf8mb4")),
)
security_group = SecurityGroup(name="db", vpc=vpc, description="Database")
errors, slow = (
    LogGroup(name=f"database-{log}", path=f"/aws/rds/instance/test-database/{log}", days=7)
    for log in ("error", "slowquery")
)
monitoring = Role(
    name="monitoring",
    service="monitoring.rds.amazonaws.com",
    policies=("arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",),
)
database = DbInstance(
    name="database",
    subnet_group=subnet_group,
    parameter_group=parameter_group,
    security_group=security_group,
    logs=(errors,),
    engine_version="8.4",
    instance_class="db.t4g.micro",
    storage_gb=20,
    multi_az=False,
    backup_days=7,
    backup_window="08:00-08:30",
    maintenance_window="sun:09:00-sun:09:30",
    minor_upgrades=True,
    deletion_protection=False,
    final_snapshot=False,
)
monitored = replace(database, monitoring_role=monitoring, monitoring_seconds=60)
cache_subnet_group = CacheSubnetGroup(
    name="private", subnets=subnets[:2], description="Private subnets", linked_role=linked_role_of_elasticache()
)
cache = CacheReplicationGroup(
    name="sessions",
    subnet_group=cache_subnet_group,
    security_group=security_group,
    description="Sessions",
    node_type="cache.t4g.micro",
    replicas=0,
)

CASES = {
    "service-linked role": (linked_role_of_rds(), None),
    "db subnet group": (subnet_group, replace(subnet_group, subnets=subnets, description="All private subnets")),
    "db parameter group": (
        parameter_group,
        replace(parameter_group, parameters=(("require_secure_transport", "0"), ("max_connections", "90"))),
    ),
    "db parameter group of many": (
        replace(parameter_group, parameters=tuple((f"optimizer_switch_{n}", "1") for n in range(41))),
        parameter_group,
    ),
    "db instance": (
        database,
        replace(
            database,
            logs=(slow,),
            instance_class="db.t4g.small",
            multi_az=True,
            backup_days=14,
            backup_window="04:00-04:30",
            maintenance_window="mon:05:00-mon:05:30",
            minor_upgrades=False,
            deletion_protection=True,
        ),
    ),
    "db instance, monitored": (monitored, database),
    "cache subnet group": (
        cache_subnet_group,
        replace(cache_subnet_group, subnets=subnets, description="All private subnets"),
    ),
    "cache replication group": (
        cache,
        replace(
            cache,
            security_group=replace(security_group, name="cache"),
            description="All sessions",
            node_type="cache.t4g.small",
            replicas=1,
            maintenance_window="mon:05:00-mon:06:00",
            minor_upgrades=False,
            snapshot_days=3,
        ),
    ),
}

# What a person can change of each, and what of that is compared: tests/support/changeable.py.
BY_HAND = {
    CacheReplicationGroup: Changed(
        "elasticache", "ReplicationGroupId",
        {"description": "ReplicationGroupDescription", "failover": "AutomaticFailoverEnabled",
         "multi_az": "MultiAZEnabled", "security_group": "SecurityGroupIds CacheSecurityGroupNames",
         "maintenance_window": "PreferredMaintenanceWindow", "engine": "Engine", "engine_version": "EngineVersion",
         "minor_upgrades": "AutoMinorVersionUpgrade", "snapshot_days": "SnapshotRetentionLimit",
         "node_type": "CacheNodeType", "in_transit": "TransitEncryptionEnabled TransitEncryptionMode",
         "cluster_mode": "ClusterMode"},
        {"which node is the primary: a failover changes it": "PrimaryClusterId NodeGroupId",
         "there are no snapshots, no users and no token; a security group lets in": "SnapshottingClusterId"
         " SnapshotWindow AuthToken AuthTokenUpdateStrategy UserGroupIdsToAdd UserGroupIdsToRemove RemoveUserGroups",
         "told by the nodes only: a call more; a cache holds sessions": "CacheParameterGroupName"
         " NotificationTopicArn NotificationTopicStatus LogDeliveryConfigurations IpDiscovery Durability",
         "shards need cluster mode, which is compared": "ModifyReplicationGroupShardConfiguration"},
    ),
    CacheSubnetGroup: Changed(
        "elasticache", "CacheSubnetGroupName", {"description": "CacheSubnetGroupDescription", "subnets": "SubnetIds"}
    ),
    DbInstance: Changed(
        "rds", "DBInstanceIdentifier",
        {"storage_gb": "AllocatedStorage", "instance_class": "DBInstanceClass", "subnet_group": "DBSubnetGroupName",
         "security_group": "VpcSecurityGroupIds", "parameter_group": "DBParameterGroupName",
         "backup_days": "BackupRetentionPeriod", "backup_window": "PreferredBackupWindow",
         "maintenance_window": "PreferredMaintenanceWindow", "multi_az": "MultiAZ", "engine_version": "EngineVersion",
         "minor_upgrades": "AutoMinorVersionUpgrade", "storage_type": "StorageType",
         "tags_to_snapshots": "CopyTagsToSnapshot", "monitoring_seconds": "MonitoringInterval",
         "monitoring_role": "MonitoringRoleArn", "port": "DBPortNumber", "public": "PubliclyAccessible",
         "iam_auth": "EnableIAMDatabaseAuthentication", "log_exports": "CloudwatchLogsExportConfiguration",
         "deletion_protection": "DeletionProtection", "managed_password": "ManageMasterUserPassword"
         " MasterUserPassword MasterUserAuthenticationType", "lifecycle_support": "EngineLifecycleSupport"},
        {"its name: under another one it is missing": "NewDBInstanceIdentifier",
         "RDS rotates the password by itself": "RotateMasterUserPassword MasterUserSecretKmsKeyId",
         "of another engine, of RDS Custom, of a replica or of an Outpost": "DBSecurityGroups LicenseModel"
         " TdeCredentialArn TdeCredentialPassword Domain DomainFqdn DomainOu DomainAuthSecretArn DomainDnsIps"
         " DisableDomain DomainIAMRoleName PromotionTier ReplicaMode AutomationMode ResumeFullAutomationModeMinutes"
         " EnableCustomerOwnedIp AwsBackupRecoveryPointArn MultiTenant Engine ProcessorFeatures"
         " UseDefaultProcessorFeatures DBCapacityReservationIdentifier AdditionalStorageVolumes ModifyTenantDatabase",
         "follows the size of gp3, and is billed; RDS has no way back within six hours": "Iops StorageThroughput"
         " MaxAllocatedStorage DedicatedLogVolume",
         "AWS's own change with time": "CACertificateIdentifier",
         "no data and no access depends on it": "OptionGroupName DatabaseInsightsMode EnablePerformanceInsights"
         " PerformanceInsightsKMSKeyId PerformanceInsightsRetentionPeriod NetworkType"},
    ),
    DbParameterGroup: Changed("rds", "DBParameterGroupName", {"parameters": "Parameters"}),
    DbSubnetGroup: Changed(
        "rds", "DBSubnetGroupName", {"description": "DBSubnetGroupDescription", "subnets": "SubnetIds"}
    ),
    type(linked_role_of_rds()): Changed(
        "iam", "RoleName", {},
        {"AWS's own role: IAM lets nobody change it but its text": "PutRolePermissionsBoundary PutRolePolicy"
         " UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"},
    ),
}  # fmt: skip
