"""Find secret values by the names of their fields, and split them into the texts to search for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from .patterns import PLACEHOLDER, secret_names

MIN_LENGTH = 4
"""Shorter secrets are not searched for: too many other texts contain them."""

_BETWEEN = r"[\s_-]{0,99}"
"""What may be between the words of a name."""
_NAMES = f"(?i)(?:{secret_names(_BETWEEN)}|secret|authorization{_BETWEEN}token|plaintext)"
_SECRET_FIELD, _SECRET_WORDS = re.compile(f"{_NAMES}$"), re.compile(_NAMES)
_PUBLIC_FIELD = re.compile(f"(?i)public{_BETWEEN}key{_BETWEEN}material$")
_NOT_SECRET = re.compile(r"arn:aws[\w-]*:.+|\{\{resolve:.+|(?i:true|false|none|null)|[–-]?")
"""Values of such a field that are not secret: where a secret is stored, or whether there is one."""

_SECRET_NAME = re.compile(r"[a-z0-9-]+(/[\w.-]+)+|[a-z][a-z0-9_]*\.[\w./-]+")
"""The name of a secret in Secrets Manager, or the key of a resource; a field ``secret`` may hold these."""

_OPEN_FIELDS = {
    *("username", "user", "engine", "host", "port", "dbname", "dbinstanceidentifier", "dbclusteridentifier"),
    *("masterarn", "proxyarn", "proxyidentifier", "ssl", "region", "url", "name", "database"),
}
"""Fields of a secret in Secrets Manager that are not secret, as RDS writes them.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html"""

_PIECE_LENGTH, _MIN_PIECE = 256, 16
_COMMON_WORDS = {
    "true",
    "false",
    "null",
    "none",
    "admin",
    "root",
    "test",
    "local",
    "prod",
    "mysql",
    "default",
    "testing",
}


def is_secret_field(name: str) -> bool:
    """Return whether a field of this name holds a secret."""
    return bool(_SECRET_FIELD.search(name)) and not _PUBLIC_FIELD.search(name)


def is_secret_name(text: str) -> bool:
    """Return whether the text is the name of a field for secrets, and nothing else, also as words of their own."""
    return bool(_SECRET_WORDS.fullmatch(text))


def names_a_secret(text: str) -> bool:
    """Return whether the name of a field for secrets is anywhere in the text, also as words of their own."""
    return bool(_SECRET_WORDS.search(text))


def is_placeholder(name: str, text: str) -> bool:
    """Return whether the text in a secret field is not secret: where a secret is stored, or whether there is one."""
    if _NOT_SECRET.fullmatch(text):
        return True
    return name.lower().endswith("secret") and bool(_SECRET_NAME.fullmatch(text))


def labelled_secrets(data: object) -> Iterator[object]:
    """Yield the secrets in a request to AWS or its response, by the names of their fields."""
    if isinstance(data, Mapping):
        if data.get("Type") == "SecureString" and "Value" in data:  # a parameter of Systems Manager
            yield data["Value"]
        for name, value in data.items():
            if is_secret_field(str(name)) and isinstance(value, (str, bytes)):
                if isinstance(value, bytes) or not is_placeholder(str(name), value):
                    yield value
            else:
                yield from labelled_secrets(value)
    elif isinstance(data, (list, tuple)):
        for item in data:
            yield from labelled_secrets(item)


def searchable_parts(secret: object) -> Iterator[str]:
    """Yield the texts of a secret to search for: the fields of JSON, the lines of a long text."""
    if isinstance(secret, bytes):
        secret = secret.decode("utf-8", errors="replace")
    if isinstance(secret, Mapping):
        for name, value in secret.items():
            if str(name).lower() not in _OPEN_FIELDS:
                yield from searchable_parts(value)
    elif isinstance(secret, (list, tuple)):
        for item in secret:
            yield from searchable_parts(item)
    elif isinstance(secret, str):
        data = _parse_json(secret)
        yield from _split(secret) if data is None else searchable_parts(data)


def _parse_json(text: str) -> object:
    with suppress(ValueError):
        data = json.loads(text)
        return data if isinstance(data, (dict, list)) else None
    return None


def _split(secret: str) -> Iterator[str]:
    if len(secret) > _PIECE_LENGTH or "\n" in secret:
        for line in secret.splitlines():
            for at in range(0, len(line), _PIECE_LENGTH):
                piece = line[at : at + _PIECE_LENGTH].strip()
                if len(piece) >= _MIN_PIECE and "-----" not in piece:
                    yield piece
    elif len(secret) >= MIN_LENGTH and secret.lower() not in _COMMON_WORDS and secret not in PLACEHOLDER:
        yield secret
