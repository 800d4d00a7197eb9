"""The types of single values in a parameter file."""

from __future__ import annotations

import unicodedata
from ipaddress import IPv4Network
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# The retention periods that CloudWatch Logs accepts, in days.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
Switch = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True)]

# A pattern of pydantic takes \d and \w for those of all scripts.
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
# With both ids, or with none: https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
REPOSITORY = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$|^[A-Za-z0-9_.-]+@[0-9]+/[A-Za-z0-9_.-]+@[0-9]+$"
REVISION = r"^([0-9a-f]{64}|[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+@[0-9a-f]{40})$"
DAY = "(mon|tue|wed|thu|fri|sat|sun)"
DOMAIN = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
ENV = r"^[a-z](-?[a-z0-9])+$"
POLICY = r"^arn:aws:iam::([0-9]{12}|aws):policy/[A-Za-z0-9_+=,.@/-]+$"
KMS_KEY = r"^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
Key = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z_]+\..+$")]
"""The key of a resource, e.g. ``vpc.main``."""


def check_adopted(adopted: dict[str, str]) -> dict[str, str]:
    """Return what is to be adopted, each by the key of what it becomes.

    Raises:
        ValueError: One thing would become two.
    """
    for number, (key, id_) in enumerate(adopted.items()):
        if id_ in list(adopted.values())[:number]:
            raise ValueError(f"{key}: {id_} is adopted twice")
    return adopted


Adopted = Annotated[dict[Key, Text], AfterValidator(check_adopted)]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=60)]


def check_public_key(key: str) -> str:
    """Return a text that is an OpenSSH public key.

    Raises:
        ValueError: It is none, or only looks like one.
    """
    try:
        load_ssh_public_key(key.strip().encode())
        (_,) = key.strip().splitlines()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not an OpenSSH public key; write the one line of a .pub file") from None
    return key


PublicKey = Annotated[
    str,
    StringConstraints(
        strict=True, pattern=r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384)|ssh-rsa) [A-Za-z0-9+/]+={0,2}( \S.*)?$"
    ),
    AfterValidator(check_public_key),
]


def check_tag(text: str) -> str:
    """Return a text that each service takes as a tag's key or value; IAM, RDS, load balancers and S3 are the strictest.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Tag.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-managing.html

    Raises:
        ValueError: It has a character that some of them refuse, or begins as AWS's own.
    """
    for character in text:
        if character not in " _.:/=+-@" and unicodedata.category(character)[0] not in "LN":
            raise ValueError(f"has {character!r}; IAM and RDS take letters, digits, spaces and _ . : / = + - @ in tags")
    if text.lower().startswith(("aws:", "rds:")):
        raise ValueError("AWS reserves aws: and rds: at the beginning")
    return text


TagValue = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=256), AfterValidator(check_tag)]


class Strict(BaseModel):
    """Base of all models: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _parse_network(value: object) -> IPv4Network:
    """Parse an IPv4 network; reject numbers (``IPv4Network`` takes addresses), host bits and other spellings."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError("write a network in CIDR notation, e.g. 10.20.0.0/16")
    try:
        network = IPv4Network(value)
    except ValueError:
        raise ValueError(_correction(value)) from None
    if str(network) != value:
        raise ValueError(f"write it as {network}")
    return network


def _correction(value: str) -> str:
    try:
        return f"host bits are set; the network of that size is {IPv4Network(value, strict=False)}"
    except ValueError:
        return "not an IPv4 network; write it like 10.20.0.0/16"


def check_retention(days: int) -> int:
    """Return the days when CloudWatch Logs accepts them as a retention period.

    Raises:
        ValueError: It does not.
    """
    if days not in LOG_DAYS:
        raise ValueError(f"CloudWatch Logs keeps logs for one of {', '.join(map(str, LOG_DAYS))} days")
    return days


Cidr = Annotated[IPv4Network, BeforeValidator(_parse_network, json_schema_input_type=str)]
