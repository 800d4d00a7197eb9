"""Secrets that are scheduled for deletion: nobody uses them, and nobody takes their names, which are plain."""

from __future__ import annotations

import re
from typing import Any

from moto.secretsmanager.models import SecretsManagerBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

CODE = "InvalidRequestException"
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html (Name)
NAME = re.compile(r"[\w/+=.@!-]+", re.ASCII)


@patch(SecretsManagerBackend, "create_secret")
def create_secret(moto: Method, manager: Any, name: str, *args: Any, **sent: Any) -> Any:
    """A name is made of a few signs, and is free again when its secret is gone for good.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
    """
    if not NAME.fullmatch(name):
        signs = "alphanumeric characters, or any of the following: -/_+=.@!"
        raise ServiceError("ValidationException", f"Invalid name. Must be a valid name containing {signs}")
    if _is_scheduled(manager, name):
        why = "a secret with this name is already scheduled for deletion."
        raise ServiceError(CODE, f"You can't create this secret because {why}")
    return moto(manager, name, *args, **sent)


def _refuses(operation: str) -> None:
    """Let an operation say no to a secret that is scheduled for deletion.

    "Secrets Manager doesn't permit any read or write of a secret that is scheduled for deletion":
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html
    """

    @patch(SecretsManagerBackend, operation)
    def refuse(moto: Method, manager: Any, *args: Any, **sent: Any) -> Any:
        named = args[0] if args else sent.get("secret_id") or sent.get("arn")
        if _is_scheduled(manager, named) and not sent.get("force_delete_without_recovery"):
            why = "You can't perform this operation on the secret because it was marked for deletion."
            raise ServiceError(CODE, why)
        return moto(manager, *args, **sent)


for _operation in (
    *("get_secret_value", "put_secret_value", "update_secret", "rotate_secret", "delete_secret"),
    *("tag_resource", "untag_resource", "put_resource_policy", "update_secret_version_stage"),
):
    _refuses(_operation)


def _is_scheduled(manager: Any, named: Any) -> bool:
    return bool(manager._is_valid_identifier(named) and manager.secrets[named].is_deleted())
