"""The secret in which RDS keeps the password of a database's master user."""

from __future__ import annotations

from ..aws.snapshot import Snapshot
from .base import ExternalResource, Ids, Observed, kind
from .db_instance import DbInstance


@kind
class MasterUserSecret(ExternalResource):
    """Made, rotated and removed by RDS; its id is its ARN, and its contents are never read here.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """

    database: DbInstance

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        for found in snapshot.all("rds", "describe_db_instances", "DBInstances"):
            secret = found.get("MasterUserSecret", {}).get("SecretArn")
            if secret and found["DBInstanceIdentifier"] == ids.get(self.database):
                return Observed(secret, {}, status=found["MasterUserSecret"].get("SecretStatus", ""))
        return None
