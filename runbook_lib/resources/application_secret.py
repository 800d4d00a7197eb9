"""A secret of the application, kept by its owner in Secrets Manager or Systems Manager."""

from __future__ import annotations

from ..aws.permissions import Permission, to_look
from ..aws.snapshot import Snapshot
from .base import ExternalResource, Ids, Observed, kind

_CURRENT = "AWSCURRENT"


@kind
class ApplicationSecret(ExternalResource):
    """A secret or a SecureString that exists already; its value is never read here.

    Its id names its current version, so that a new value is a change of the release.

    Args:
        known_as: The ARN or name of a secret; or the ARN of a parameter, or its name, which begins with a slash.
    """

    known_as: str

    def required_permissions(self) -> tuple[Permission, ...]:
        """DescribeParameters has no resources.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
        """
        if self._parameter:
            return (to_look("ssm:DescribeParameters"),)
        arn = self.known_as if self.known_as.startswith("arn:") else f"secretsmanager:secret:{self.known_as}-*"
        return (to_look("secretsmanager:DescribeSecret", on=arn),)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the secret up where its ARN says: in Secrets Manager, or among the parameters of Systems Manager."""
        return self._observe_parameter(snapshot) if self._parameter else self._observe_secret(snapshot)

    @property
    def _parameter(self) -> str:
        """The parameter's name; empty for a secret."""
        if self.known_as.startswith("arn:aws:ssm:"):
            return "/" + self.known_as.partition(":parameter/")[2]
        return self.known_as if self.known_as.startswith("/") else ""

    def _observe_parameter(self, snapshot: Snapshot) -> Observed | None:
        named = [{"Key": "Name", "Option": "Equals", "Values": [self._parameter]}]
        for parameter in snapshot.all("ssm", "describe_parameters", "Parameters", ParameterFilters=named):
            version = str(parameter["Version"])
            return Observed(f"{self._parameter} version {version}", {}, status="given", detail={"version": version})
        return None

    def _observe_secret(self, snapshot: Snapshot) -> Observed | None:
        missing = "ResourceNotFoundException"
        secret = snapshot.get("secretsmanager", "describe_secret", missing=missing, SecretId=self.known_as)
        if secret is None or secret.get("DeletedDate"):
            return None
        stages = secret.get("VersionIdsToStages", {})
        version = next((name for name, labels in stages.items() if _CURRENT in labels), "none")
        return Observed(f"{secret['ARN']} version {version}", {}, status="given", detail={"version": version})
