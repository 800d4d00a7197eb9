"""Find the cache server that is installed on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

SERVERS = (("valkey-server", "Valkey"), ("redis-server", "Redis"))
VERSION_SECONDS = 10.0
OLDEST = 7  # the first version that can forbid the commands that ElastiCache forbids


@dataclass(frozen=True)
class Program:
    """The server's path, and its name and version."""

    server: str
    title: str


def find_program(path: str | None = None) -> Program | None:
    """Find Valkey on the path, or else Redis, from which it was forked."""
    for name, engine in SERVERS:
        server = shutil.which(name, path=os.environ.get("PATH", "") if path is None else path)
        if server and (version := _version(server)) and int(version.partition(".")[0]) >= OLDEST:
            return Program(server, f"{engine} {version}")
    return None


def _version(server: str) -> str | None:
    try:
        output = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"v=(\d+\.\d+\.\d+)", output)
    return version[1] if version else None
