"""Parse user data as cloud-init does: which files it writes, and which services it starts."""

from __future__ import annotations

import shlex
from configparser import ConfigParser, ParsingError
from dataclasses import dataclass, field
from typing import Any

import yaml
from jinja2 import Environment, Undefined

TEMPLATE = "## template: jinja"
CONFIG = "#cloud-config"
UNITS = "etc/systemd/system/"


class UserDataError(ValueError):
    """User data that cloud-init cannot read, either."""


@dataclass(frozen=True)
class File:
    """A file of write_files; its path is relative to the root."""

    path: str
    content: str
    mode: int = 0o644


@dataclass(frozen=True)
class Unit:
    """A systemd service, as far as it is supported."""

    name: str
    command: tuple[str, ...]
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class FirstBoot:
    """What a first boot does."""

    files: tuple[File, ...] = ()
    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What the user data asks for and is not done."""


class _Missing(Undefined):
    """An unknown variable renders as its name, without an error.

    https://docs.cloud-init.io/en/latest/explanation/instancedata.html
    """

    def __str__(self) -> str:
        return f"CI_MISSING_JINJA_VAR/{self._undefined_name}"


def parse_user_data(user_data: str, instance: dict[str, str]) -> FirstBoot:
    """Parse a cloud-config, with `{{ v1.… }}` filled from the instance's data.

    Files are written, and units that `runcmd` starts are run. Packages are not installed and no other command is
    executed: these need a whole machine with root rights. A script as user data is ignored.

    Raises:
        UserDataError: It is not YAML, or not a valid cloud-config.
    """
    first, _, rest = user_data.partition("\n")
    if first.strip() == TEMPLATE:
        user_data = Environment(undefined=_Missing, keep_trailing_newline=True).from_string(rest).render(v1=instance)
    if not user_data.startswith(CONFIG):
        return FirstBoot(
            notes=("the user data is not a cloud-config: it is not executed",) if user_data.strip() else ()
        )
    try:
        config = yaml.safe_load(user_data) or {}
        files = tuple(_file(entry) for entry in config.get("write_files") or ())
        commands = [_words(command) for command in config.get("runcmd") or ()]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserDataError(f"the user data is not a valid cloud-config: {error}") from error
    started = [name for command in commands for name in _started_units(command)]
    left_out = tuple(f"not executed: {shlex.join(command)}" for command in commands if command[:1] != ["systemctl"])
    return FirstBoot(files, tuple(_unit(name, files) for name in dict.fromkeys(started)), left_out)


def _file(entry: dict[str, Any]) -> File:
    mode = entry.get("permissions", "0644")
    return File(str(entry["path"]).lstrip("/"), str(entry.get("content", "")), int(str(mode), 8))


def _words(command: Any) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else [str(word) for word in command]


def _started_units(command: list[str]) -> list[str]:
    """Return the units that a systemctl command starts now."""
    words = [word for word in command[1:] if not word.startswith("-")]
    if command[:1] != ["systemctl"] or not words:
        return []
    now = words[0] in ("start", "restart") or (words[0] == "enable" and "--now" in command)
    return [name if "." in name else f"{name}.service" for name in words[1:]] if now else []


def _unit(name: str, files: tuple[File, ...]) -> Unit:
    text = next((file.content for file in files if file.path == UNITS + name), None)
    if text is None:
        raise UserDataError(f"Unit {name} not found.")
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
    try:
        parser.read_string(text)
        command = shlex.split(parser.get("Service", "ExecStart", fallback="").lstrip("-@:+!"))
    except (ParsingError, ValueError) as error:
        raise UserDataError(f"{name} cannot be read: {error}") from error
    if not command:
        raise UserDataError(f"{name} has no ExecStart=")
    return Unit(name, tuple(command), tuple(parser.get("Unit", "Conflicts", fallback="").split()))


def find_setting(files: tuple[File, ...], name: str) -> str:
    """Return the value of a `NAME=value` line in one of the files; empty when there is none."""
    lines = (line.partition("=") for file in files for line in file.content.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
