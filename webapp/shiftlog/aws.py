"""The application's two questions to AWS: its configuration (Systems Manager) and its secrets (Secrets Manager)."""

from __future__ import annotations

import json
from typing import Any

from shiftlog.settings import Settings


class AwsError(Exception):
    """AWS did not give what the application cannot do without: the message names it, and holds no secret."""


class Aws:
    """Credentials, region and endpoint come from the settings, then from boto3's own chain (the instance's role)."""

    def __init__(self, settings: Settings) -> None:
        self._env = settings.environ

    def parameter(self, name: str) -> dict[str, Any]:
        """The JSON object that the SSM parameter holds."""
        said = self._ask("ssm", "get_parameter", Name=name)
        return _object(said["Parameter"]["Value"], f"the SSM parameter {name}")

    def secret(self, name: str) -> dict[str, Any]:
        """The JSON object that the secret holds now: never cached here."""
        said = self._ask("secretsmanager", "get_secret_value", SecretId=name)
        return _object(said["SecretString"], f"the secret {name}")

    def _ask(self, service: str, operation: str, **arguments: str) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # late: boto3 takes a third of a second to import

        try:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise AwsError(f"{service}:{operation} of {next(iter(arguments.values()))}: {error}") from error
        return answer

    def _client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        session = boto3.session.Session(
            aws_access_key_id=self._env.get("AWS_ACCESS_KEY_ID") or None,
            aws_secret_access_key=self._env.get("AWS_SECRET_ACCESS_KEY") or None,
            aws_session_token=self._env.get("AWS_SESSION_TOKEN") or None,
            region_name=self._env.get("AWS_REGION") or self._env.get("AWS_DEFAULT_REGION") or None,
        )
        patience = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 4})
        return session.client(service, endpoint_url=self._env.get("AWS_ENDPOINT_URL") or None, config=patience)


def _object(text: str, what: str) -> dict[str, Any]:
    """The parse error is not shown: it would quote the text."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise AwsError(f"{what} is not a JSON object")
    return value
