"""Refuse to apply where GitHub makes nobody approve it.

Reads the answer of ``gh api repos/OWNER/NAME/environments/ENVIRONMENT`` from standard input.  GitHub creates an
environment that does not exist, without rules, and lets the job run; and required reviewers exist only in public
repositories and with GitHub Enterprise.
https://docs.github.com/en/rest/deployments/environments#get-an-environment
https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments#required-reviewers
"""

from __future__ import annotations

import json
import sys
from typing import Any


def has_reviewers(answer: dict[str, Any]) -> bool:
    """Return whether somebody has to approve a job of the environment; false for an error's answer."""
    return any(rule.get("reviewers") for rule in _reviews(answer))


def allows_self_review(answer: dict[str, Any]) -> bool:
    """Return whether the one who started the job may approve it."""
    return not any(rule.get("prevent_self_review") for rule in _reviews(answer))


def _reviews(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for rule in answer.get("protection_rules") or [] if rule.get("type") == "required_reviewers"]


def main(environment: str, text: str) -> int:
    """Print what is wrong as GitHub's annotations; return the exit code."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    if not has_reviewers(answer):
        sys.stdout.write(
            f"::error::The GitHub environment {environment} has no required reviewers, so nobody had to approve this"
            " apply: it is refused. Add reviewers in Settings, Environments (a public repository or GitHub Enterprise),"
            " or apply from your machine. See docs/operating.md, GitHub Actions.\n"
        )
        return 1
    if allows_self_review(answer):
        sys.stdout.write(
            f"::warning::Whoever starts an apply of {environment} may approve it: turn on Prevent self-review.\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.stdin.read()))
