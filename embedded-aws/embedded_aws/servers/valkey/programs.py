"""The cache server that this machine has installed, if any."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

SERVERS = (("valkey-server", "Valkey"), ("redis-server", "Redis"))
LOOK_SECONDS = 10.0
OLDEST = 7  # the first version that can forbid what ElastiCache forbids


@dataclass(frozen=True)
class Program:
    """A server, and what it is for people."""

    server: str
    title: str


def find(path: str | None = None) -> Program | None:
    """What is on the path: Valkey, or else Redis, which it has come from."""
    for name, engine in SERVERS:
        server = shutil.which(name, path=os.environ.get("PATH", "") if path is None else path)
        if server and (version := _version(server)) and int(version.partition(".")[0]) >= OLDEST:
            return Program(server, f"{engine} {version}")
    return None


def _version(server: str) -> str | None:
    try:
        said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=LOOK_SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"v=(\d+\.\d+\.\d+)", said)
    return found[1] if found else None
