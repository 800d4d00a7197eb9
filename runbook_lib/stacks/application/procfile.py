"""Read a Procfile: one line for each process, ``name: command``.

The format is that of Heroku, Elastic Beanstalk and Foreman. What they skip without a word is a problem here.
https://devcenter.heroku.com/articles/procfile
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.build-proc.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .findings import Finding

PROCFILE = "Procfile"
WEB = "web"
EXAMPLE = "web: gunicorn --bind 0.0.0.0:$PORT app:app"

_LINE = re.compile(r"([^\s:]+):[ \t]*(.*)")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Process:
    """One line.

    Args:
        command: What the shell runs.
        line: Its number.
    """

    name: str
    command: str
    line: int


@dataclass(frozen=True)
class Procfile:
    """What a Procfile says.

    Args:
        processes: In the order of the file.
        findings: What is wrong with it.
    """

    processes: tuple[Process, ...]
    findings: tuple[Finding, ...]


def parse(data: bytes) -> Procfile:
    """Read a Procfile; every mistake is a finding with its line."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        return Procfile((), (_finding(number, "is not text in UTF-8.", "Save the file as UTF-8."),))
    if text.startswith("\ufeff"):
        return Procfile((), (_finding(1, "begins with a byte order mark.", "Save the file as UTF-8 without it."),))
    processes: dict[str, Process] = {}
    findings: list[Finding] = []
    for number, line in enumerate(text.split("\n"), 1):
        read = _read_line(number, line)
        if isinstance(read, Finding):
            findings.append(read)
        elif read and read.name in processes:
            first = processes[read.name].line
            findings.append(
                _finding(number, f"{read.name} is on line {first} already.", "Give one of them another name.")
            )
        elif read:
            processes[read.name] = read
    if WEB not in processes and not findings:
        findings.append(Finding(PROCFILE, "There is no web process.", f"Write a line that starts it: {EXAMPLE}"))
    return Procfile(tuple(processes.values()), tuple(findings))


def _read_line(number: int, line: str) -> Process | Finding | None:
    """The process of a line, or what is wrong with the line; ``None`` for a comment and for an empty line."""
    if "\r" in line:
        return _finding(number, "has a Windows line end (CR).", "Save the file with LF.")
    text = line.strip(" \t")
    if not text or text.startswith("#"):
        return None
    if control := next((each for each in text if not each.isprintable() and each != "\t"), ""):
        return _finding(number, f"has a character that cannot be printed: {control!a}.", "Remove it.")
    match = _LINE.fullmatch(text)
    if not match:
        return _finding(number, f"{_short(text)} is not a process.", f"Write name: command, e.g. {EXAMPLE}")
    name, command = match.groups()
    return next(_mistakes(number, line, name, command), None) or Process(name, command, number)


def _mistakes(number: int, line: str, name: str, command: str) -> Iterator[Finding]:
    if line[0] in " \t":
        yield _finding(number, f"{name} is indented.", "Begin the line with the name.")
    if not _NAME.fullmatch(name):
        yield _finding(
            number,
            f"{_short(name)} is not a process's name.",
            "Use letters, digits, _ and - only, at most 64 of them.",
        )
    if not command:
        yield _finding(number, f"{name} has no command.", f"Write what starts it: {name}: command")
    if command.endswith("\\"):
        yield _finding(
            number, f"{name} ends with a backslash, and a line cannot be continued.", "Write the command on one line."
        )


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _finding(line: int, what: str, fix: str) -> Finding:
    return Finding(f"{PROCFILE}:{line}", what, fix)
