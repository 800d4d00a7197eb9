"""A secret in Secrets Manager whose value is generated here, once, and never read."""

from __future__ import annotations

import json
import secrets
from abc import abstractmethod
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging


@kind
class KeptSecret(Resource):
    """A value that goes from memory to Secrets Manager, and to no screen, log or file.

    A destroy deletes it permanently: what it gives access to is deleted as well.
    """

    # The name is free again moments after the secret was deleted permanently.
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
    eventual_errors = frozenset({"InvalidRequestException: scheduled for deletion"})

    needs = (
        to_look("secretsmanager:DescribeSecret", on="secretsmanager:secret:{env}/*"),
        to_apply(
            "secretsmanager:CreateSecret", "secretsmanager:RestoreSecret", "secretsmanager:TagResource",
            on="secretsmanager:secret:{env}/*",
        ),
        to_destroy("secretsmanager:DeleteSecret", on="secretsmanager:secret:{env}/*"),
    )  # fmt: skip

    def aws_name(self, aws: Aws) -> str:
        """Its name in Secrets Manager, e.g. ``prod/web/session``."""
        return f"{aws.env}/{self.name}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect that it is kept; its value is never compared."""
        return {"kept": True}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the secret up without its value; one that is scheduled for deletion is restored by an update."""
        secret = self._find(snapshot)
        if secret is None:
            return None
        scheduled = bool(secret.get("DeletedDate"))
        status = "scheduled for deletion" if scheduled else "kept"
        detail = {"secret": self.aws_name(snapshot.aws), "arn": secret["ARN"]}
        return Observed(
            self.id_of(secret),
            {"kept": not scheduled},
            status=status,
            detail=detail,
            # While it is scheduled for deletion, AWS takes no tags.
            tagging=None if scheduled else Tagging.of("secretsmanager", secret["ARN"], secret),
        )

    def id_of(self, secret: ApiObject) -> str:
        """Its id for other resources: the ARN."""
        return str(secret["ARN"])

    def _find(self, snapshot: Snapshot) -> ApiObject | None:
        # Also one that is scheduled for deletion: its name is taken.  ListSecrets may be five minutes late.
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
        secret = snapshot.get(
            "secretsmanager", "describe_secret", missing="ResourceNotFoundException",
            SecretId=self.aws_name(snapshot.aws),
        )  # fmt: skip
        if secret:
            snapshot.require_ownership(self, tags_of(secret))
        return secret

    def create(self, aws: Aws, ids: Ids) -> None:
        """Generate a value and keep it."""
        value, tags = self.generate()
        labels = [{"Key": key, "Value": text} for key, text in tags.items()]
        aws.secretsmanager.create_secret(Name=self.aws_name(aws), SecretString=value, Tags=[*aws.tags(self), *labels])

    @abstractmethod
    def generate(self) -> tuple[str, dict[str, str]]:
        """A new value, and tags with its public part."""

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Restore a secret that is scheduled for deletion."""
        aws.secretsmanager.restore_secret(SecretId=observed.detail["arn"])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the secret at once: its name can be used again."""
        aws.secretsmanager.delete_secret(SecretId=observed.detail["arn"], ForceDeleteWithoutRecovery=True)


@kind
class RandomSecret(KeptSecret):
    """A JSON object of which one field is random.

    Args:
        random: The field that holds 256 random bits.
        fields: The other fields, which are not secret.
    """

    random: str
    fields: tuple[tuple[str, str], ...] = ()

    def generate(self) -> tuple[str, dict[str, str]]:
        """Return the fields as JSON with a random value of 256 bits, and no tags."""
        return json.dumps({**dict(self.fields), self.random: secrets.token_urlsafe(32)}), {}
