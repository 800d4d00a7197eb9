"""The types of single values in a parameter file."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# The retention periods that CloudWatch Logs accepts, in days.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
Switch = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True)]

CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
# With both ids, or with none: https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
REPOSITORY = r"^[\w.-]+/[\w.-]+$|^[\w.-]+@\d+/[\w.-]+@\d+$"
DAY = "(mon|tue|wed|thu|fri|sat|sun)"
DOMAIN = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
ENV = r"^[a-z](-?[a-z0-9])+$"
POLICY = r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+$"
KMS_KEY = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+$"
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", max_length=60)]
PublicKey = Annotated[
    str,
    StringConstraints(
        strict=True, pattern=r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384)|ssh-rsa) [A-Za-z0-9+/]+={0,2}( \S.*)?$"
    ),
]


class Strict(BaseModel):
    """Base of all models: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _parse_network(value: object) -> IPv4Network:
    """Parse an IPv4 network; reject numbers, which ``IPv4Network`` takes for addresses, and host bits."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError("write a network in CIDR notation, e.g. 10.20.0.0/16")
    try:
        return IPv4Network(value)
    except ValueError:
        raise ValueError(_correction(value)) from None


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
