"""The password of a database's master user when RDS manages it: random, and only in Secrets Manager.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
"""

from __future__ import annotations

import json
import secrets
import string
import time
from typing import Any

from moto.rds.models import MasterUserSecret

from embedded_aws.patching import Method, patch

LENGTH = 28
_ROTATION_DAYS = 7
ALPHABET = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"  # accepted by every engine


@patch(MasterUserSecret, "_generate_secret_string")
def generate_secret(moto: Method, secret: Any) -> str:
    """Return the database's user name and a random password; moto has one pair for all."""
    return json.dumps({"username": secret.resource.master_username, "password": _generate_password()})


@patch(MasterUserSecret, "_create_secret")
def create_secret(moto: Method, secret: Any, kms_key_id: str | None) -> Any:
    """Let it be rotated every seven days, as RDS does.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-rotate
    """
    created = moto(secret, kms_key_id)
    created.rotation_requested = created.rotation_enabled = True
    created.auto_rotate_after_days = _ROTATION_DAYS
    created.next_rotation_date = int(time.time()) + _ROTATION_DAYS * 86400
    return created


@patch(MasterUserSecret, "rotate_secret")
def rotate_secret(moto: Method, secret: Any) -> None:
    """Make a new password the current one.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-rotate
    """
    secret._status = "rotating"
    secret.secretsmanager.put_secret_value(
        secret.secret.arn, secret._generate_secret_string(), None, None, ["AWSCURRENT"]
    )


def _generate_password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
