"""Starts a command that outlives the hook that started it: `python -m shiftlog.daemon PID_FILE LOG COMMAND...`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(pid_file: str, log: str, command: list[str]) -> None:
    """Leave at once; the child has its own session, and holds nothing of ours open.

    CodeDeploy's agent waits until its pipe to a hook is closed. A daemon that inherits it keeps a
    deployment waiting until it times out.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    if child := os.fork():
        Path(pid_file).write_text(f"{child}\n", encoding="utf-8")  # at once: the hook asks it whether it still runs
        return
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.closerange(3, 1024)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
