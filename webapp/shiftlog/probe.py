"""Asks the application on this machine: `python -m shiftlog.probe /readyz`, or `/version` with a file to compare."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from shiftlog.settings import load


def ask(path: str) -> tuple[int, str]:
    """Status and body; 0 and the reason where nobody answers."""
    settings = load()
    host = "127.0.0.1" if settings.address in ("0.0.0.0", "") else settings.address
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{settings.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def main(path: str, file: str = "") -> int:
    """0 when the answer is what was hoped for; else say what it was."""
    status, body = ask(path)
    if status == 200 and (not file or json.loads(body)["revision"] == Path(file).read_text(encoding="utf-8").strip()):
        return 0
    print(f"{path}: {status or 'no answer'} {body.strip()}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
