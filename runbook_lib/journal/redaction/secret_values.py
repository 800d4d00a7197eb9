"""What is secret by what it is, or by where it stands: in a field, in a call to AWS, in a secret of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from .patterns import PLACEHOLDER

TOO_SHORT = 4
"""What is shorter is not looked for: it is everywhere."""

_SECRET_FIELD = re.compile(
    r"(?i)(?:^|[_.\-]|(?<=[a-z]))(?:password|passwd|passphrase|pwd|secret[_-]?(?:string|binary|key|access[_-]?key)"
    r"|(?:client[_-]?)?secret|private[_-]?key|(?:auth(?:orization)?|session|security|access|refresh|id)[_-]?token"
    r"|api[_-]?key|(?<!public)(?<!public[_-])key[_-]?material|plaintext)$"
)
_NO_SECRET = re.compile(r"arn:aws[\w-]*:.+|\{\{resolve:.+|(?i:true|false|none|null)|[–-]?")
"""What may stand in such a field and is no secret: where one is kept, whether there is one."""

_NAME = re.compile(r"[a-z0-9-]+(/[\w.-]+)+|[a-z][a-z0-9_]*\.[\w./-]+")
"""The name of a secret in Secrets Manager, or the key of a resource: what a field called *secret* may hold."""

_SAID_OF_ONE = {
    *("username", "user", "engine", "host", "port", "dbname", "dbinstanceidentifier", "dbclusteridentifier"),
    *("masterarn", "proxyarn", "proxyidentifier", "ssl", "region", "url", "name", "database"),
}
"""The fields of a secret that are none: those of RDS's.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html"""

_LONG, _LINE = 256, 16
_COMMON = {"true", "false", "null", "none", "admin", "root", "test", "local", "prod", "mysql", "default", "testing"}


def is_secret_field(name: str) -> bool:
    """Whether what is called so holds a secret."""
    return bool(_SECRET_FIELD.search(name))


def is_placeholder(name: str, text: str) -> bool:
    """Whether what stands in a field of secrets only says where one is kept, or that there is one."""
    if _NO_SECRET.fullmatch(text):
        return True
    return name.lower().endswith("secret") and bool(_NAME.fullmatch(text))


def is_labelled_secret(data: object) -> Iterator[object]:
    """The secrets in a request to AWS, or in its answer, by the names of their fields."""
    if isinstance(data, Mapping):
        if data.get("Type") == "SecureString" and "Value" in data:  # of a parameter of Systems Manager
            yield data["Value"]
        for name, value in data.items():
            if is_secret_field(str(name)) and isinstance(value, (str, bytes)):
                if isinstance(value, bytes) or not is_placeholder(str(name), value):
                    yield value
            else:
                yield from is_labelled_secret(value)
    elif isinstance(data, (list, tuple)):
        for one in data:
            yield from is_labelled_secret(one)


def searchable_parts(secret: object) -> Iterator[str]:
    """What to look for, of something that is secret as a whole: of JSON its fields, of a long one its lines."""
    if isinstance(secret, bytes):
        secret = secret.decode("utf-8", errors="replace")
    if isinstance(secret, Mapping):
        for name, value in secret.items():
            if str(name).lower() not in _SAID_OF_ONE:
                yield from searchable_parts(value)
    elif isinstance(secret, (list, tuple)):
        for one in secret:
            yield from searchable_parts(one)
    elif isinstance(secret, str):
        data = _json(secret)
        yield from _pieces(secret) if data is None else searchable_parts(data)


def _json(text: str) -> object:
    with suppress(ValueError):
        data = json.loads(text)
        return data if isinstance(data, (dict, list)) else None
    return None


def _pieces(secret: str) -> Iterator[str]:
    if len(secret) > _LONG or "\n" in secret:
        for line in secret.splitlines():
            for at in range(0, len(line), _LONG):
                piece = line[at : at + _LONG].strip()
                if len(piece) >= _LINE and "-----" not in piece:
                    yield piece
    elif len(secret) >= TOO_SHORT and secret.lower() not in _COMMON and secret not in PLACEHOLDER:
        yield secret
