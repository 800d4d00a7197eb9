"""Read systemd's unit files and environment files, as far as an instance's services need.

https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

RESTARTS = ("always", "on-failure", "on-abnormal", "on-abort")
DEFAULT_STOP_SECONDS = 90.0
DEFAULT_RESTART_SECONDS = 0.1
_PREFIXES = "@-:+!|"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'", re.S)
_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 0.001, "min": 60.0, "m": 60.0, "h": 3600.0}


class UnitError(ValueError):
    """A unit that systemd would not load."""


@dataclass(frozen=True)
class Command:
    """One command line; with `may_fail`, its exit code does not matter."""

    words: tuple[str, ...]
    may_fail: bool = False


@dataclass(frozen=True)
class UnitFile:
    """The settings of a service that have an effect here; all others, such as hardening, need root."""

    name: str
    kind: str = "simple"
    start_before: tuple[Command, ...] = ()
    start: tuple[Command, ...] = ()
    reload: tuple[Command, ...] = ()
    stop: tuple[Command, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    environment_files: tuple[str, ...] = ()
    """Paths; one that begins with `-` may be missing."""
    folder: str = ""
    restart: str = "no"
    restart_seconds: float = DEFAULT_RESTART_SECONDS
    stop_seconds: float = DEFAULT_STOP_SECONDS
    stop_all: bool = True
    """Whether a stop signals all processes at once; else the main one first (`KillMode=mixed`)."""
    stays: bool = False
    """Whether a `oneshot` is active after its end."""
    output: str = ""
    """The file that standard output is appended to; empty: the journal."""
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    wanted: bool = False
    """Whether it can be enabled."""


def parse_unit(name: str, text: str) -> UnitFile:
    """Parse a service unit.

    Raises:
        UnitError: It has no command, or a line that cannot be read.
    """
    settings = _settings(name, text)

    def every(section: str, key: str) -> list[str]:
        return settings.get((section, key), [])

    def last(key: str, default: str = "") -> str:
        return (every("Service", key) or [default])[-1]

    def words(section: str, *keys: str) -> tuple[str, ...]:
        return tuple(word for key in keys for line in every(section, key) for word in line.split())

    start = _commands(name, every("Service", "ExecStart"))
    if not start:
        raise UnitError(f"{name}: Service has no ExecStart=. Refusing.")
    output = last("StandardOutput")
    return UnitFile(
        name=name,
        kind=last("Type", "simple"),
        start_before=_commands(name, every("Service", "ExecStartPre")),
        start=start,
        reload=_commands(name, every("Service", "ExecReload")),
        stop=_commands(name, every("Service", "ExecStop")),
        environment=tuple(_assignments(name, every("Service", "Environment"))),
        environment_files=tuple(every("Service", "EnvironmentFile")),
        folder=last("WorkingDirectory"),
        restart=last("Restart", "no"),
        restart_seconds=_seconds(last("RestartSec"), DEFAULT_RESTART_SECONDS),
        stop_seconds=_seconds(last("TimeoutStopSec"), DEFAULT_STOP_SECONDS),
        stop_all=last("KillMode", "control-group") == "control-group",
        stays=last("RemainAfterExit").lower() in ("yes", "true", "1", "on"),
        output=output.partition(":")[2] if output.startswith(("append:", "file:")) else "",
        requires=words("Unit", "Requires", "Wants", "BindsTo"),
        conflicts=words("Unit", "Conflicts"),
        wanted=bool(words("Install", "WantedBy", "RequiredBy")),
    )


def read_environment(text: str) -> dict[str, str]:
    r"""Read an `EnvironmentFile=`: `NAME=value` lines, where quotes may hold line ends.

    In double quotes a backslash takes away the meaning of ``"``, ``\``, `````` and ``$``; in single quotes nothing has
    a meaning. https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
    """
    values, position = {}, 0
    line = re.compile(
        r"[ \t]*(?:[#;][^\n]*|([A-Za-z_]\w*)=((?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.|[^\n])*))?(?:\n|$)", re.S
    )
    while position < len(text):
        match = line.match(text, position)
        if match is None:  # systemd skips what it cannot read, up to the end of the line
            position = text.find("\n", position) + 1 or len(text)
            continue
        if match.end() == position:
            break
        position = match.end()
        if match[1]:
            values[match[1]] = _unquote(match[2].strip())
    return values


def expand(words: tuple[str, ...], environment: dict[str, str]) -> list[str]:
    """Replace variables in a command line: `$NAME` as a word of its own is split at spaces, `${NAME}` is not."""
    expanded: list[str] = []
    for word in words:
        alone = re.fullmatch(r"\$(\w+)", word)
        if alone:
            expanded += environment.get(alone[1], "").split()
        else:
            expanded.append(_VARIABLE.sub(lambda m: environment.get(m[1] or m[2], ""), word.replace("$$", "\0")))
    return [word.replace("\0", "$") for word in expanded]


def read_unit(folder: Path, name: str) -> UnitFile | None:
    """Read a unit from its folder; `None` where there is none."""
    try:
        return parse_unit(name, (folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _settings(name: str, text: str) -> dict[tuple[str, str], list[str]]:
    """All values by section and key; an empty value forgets those before it."""
    settings: dict[tuple[str, str], list[str]] = {}
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise UnitError(f"{name}: Missing '=': {line}")
        values = settings.setdefault((section, key.strip()), [])
        if value.strip():
            values.append(value.strip())
        else:
            values.clear()
    return settings


def _commands(name: str, lines: list[str]) -> tuple[Command, ...]:
    commands = []
    for line in lines:
        bare = line.lstrip(_PREFIXES)
        try:
            words = shlex.split(bare)
        except ValueError as error:
            raise UnitError(f"{name}: {line}: {error}") from error
        words = [word.replace("%%", "%").replace("%n", name) for word in words]
        commands.append(Command(tuple(words), "-" in line[: len(line) - len(bare)]))
    return tuple(commands)


def _assignments(name: str, lines: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for line in lines:
        for word in shlex.split(line):
            key, equals, value = word.partition("=")
            if not equals:
                raise UnitError(f"{name}: Invalid environment assignment: {word}")
            pairs.append((key, value.replace("%%", "%")))
    return pairs


def _seconds(text: str, default: float) -> float:
    if not text:
        return default
    if text == "infinity":
        return float("inf")
    parts = re.findall(r"([0-9.]+)\s*([a-z]*)", text)
    return sum(float(number) * _UNITS.get(unit, 1.0) for number, unit in parts)


def _unquote(text: str) -> str:
    value, position = [], 0
    while position < len(text):
        char = text[position]
        if char in "'\"" and (quoted := _QUOTED.match(text, position)):
            inner = quoted[0][1:-1]
            value.append(inner if char == "'" else re.sub(r'\\(["\\`$])', r"\1", inner.replace("\\\n", "")))
            position = quoted.end()
        elif char == "\\" and position + 1 < len(text):
            value.append(text[position + 1])
            position += 2
        else:
            value.append(char)
            position += 1
    return "".join(value)
