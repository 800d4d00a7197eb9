"""Settings of the embedded AWS: its account, region, credentials, and moto's options."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

# The server of a rehearsal has those of the rehearsed parameters: its state folder keeps them.
ACCOUNT_VARIABLE, REGION_VARIABLE = "EMBEDDED_AWS_ACCOUNT", "EMBEDDED_AWS_REGION"
ACCOUNT = os.environ.get(ACCOUNT_VARIABLE, "123456789012")
REGION = os.environ.get(REGION_VARIABLE, "us-west-2")

# Twenty capitals and digits, as moto expects of an access key. They are valid nowhere else.
ACCESS_KEY = "EMBEDDEDAWS000000000"
# Before the number of any other account: twenty again.
OTHER_ACCOUNTS = "EMBEDAWS"
SECRET_KEY = "embedded-aws-has-no-secrets"

# The path of the control API, and the header for its token.
CONTROL = "/_local/"
TOKEN_HEADER = "X-Local-Token"

# moto reads these when it is imported, so they are set in the environment of the server.
MOTO_ENVIRONMENT = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # otherwise no AWS-managed policy can be attached
    "MOTO_ENABLE_AMI_VALIDATION": "1",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "1",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "1",
    "MOTO_ACM_VALIDATION_WAIT": "0",  # seconds until a certificate with its record is issued
    "MOTO_DISABLE_GLOBAL_CORS": "1",  # no web page may call it
}


def server_environment(account: str, region: str) -> dict[str, str]:
    """Return the variables of a server: moto's options, and one account and region for all credentials."""
    return MOTO_ENVIRONMENT | {"MOTO_ACCOUNT_ID": account, ACCOUNT_VARIABLE: account, REGION_VARIABLE: region}


# Loaded before the first call, so that no call waits for them: the services that stacks use.
PRELOADED = (
    *("ec2", "iam", "sts", "s3", "kms", "rds", "elbv2", "autoscaling", "acm", "ssm", "secretsmanager", "logs"),
    *("codedeploy", "elasticache", "cloudwatch", "sns", "route53", "resourcegroupstaggingapi"),
    *("events", "lambda"),
)


def moto_version() -> str:
    """Return the version of moto: only the version that wrote a state can read it."""
    return version("moto")


@cache
def code_version() -> str:
    """Return a fingerprint of moto's version and of this package's code and data.

    A running server with another fingerprint is replaced; its state is kept.
    """
    digest = hashlib.sha256(moto_version().encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    here = Path(__file__).parent
    return iter(sorted([*here.rglob("*.py"), *here.rglob("*.yaml")]))
