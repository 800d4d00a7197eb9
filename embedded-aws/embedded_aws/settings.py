"""What the embedded AWS is: its account, its region, its credentials, and how moto is set up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

ACCOUNT = "123456789012"
REGION = "us-west-2"

# Twenty capitals and digits, the shape in which moto looks for an access key. They open nothing anywhere.
ACCESS_KEY = "EMBEDDEDAWS000000000"
SECRET_KEY = "embedded-aws-has-no-secrets"

# The control door of the server, and what opens it.
CONTROL = "/_local/"
TOKEN_HEADER = "X-Local-Token"

# moto reads these once, when it is imported: the server sets them first of all.
MOTO_ENVIRONMENT = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # else no AWS-managed policy can be attached
    "MOTO_ENABLE_AMI_VALIDATION": "1",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "1",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "1",
    "MOTO_ACM_VALIDATION_WAIT": "0",  # seconds until a certificate with its record is issued
    "MOTO_DISABLE_GLOBAL_CORS": "1",  # no web page has business here
    "MOTO_ACCOUNT_ID": ACCOUNT,  # whoever calls, with whatever credentials, works in the one account
}

# Loaded before the first call, so that no call waits for it. All kinds of a stack stand in these.
PRELOADED = (
    *("ec2", "iam", "sts", "s3", "kms", "rds", "elbv2", "autoscaling", "acm", "ssm", "secretsmanager", "logs"),
    *("codedeploy", "elasticache", "cloudwatch", "sns", "route53", "resourcegroupstaggingapi"),
)


def moto_version() -> str:
    """The installed moto: a state is readable only by the version that wrote it."""
    return version("moto")


@cache
def code_version() -> str:
    """A fingerprint of moto's version, and of the code and the data in this package.

    A running server with another one is replaced; its state is kept.
    """
    digest = hashlib.sha256(moto_version().encode())
    for source in _sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    here = Path(__file__).parent
    return iter(sorted([*here.rglob("*.py"), *here.rglob("*.yaml")]))
