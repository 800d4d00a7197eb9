"""Put the plans of all environments into one comment of the pull request, and edit that comment at the next push.

The comment is found by a marker in its first line, and by its author: other workflows comment as github-actions[bot],
too, and anybody may write the marker.
https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

MARKER = "<!-- runbook: plans -->"
AUTHOR = "github-actions[bot]"


def call(*arguments: str, send: object = None) -> str:
    """Call GitHub's API with ``gh``; return the answer."""
    request = ["gh", "api", *arguments, *(["--input", "-"] if send else [])]
    return subprocess.run(
        request, input=json.dumps(send) if send else None, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def find_own(comments: str) -> int | None:
    """Return the id of our comment among the pages of comments, one JSON array for each page."""
    decoder, rest = json.JSONDecoder(), comments.strip()
    while rest:
        page, end = decoder.raw_decode(rest)
        rest = rest[end:].strip()
        for comment in page:
            author = (comment["user"] or {}).get("login")  # a deleted account is null
            if author == AUTHOR and (comment["body"] or "").startswith(MARKER):
                return int(comment["id"])
    return None


def main(repository: str, number: str, plans: Path) -> None:
    """Comment with all plans in the folder, or edit the comment that is there."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(plans.glob("*/plan.md"))]
    body = {"body": "\n".join((MARKER, *texts))}
    comments = f"repos/{repository}/issues/{number}/comments"
    own = find_own(call("--paginate", f"{comments}?per_page=100"))
    if own is None:
        call("--method", "POST", comments, send=body)
    else:
        call("--method", "PATCH", f"repos/{repository}/issues/comments/{own}", send=body)


if __name__ == "__main__":
    main(os.environ["GITHUB_REPOSITORY"], os.environ["PULL_REQUEST"], Path(sys.argv[1]))
