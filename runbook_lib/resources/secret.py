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
            "secretsmanager:CreateSecret", "secretsmanager:ListSecretVersionIds", "secretsmanager:RestoreSecret",
            "secretsmanager:TagResource", "secretsmanager:UpdateSecretVersionStage",
            on="secretsmanager:secret:{env}/*",
        ),
        to_destroy("secretsmanager:DeleteSecret", on="secretsmanager:secret:{env}/*"),
    )  # fmt: skip

    def aws_name(self, aws: Aws) -> str:
        """Its name in Secrets Manager, e.g. ``prod/web/session``."""
        return f"{aws.env}/{self.name}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect that it is kept, with the value that was made here, which is never read."""
        return {"kept": True, "value": _OURS}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the secret up without its value; one that is scheduled for deletion is restored by an update."""
        secret = self._find(snapshot)
        if secret is None:
            return None
        scheduled = bool(secret.get("DeletedDate"))
        status = "scheduled for deletion" if scheduled else "kept"
        # A value of somebody else's is a second version: the first one is called the previous.
        stages = {label: name for name, labels in secret["VersionIdsToStages"].items() for label in labels}
        detail = {"secret": self.aws_name(snapshot.aws), "arn": secret["ARN"]}
        return Observed(
            self.id_of(secret),
            {"kept": not scheduled, "value": "another" if _PREVIOUS in stages else _OURS},
            status=status,
            note=self._changed(snapshot.aws, stages[_PREVIOUS]) if _PREVIOUS in stages else "",
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

    def _changed(self, aws: Aws, first: str) -> str:
        """What a person should know of a secret whose *first* version is no longer the current one."""
        return _CHANGED.format(self.aws_name(aws), first, aws.region)

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Restore a secret that is scheduled for deletion, and its first value."""
        if "kept" in drift:
            aws.secretsmanager.restore_secret(SecretId=observed.detail["arn"])
        if "value" in drift:
            _restore_first_value(aws, observed.detail["arn"])

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


_OURS = "as made here"
_CURRENT, _PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_CHANGED = (
    "Somebody gave {0} another value. To keep it: aws secretsmanager update-secret-version-stage --secret-id {0}"
    " --version-stage AWSPREVIOUS --remove-from-version-id {1} --region {2}"
)


def _restore_first_value(aws: Aws, arn: str) -> None:
    """Make the oldest version the current one again, and the only one with a label.

    Secrets Manager keeps versions without a label until there are a hundred.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
    """
    request = {"SecretId": arn, "IncludeDeprecated": True}
    versions = aws.pages("secretsmanager", "list_secret_version_ids", "Versions", **request)
    first = min(versions, key=lambda version: version["CreatedDate"])["VersionId"]
    labels = {label: version["VersionId"] for version in versions for label in version.get("VersionStages", [])}
    if labels[_CURRENT] != first:
        aws.secretsmanager.update_secret_version_stage(
            SecretId=arn, VersionStage=_CURRENT, MoveToVersionId=first, RemoveFromVersionId=labels[_CURRENT]
        )
        labels[_PREVIOUS] = labels[_CURRENT]  # Secrets Manager moves that label along
    aws.secretsmanager.update_secret_version_stage(
        SecretId=arn, VersionStage=_PREVIOUS, RemoveFromVersionId=labels[_PREVIOUS]
    )
