"""The secret in which RDS keeps the password of a database's master user."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .db_instance import DbInstance


@kind
class MasterUserSecret(Resource):
    """Made, rotated and removed by RDS; its id is its ARN, and its contents are never read here.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """

    database: DbInstance

    external = True

    def desired(self, ids: Ids) -> dict[str, str]:
        return {}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        for found in snapshot.all("rds", "describe_db_instances", "DBInstances"):
            secret = found.get("MasterUserSecret", {}).get("SecretArn")
            if secret and found["DBInstanceIdentifier"] == ids.get(self.database):
                return Observed(secret, {}, status=found["MasterUserSecret"].get("SecretStatus", ""))
        return None

    def create(self, aws: Aws, ids: Ids) -> None:
        raise NotImplementedError

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        raise NotImplementedError
