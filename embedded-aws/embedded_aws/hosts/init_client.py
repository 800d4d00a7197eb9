"""Ask an instance's init (:mod:`.init`): `systemctl` and `ss` on the instance, and the embedded AWS itself.

As a program it is run by its path, with the standard library only, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

SOCKET = "init.sock"
ENVIRONMENT = "environment.json"
AGENT_MISSING = "agent-missing"
"""A file in the instance's folder that exists while CodeDeploy's agent is not active."""


def ask(folder: Path, *words: str) -> tuple[int, str]:
    """Ask the init of an instance; returns exit code and output.

    Raises:
        OSError: The instance is down.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        # A socket's path may have about 100 characters; /proc makes a long one short, elsewhere the folder does.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            if Path("/proc/self/fd").is_dir():
                connection.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
            else:
                connection.connect(str(folder / SOCKET))
        finally:
            os.close(descriptor)
        connection.sendall(json.dumps(words).encode() + b"\n")
        with connection.makefile("rb") as answer:
            code, text = json.loads(answer.read())
    return code, text


if __name__ == "__main__":
    status, output = ask(Path(sys.argv[1]), *sys.argv[2:])
    if output:
        print(output, file=sys.stdout if status in (0, 3) else sys.stderr)
    sys.exit(status)
