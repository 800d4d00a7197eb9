"""Read a lock file: `requirements.txt` with hashes, as `runbook lock`, pip-compile or uv write it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .findings import Finding

LOCK = "requirements.txt"
SOURCES = "requirements.in, or pyproject.toml"

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "--trusted-host", "--find-links", "-f", "--prefer-binary")


@dataclass(frozen=True)
class Pin:
    """One package of the lock.

    Args:
        name: Normalized.
        text: The requirement without hashes and marker, e.g. ``flask==3.1.3``.
        requirement: With its marker.
        hashes: Of its files; empty when any file will do.
        line: Where it stands in the lock.
    """

    name: str
    text: str
    requirement: Requirement
    hashes: frozenset[str]
    line: int

    @property
    def key(self) -> str:
        """A name for what is known about it."""
        return hashlib.sha256("\n".join([self.text, *sorted(self.hashes)]).encode()).hexdigest()

    @property
    def lines(self) -> str:
        """The line for pip."""
        return " ".join([self.text, *(f"--hash=sha256:{each}" for each in sorted(self.hashes))])


@dataclass(frozen=True)
class Lock:
    """A lock file that was read.

    Args:
        options: Its lines that say where packages are, for pip.
        findings: What is wrong with it.
    """

    pins: tuple[Pin, ...] = ()
    options: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file with their numbers: continued lines joined, comments and blank lines dropped."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += f"{line[:-1]} "
            continue
        if content := re.sub(r"(^|\s)#.*$", "", joined + line).strip():
            yield first, content
        joined, first = "", 0


def read_lock(data: bytes) -> Lock:
    """Read a lock file; every mistake is a finding with its line."""
    pins, options, findings = [], [], []
    lines = list(logical_lines(data.decode("utf-8", "replace")))
    if lines and not any(_HASH.search(line) for _, line in lines):
        what = "has no hashes, so that nobody knows which files will be installed."
        return Lock(
            findings=(Finding(f"{LOCK}:{lines[0][0]}", what, "Run `runbook lock`, and commit what it writes."),)
        )
    for number, line in lines:
        if line.startswith("-"):
            if line.split("=")[0].split()[0] in _INDEX_OPTIONS:
                options.append(line)
            elif not line.startswith(("--only-binary", "--no-binary", "--require-hashes")):
                findings.append(Finding(f"{LOCK}:{number}", f"{line} cannot be locked.", _AGAIN))
            continue
        pin = _read_pin(number, line)
        if isinstance(pin, Finding):
            findings.append(pin)
        else:
            pins.append(pin)
    return Lock(tuple(pins), tuple(options), tuple(findings))


_AGAIN = f"Run `runbook lock`: it locks what {SOURCES} needs."


def _read_pin(number: int, line: str) -> Pin | Finding:
    place = f"{LOCK}:{number}"
    try:
        requirement = Requirement(line.partition(" --hash")[0].strip())
    except InvalidRequirement:
        return Finding(place, f"{line[:60]} is not name==version with hashes.", _AGAIN)
    exact = [each for each in requirement.specifier if each.operator in ("==", "===") and "*" not in each.version]
    if requirement.url or len(exact) != 1 or len(requirement.specifier) != 1:
        return Finding(place, f"{requirement} is not pinned with ==.", _AGAIN)
    if not (hashes := frozenset(_HASH.findall(line))):
        return Finding(place, f"{requirement} has no hash.", _AGAIN)
    name = canonicalize_name(requirement.name)
    return Pin(name, f"{name}=={exact[0].version}", requirement, hashes, number)
