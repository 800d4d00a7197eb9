"""Parameters of the application: its settings, secrets, permissions and packages."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from . import policy_linter
from .fields import POLICY, Count, Strict, check_retention

GIVEN = (
    "PORT", "HEALTH_PATH", "PUBLIC_URL", "DATABASE_URL", "DATABASE_CA", "CACHE_URL", "SESSION_SECRET", "AWS_REGION",
    "AWS_DEFAULT_REGION", "INSTANCE_ID", "ZONE", "REVISION", "WEBAPP_CONFIG", "WEBAPP_ROOT", "HOME", "PATH",
)  # fmt: skip
"""Variables that the runbook sets itself."""

Variable = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128)]
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html (Name)
SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
SECRET_ARN = re.compile(r"arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+")
PARAMETER_ARN = re.compile(r"arn:aws:ssm:[a-z0-9-]+:[0-9]{12}:parameter(/[A-Za-z0-9_.-]+)+")

_SECRET_NAMES = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|TOKEN|CREDENTIALS?"
    r"|(API|APP|SECRET|PRIVATE|ACCESS|MASTER|SIGNING|ENCRYPTION)_?KEY(_BASE)?)$",
    re.I,
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
# https://docs.stripe.com/keys
# https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
_SECRET_VALUES = re.compile(
    r"(AKIA|ASIA)[A-Z0-9]{16}|-----BEGIN|[spr]k_(live|test)_\w{8}|whsec_\w{8}|gh[pousr]_\w{20}|github_pat_\w{20}"
    r"|xox[abprs]-\w{8}|xapp-\w{8}|hooks\.slack\.com/services/T|AIza[\w-]{30}|sk-[\w-]{20}|SG\.[\w-]{16,}\.[\w-]{16}"
    r"|glpat-[\w-]{20}|npm_\w{30}|pypi-AgE|hf_\w{30}|AGE-SECRET-KEY-1|eyJ[\w-]{8,}\.eyJ|://[^/\s:@]*:[^/\s@]+@"
    r"|(?i:\b(bearer|basic)\s+[\w+/=.-]{16}|\b(password|passwd|pwd|secret)[\"']?\s*[=:]\s*\S)"
)
_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
_HEXADECIMAL = re.compile(r"(?i:[0-9a-f]{32}|[0-9a-f]{64})")


def looks_secret(value: str) -> bool:
    """Whether a value looks like a secret: a known form of key, a URL with a password, or many random characters."""
    if _SECRET_VALUES.search(value) or _HEXADECIMAL.fullmatch(value):
        return True
    classes = ("[a-z]", "[A-Z]", "[0-9]")
    return bool(_RANDOM.fullmatch(value)) and all(re.search(each, value) for each in classes)


def is_parameter(reference: str) -> bool:
    """Whether a reference under ``app.secrets`` is to Systems Manager; else it is to Secrets Manager."""
    return reference.startswith("/") or bool(PARAMETER_ARN.fullmatch(reference))


def setting_problem(name: str, value: str) -> str:
    """What is wrong with an entry of ``app.environment``; empty when nothing is."""
    if name in GIVEN:
        return _TAKEN
    if _SECRET_NAMES.search(name) or looks_secret(value):
        return (
            "looks like a secret, which would stand in this file for ever; store it in Secrets Manager and write its"
            " name under app.secrets"
        )
    return "holds a NUL character, which no process can get" if "\0" in value else ""


def reference_problem(name: str, reference: str) -> str:
    """What is wrong with an entry of ``app.secrets``; empty when nothing is.  The answer never holds the value."""
    if name in GIVEN:
        return _TAKEN
    is_arn = SECRET_ARN.fullmatch(reference) or PARAMETER_ARN.fullmatch(reference)
    if not is_arn and (looks_secret(reference) or not SECRET_NAME.fullmatch(reference)):
        return (
            "is no name: write the ARN or name of a secret in Secrets Manager, or the name of a SecureString beginning"
            " with /; never the secret itself"
        )
    return ""


_TAKEN = "is set by the runbook; take another name"


class Statement(Strict):
    """What the application may do, as a statement of an IAM policy."""

    actions: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+:[A-Za-z0-9*?]+$")], ...] = Field(
        min_length=1, description="e.g. s3:GetObject"
    )
    resources: tuple[Annotated[str, StringConstraints(pattern=r"^(arn:aws:\S+|\*)$")], ...] = Field(
        min_length=1, description="ARNs, with * as a wildcard"
    )

    @field_validator("actions")
    @classmethod
    def _not_everything(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        for action in actions:
            if action.partition(":")[0] in ("iam", "organizations", "sts") and action.endswith(":*"):
                raise ValueError(f"{action} lets the application give itself any right; name the actions that it calls")
        return actions

    @model_validator(mode="after")
    def _known_to_iam(self) -> Self:
        policy_linter.check_statement(self.actions, self.resources)
        return self


class Policies(Strict):
    """What the application may do in AWS, beside reading its own configuration and secrets."""

    statements: tuple[Statement, ...] = ()
    managed: tuple[Annotated[str, StringConstraints(pattern=POLICY)], ...] = Field(
        default=(), description="ARNs of managed policies, AWS's or yours", max_length=9
    )


class App(Strict):
    """What the application gets; see docs/your-application.md."""

    environment: dict[Variable, Annotated[str, StringConstraints(strict=True, max_length=1000)]] = Field(
        default={}, description="settings of its processes, in quotes; no secrets"
    )
    secrets: dict[Variable, Annotated[str, StringConstraints(strict=True)]] = Field(
        default={},
        description="secrets of its processes: the ARN or name of a secret, or of a SecureString that begins with /",
    )
    policies: Policies = Policies()
    # https://docs.aws.amazon.com/linux/al2023/release-notes/all-packages.html
    packages: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")], ...] = Field(
        default=("python3.11",), description="packages of Amazon Linux 2023 that servers install when they boot"
    )
    # https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html
    database_user: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,31}$")] = Field(
        default="webapp", description="the application's own user of the database"
    )
    log_days: Count = Field(
        default=30, description="how long CloudWatch Logs keeps what its processes and the rollback function write"
    )

    _days = field_validator("log_days")(check_retention)

    @field_validator("database_user")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_MySQL.html
        if name.lower() in ("admin", "rdsadmin", "root", "mysql", "rdsrepladmin"):
            raise ValueError(f"{name} is a user of RDS itself; take another name")
        return name
