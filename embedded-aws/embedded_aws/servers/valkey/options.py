"""The configuration file of a private cache server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from embedded_aws.servers.ca import ADDRESS

ADMIN = "runbook-admin"  # our own user, beside the clients' user `default`
MEMORY = "256mb"  # enough for a rehearsal, whatever the node type

# Parameters of a parameter group that the server supports: "Valkey and Redis OSS parameters",
# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html
SUPPORTED = frozenset({
    "databases", "hash-max-listpack-entries", "hash-max-listpack-value", "latency-tracking", "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lfu-decay-time", "lfu-log-factor", "list-compress-depth",
    "list-max-listpack-size", "maxmemory-policy", "maxmemory-samples", "notify-keyspace-events",
    "set-max-intset-entries", "slowlog-log-slower-than", "slowlog-max-len", "stream-node-max-bytes",
    "stream-node-max-entries", "tcp-keepalive", "timeout", "zset-max-listpack-entries", "zset-max-listpack-value",
})  # fmt: skip

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SupportedCommands.html (restricted commands)
RESTRICTED = (
    "acl|setuser", "acl|load", "acl|save", "acl|deluser", "bgrewriteaof", "bgsave", "config", "debug", "migrate",
    "module", "psync", "replicaof", "save", "slaveof", "shutdown", "sync",
)  # fmt: skip


def supported_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that the server supports."""
    return {name: value for name, value in parameters.items() if name in SUPPORTED}


def default_user(hashes: Iterable[str]) -> list[str]:
    """Return the access rules of the user `default`: it needs one of the tokens, or none where there are none.

    Args:
        hashes: SHA-256 of each token.
    """
    tokens = [f"#{token}" for token in hashes] or ["nopass"]
    return ["reset", "on", *tokens, "~*", "&*", "+@all", *(f"-{command}" for command in RESTRICTED)]


def admin_user(token: str) -> list[str]:
    """Return the access rules of our own user, with the SHA-256 of its password."""
    return ["on", f"#{token}", "~*", "&*", "+@all"]


def server_options(
    port: int, data: Path, tls: Mapping[str, Path], users: Mapping[str, list[str]], parameters: Mapping[str, str]
) -> bytes:
    """Return the whole configuration file.

    Args:
        tls: The files for TLS, by option; empty for a server without TLS.
    """
    lines: list[tuple[str, ...]] = [
        ("bind", ADDRESS), ("port", "0" if tls else str(port)), ("dir", str(data)), ("daemonize", "no"),
        # The memory is saved when the server ends in order: on AWS a cache keeps running while the emulator is down.
        ("dbfilename", "memory.rdb"), ("save", "3600", "1"), ("appendonly", "no"),
        ("maxmemory", MEMORY), ("maxmemory-policy", "volatile-lru"),
    ]  # fmt: skip
    if tls:
        lines += [("tls-port", str(port)), ("tls-auth-clients", "no")]
        lines += [(option, str(file)) for option, file in tls.items()]
    lines += parameters.items()
    quoted = [" ".join([option, *map(_quoted, values)]) for option, *values in lines]
    users_lines = [" ".join(["user", name, *rules]) for name, rules in users.items()]
    return "\n".join([*quoted, *users_lines, ""]).encode()


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
