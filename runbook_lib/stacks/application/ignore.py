"""What is left out of a bundle: a short default, and what `.bundleignore` says in gitignore's syntax.

The library pathspec reads the syntax. https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pathspec.pattern import RegexPattern
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from .findings import Finding

BUNDLEIGNORE = ".bundleignore"
DEFAULT = """\
.git
__pycache__/
*.py[cod]
.pytest_cache/
.mypy_cache/
.ruff_cache/
/.venv/
/venv/
.env
.env.local
.env.*.local
.npmrc
.DS_Store
Thumbs.db
*~
*.sw[op]
.idea/
.vscode/
/.bundleignore
/.runbook/
/wheels/
/REVISION
/COMMIT
"""
"""Left out unless `.bundleignore` has a line that begins with ``!``.

Programs and editors write these without being asked, or they hold a developer's own secrets (``.env``, ``.npmrc``), or
the bundle has its own (the last four). Nothing else is left out by itself: whether tests, documents or
``node_modules`` are needed on a server, only the application's owner knows.
"""


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that is not packed.

    Args:
        name: Its name in the folder; a folder's name ends with a slash.
        why: The rule that leaves it out: ``default: .env``, or ``.bundleignore:3: docs/``.
    """

    name: str
    why: str


class IgnoreRules:
    """The rules of one application.

    Args:
        data: The content of `.bundleignore`; empty when there is none.

    Attributes:
        findings: Lines that are no patterns.
    """

    def __init__(self, data: bytes = b"") -> None:
        self.findings: list[Finding] = []
        self._rules = [(_compile(line), f"default: {line}") for line in DEFAULT.splitlines()]
        for number, line in enumerate(_lines(data), 1):
            try:
                self._rules.append((_compile(line), f"{BUNDLEIGNORE}:{number}: {line}"))
            except ValueError:
                self.findings.append(
                    Finding(f"{BUNDLEIGNORE}:{number}", f"{line!r} is not a pattern.", "Write it as in a .gitignore.")
                )

    def reason(self, name: str, *, is_folder: bool) -> str:
        """Why a file or folder is left out; empty when it is packed.

        As in git, the last pattern that matches it decides, and nothing in a folder that is left out can be packed: do
        not ask about that.
        """
        path = f"{name}/" if is_folder else name
        for pattern, why in reversed(self._rules):
            if pattern.regex and any(match.end() == len(path) for match in pattern.regex.finditer(path)):
                return why if pattern.include else ""
        return ""


def _compile(line: str) -> RegexPattern:
    """A line as pathspec understands it.

    Its expressions also match what is in a folder that matches; the caller tells that by where a match ends. A pattern
    for everything in a folder, or every folder in it, gets an equal one that has such an end.

    Raises:
        ValueError: It is no pattern.
    """
    text = line.rstrip(" ") if not line.endswith("\\ ") else line
    return GitIgnoreSpecPattern(re.sub(r"/\*\*(/?)$", r"/**/*\1", text))


def _lines(data: bytes) -> list[str]:
    """The lines as git reads them: a byte order mark and a CR at the end of a line do not count."""
    text = data.decode("utf-8-sig", "surrogateescape")
    return [line.removesuffix("\r") for line in text.split("\n")]
