"""The secret with the password of a database's master user."""

from __future__ import annotations

from ..aws.permissions import to_apply, to_look
from ..aws.snapshot import Snapshot
from .base import ExternalResource, Ids, Observed, kind
from .db_instance import DbInstance


@kind
class MasterUserSecret(ExternalResource):
    """Created, rotated and deleted by RDS; its id is its ARN, and this runbook never reads its value.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """

    database: DbInstance

    # RDS creates it, and encrypts it and the database with AWS's own keys, in the name of who creates the database:
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html (permissions)
    needs = (
        to_look("rds:DescribeDBInstances", on="rds:db:*"),
        to_apply(
            "secretsmanager:CreateSecret", "secretsmanager:TagResource",
            on="secretsmanager:secret:rds!db-*", label="rds-secret",
        ),
        to_apply(
            "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", on="kms:key/*",
            when=(("StringLike", "kms:ViaService", "rds.{region}.*"),
                  ("StringLike", "kms:ViaService", "secretsmanager.{region}.*")),
        ),
    )  # fmt: skip

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Return the ARN of the secret that RDS keeps for the database; ``None`` while there is none."""
        for instance in snapshot.all("rds", "describe_db_instances", "DBInstances"):
            secret = instance.get("MasterUserSecret", {}).get("SecretArn")
            if secret and instance["DBInstanceIdentifier"] == ids.get(self.database):
                return Observed(secret, {}, status=instance["MasterUserSecret"].get("SecretStatus", ""))
        return None
