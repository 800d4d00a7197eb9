"""Say in plain words what a wrong value of a parameter should be, in place of pydantic's words."""

from __future__ import annotations

from typing import Any

_PUBLIC_KEY = "write an OpenSSH public key, e.g. ssh-ed25519 AAAA…"
_HEALTH_PATH = "write a path of at most 1024 characters of ASCII that begins with /, without spaces, e.g. /healthz"
_INSTANCE_TYPE = "write a type of EC2, e.g. t4g.small"
PATTERNS = {
    "account": 'write the 12 digits of the account, in quotes, e.g. "123456789012"',
    "actions": "write an action of IAM, e.g. s3:GetObject",
    "arn": "write the ARN of a certificate of ACM, e.g. arn:aws:acm:us-west-2:123456789012:certificate/1a2b…",
    "backup_window": 'write two times of day in UTC, e.g. "08:00-08:30"',
    "bastion_type": _INSTANCE_TYPE,
    "commit": "write the 40 hexadecimal digits of a commit",
    "configuration": "write the name of a deployment configuration, e.g. CodeDeployDefault.OneAtATime",
    "database_user": "write a name of letters, digits and _, e.g. webapp",
    "domain": "write a domain in lower-case letters, e.g. web.example.com",
    "engine_version": 'write "8.4", or a minor version such as "8.4.6"',
    "env": "write a name of lower-case letters, digits and single hyphens, e.g. prod",
    "environments": "write the name of an environment at GitHub, e.g. prod-deploy",
    "former_path": _HEALTH_PATH,
    "hosted_zone": "write the id of a hosted zone, e.g. Z0123456789ABCDEFGHIJ",
    "image": "write null, newest, or the id of an image, e.g. ami-0123456789abcdef0",
    "instance_class": "write a class of RDS, e.g. db.t4g.micro",
    "instance_type": _INSTANCE_TYPE,
    "kms_key": "write the ARN of a KMS key, e.g. arn:aws:kms:us-west-2:123456789012:key/1a2b…",
    "maintenance_window": 'write two days and times in UTC, e.g. "sun:09:00-sun:09:30"',
    "managed": "write the ARN of an IAM policy, e.g. arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    "name": "write a name of lower-case letters, digits and . _ -, e.g. weekdays",
    "node_type": "write a type of ElastiCache, e.g. cache.t4g.micro",
    "packages": "write the name of a package of Amazon Linux 2023, e.g. python3.11",
    "path": _HEALTH_PATH,
    "permissions_boundary": "write the ARN of an IAM policy, e.g. arn:aws:iam::123456789012:policy/boundary",
    "public_key": _PUBLIC_KEY,
    "repository": "write owner/name, as GitHub does",
    "resources": 'write an ARN, with * as a wildcard, or "*"',
    "revision": "write the SHA-256 of a stored bundle, or owner/name@commit",
    "rollback_alarms": "write the name of a CloudWatch alarm, without a colon",
    "signers": _PUBLIC_KEY,
    "topic": "write the ARN of an SNS topic, e.g. arn:aws:sns:us-west-2:123456789012:alerts",
    "trusted_keys": _PUBLIC_KEY,
}
"""What to write, by field, where a text does not have the field's pattern."""
_TYPES = {
    "string": "write a text, in quotes",
    "bool": "write true or false",
    "int": "write a whole number",
    "float": "write a number",
    "tuple": "write a list, e.g. [a, b]",
    "list": "write a list, e.g. [a, b]",
    "model": "write the fields of this section, each on a line of its own",
    "mapping": "write names and values, e.g. {a: b}",
    "dict": "write names and values, e.g. {a: b}",
    "ip": "write a network, e.g. 10.20.0.0/16",
}


def explain(error: Any) -> str:
    """Return what should be written, for one of pydantic's errors.

    https://docs.pydantic.dev/latest/errors/validation_errors/
    """
    kind, context = str(error["type"]), error.get("ctx", {})
    fields = [str(part) for part in error["loc"]]
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        return f"write {context['expected']}"
    if kind == "string_pattern_mismatch":
        return next((PATTERNS[name] for name in reversed(fields) if name in PATTERNS), "has characters that do not fit")
    if kind == "greater_than":
        return f"write more than {context['gt']:g}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"write at least {context['ge']}" if "ge" in context else f"write at most {context['le']}"
    if kind in ("string_too_short", "too_short"):
        return "must not be empty" if context["min_length"] == 1 else f"write at least {context['min_length']}"
    if kind in ("string_too_long", "too_long"):
        return f"write at most {context['max_length']}{' characters' if kind == 'string_too_long' else ''}"
    return _TYPES.get(kind.partition("_")[0], str(error["msg"]))
