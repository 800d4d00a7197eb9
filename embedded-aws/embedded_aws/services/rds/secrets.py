"""The password of a database's master user, where RDS manages it: a random one, in Secrets Manager only.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
"""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from moto.rds.models import MasterUserSecret

from embedded_aws.patching import Method, patch

LENGTH = 28
ALPHABET = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"  # what every engine takes


@patch(MasterUserSecret, "_generate_secret_string")
def content(moto: Method, secret: Any) -> str:
    """The name of the user that was asked for and a password of its own; moto has one pair for all."""
    return json.dumps({"username": secret.resource.master_username, "password": _password()})


@patch(MasterUserSecret, "rotate_secret")
def rotate_secret(moto: Method, secret: Any) -> None:
    """Another password becomes the current one.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-rotate
    """
    secret._status = "rotating"
    secret.secretsmanager.put_secret_value(
        secret.secret.arn, secret._generate_secret_string(), None, None, ["AWSCURRENT"]
    )


def _password() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
