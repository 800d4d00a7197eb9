"""SecretsManager.x and CloudWatch.x: secrets, log groups and alarms.

https://docs.aws.amazon.com/securityhub/latest/userguide/secretsmanager-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ....aws.snapshot import ApiObject
from ....resources.log_group import LogGroup
from ....resources.secret import RandomSecret
from ....resources.ssh_key import SshKey
from ..account import Account
from .outcome import Evaluation, Offence, Outcome, Wrong, judge, none, required

_DAYS = 90
"""The default of `unusedForDays` of SecretsManager.3, and of `maxDaysSinceRotation` of SecretsManager.4."""
_LOG_DAYS = 365
"""The default of `minRetentionTime` of CloudWatch.16."""


def _secrets(account: Account) -> Iterator[ApiObject]:
    own = (*account.environment.every(RandomSecret), *account.environment.every(SshKey))
    names = [each.aws_name(account.snapshot.aws) for each in own]
    master = ((account.database or {}).get("MasterUserSecret") or {}).get("SecretArn")
    for name in (*names, *([master] if master else ())):
        gone = "ResourceNotFoundException"
        secret = account.snapshot.get("secretsmanager", "describe_secret", missing=gone, SecretId=name)
        if secret and not secret.get("DeletedDate"):
            yield secret


def _each_secret(account: Account, wrong: Wrong) -> Outcome:
    return judge(_secrets(account), "Name", wrong, "the environment has no secret")


def _failed_rotation(account: Account) -> Outcome:
    def wrong(secret: ApiObject) -> str:
        due = secret.get("NextRotationDate")
        return f"should have been rotated at {due:%Y-%m-%d}" if due and due < datetime.now(UTC) else ""

    rotated = [each for each in _secrets(account) if each.get("RotationEnabled")]
    return judge(rotated, "Name", wrong, "no secret is rotated automatically")


def _unused(secret: ApiObject) -> str:
    used = secret.get("LastAccessedDate") or secret.get("CreatedDate")
    idle = used and _is_old(used)
    return f"was last used at {used:%Y-%m-%d}" if idle else ""


def _unrotated(secret: ApiObject) -> str:
    rotated = secret.get("LastRotatedDate")
    if rotated is None:
        return "" if secret.get("OwningService") and secret.get("RotationEnabled") else "was never rotated"
    return f"was last rotated at {rotated:%Y-%m-%d}" if _is_old(rotated) else ""


def _is_old(at: datetime) -> bool:
    return at < datetime.now(UTC) - timedelta(days=_DAYS)


def _retention(account: Account) -> Outcome:
    looked_at, offences = list[str](), list[Offence]()
    for own in account.environment.every(LogGroup):
        folder = own.path.rpartition("/")[0] + "/"
        groups = account.snapshot.all("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=folder)
        for group in (each for each in groups if each["logGroupName"] == own.path):
            days = group.get("retentionInDays")
            looked_at.append(own.path)
            if days and days < _LOG_DAYS:
                offences.append(Offence(own.path, f"keeps events for {days} days", own.key))
    return Outcome(looked_at, offences) if looked_at else none("the environment has no log group")


def _alarms(account: Account, wrong: Wrong) -> Outcome:
    prefix = f"{account.params.env}-"
    found = account.snapshot.all("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
    return judge(found, "AlarmName", wrong, "the environment has no alarm")


EVALUATIONS: dict[str, Evaluation] = {
    "CloudWatch.15": lambda a: _alarms(a, lambda alarm: "" if alarm.get("AlarmActions") else "does nothing"),
    "CloudWatch.16": _retention,
    "CloudWatch.17": lambda a: _alarms(a, required("ActionsEnabled", True, "has its actions switched off")),
    "SecretsManager.1": lambda a: _each_secret(
        a, lambda s: "" if s.get("RotationEnabled") else "is not rotated automatically"),
    "SecretsManager.2": _failed_rotation,
    "SecretsManager.3": lambda a: _each_secret(a, _unused),
    "SecretsManager.4": lambda a: _each_secret(a, _unrotated),
}  # fmt: skip
