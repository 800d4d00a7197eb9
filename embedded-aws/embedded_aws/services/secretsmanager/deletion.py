"""Secrets scheduled for deletion: they cannot be used, and their names cannot be taken; validation of names."""

from __future__ import annotations

import re
from typing import Any

from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.models import SecretsManagerBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

CODE = "InvalidRequestException"
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html (Name)
NAME = re.compile(r"[\w/+=.@!-]+", re.ASCII)


@patch(SecretNotFoundException, "__init__")
def not_found(moto: Method, error: Any) -> None:
    """Its status is 400.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html (ResourceNotFoundException)
    """
    moto(error)
    error.code = 400


@patch(SecretsManagerBackend, "create_secret")
def create_secret(moto: Method, manager: Any, name: str, *args: Any, **params: Any) -> Any:
    """Require a valid name that no secret scheduled for deletion has.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
    """
    if not NAME.fullmatch(name):
        signs = "alphanumeric characters, or any of the following: -/_+=.@!"
        raise ServiceError("ValidationException", f"Invalid name. Must be a valid name containing {signs}")
    if _is_scheduled(manager, name):
        reason = "a secret with this name is already scheduled for deletion."
        raise ServiceError(CODE, f"You can't create this secret because {reason}")
    return moto(manager, name, *args, **params)


def _require_not_scheduled(operation: str) -> None:
    """Make an operation fail for a secret that is scheduled for deletion.

    "Secrets Manager doesn't permit any read or write of a secret that is scheduled for deletion":
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html
    """

    @patch(SecretsManagerBackend, operation)
    def require_not_scheduled(moto: Method, manager: Any, *args: Any, **params: Any) -> Any:
        secret_id = args[0] if args else params.get("secret_id") or params.get("arn")
        if _is_scheduled(manager, secret_id) and not params.get("force_delete_without_recovery"):
            reason = "You can't perform this operation on the secret because it was marked for deletion."
            raise ServiceError(CODE, reason)
        return moto(manager, *args, **params)


for _operation in (
    *("get_secret_value", "put_secret_value", "update_secret", "rotate_secret", "delete_secret"),
    *("tag_resource", "untag_resource", "put_resource_policy", "update_secret_version_stage"),
):
    _require_not_scheduled(_operation)


def _is_scheduled(manager: Any, secret_id: Any) -> bool:
    return bool(manager._is_valid_identifier(secret_id) and manager.secrets[secret_id].is_deleted())
