"""The secret with the password of a database's master user."""

from __future__ import annotations

from ..aws.permissions import to_look
from ..aws.snapshot import Snapshot
from .base import ExternalResource, Ids, Observed, kind
from .db_instance import DbInstance


@kind
class MasterUserSecret(ExternalResource):
    """Created, rotated and deleted by RDS; its id is its ARN, and this runbook never reads its value.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """

    database: DbInstance

    needs = (to_look("rds:DescribeDBInstances", on="rds:db:*"),)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        for instance in snapshot.all("rds", "describe_db_instances", "DBInstances"):
            secret = instance.get("MasterUserSecret", {}).get("SecretArn")
            if secret and instance["DBInstanceIdentifier"] == ids.get(self.database):
                return Observed(secret, {}, status=instance["MasterUserSecret"].get("SecretStatus", ""))
        return None
