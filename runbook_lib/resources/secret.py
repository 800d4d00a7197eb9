"""A secret in Secrets Manager whose contents are made here, once, and never read again."""

from __future__ import annotations

import json
import secrets
from abc import abstractmethod
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, kind


@kind
class KeptSecret(Resource):
    """Goes from memory to Secrets Manager, past every screen, log and file.

    A destroy removes it for good: what it opened is gone, too, and its name is free at once.
    """

    # A name is free again moments after its secret was deleted for good.
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
    eventual_errors = frozenset({"InvalidRequestException"})

    def called(self, aws: Aws) -> str:
        """Its name in Secrets Manager: under the environment's, so that one call finds all of ours."""
        return f"{aws.env}/{self.name}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        return {"kept": True}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        secret = self._find(snapshot)
        if secret is None:
            return None
        scheduled = bool(secret.get("DeletedDate"))
        status = "scheduled for deletion" if scheduled else "kept"
        detail = {"secret": self.called(snapshot.aws), "arn": secret["ARN"]}
        return Observed(self.id_of(secret), {"kept": not scheduled}, status=status, detail=detail)

    def id_of(self, secret: ApiObject) -> str:
        """What others need of it: its ARN."""
        return str(secret["ARN"])

    def _find(self, snapshot: Snapshot) -> ApiObject | None:
        # Also those that somebody has scheduled for deletion: their name is taken.
        request = {"IncludePlannedDeletion": True, "Filters": [{"Key": "name", "Values": [f"{snapshot.aws.env}/"]}]}
        name = self.called(snapshot.aws)
        found = snapshot.all("secretsmanager", "list_secrets", "SecretList", **request)
        secret = next((secret for secret in found if secret["Name"] == name), None)
        if secret:
            snapshot.require_ownership(self, tags_of(secret))
        return secret

    def create(self, aws: Aws, ids: Ids) -> None:
        value, tags = self.contents()
        labels = [{"Key": key, "Value": text} for key, text in tags.items()]
        aws.secretsmanager.create_secret(Name=self.called(aws), SecretString=value, Tags=[*aws.tags(self), *labels])

    @abstractmethod
    def contents(self) -> tuple[str, dict[str, str]]:
        """A new value, and tags that tell of it what is no secret."""

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        aws.secretsmanager.restore_secret(SecretId=observed.detail["arn"])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        aws.secretsmanager.delete_secret(SecretId=observed.detail["arn"], ForceDeleteWithoutRecovery=True)


@kind
class RandomSecret(KeptSecret):
    """A JSON object of which one field is random.

    Args:
        random: The field that holds 256 random bits.
        fields: The other fields, which are no secret.
    """

    random: str
    fields: tuple[tuple[str, str], ...] = ()

    def contents(self) -> tuple[str, dict[str, str]]:
        return json.dumps({**dict(self.fields), self.random: secrets.token_urlsafe(32)}), {}
