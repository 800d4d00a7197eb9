"""Parse user data as cloud-init does: which files it writes, and which commands it executes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import Environment, Undefined

TEMPLATE = "## template: jinja"
CONFIG = "#cloud-config"


class UserDataError(ValueError):
    """User data that cloud-init cannot read, either."""


@dataclass(frozen=True)
class File:
    """A file of write_files; its path is relative to the root."""

    path: str
    content: str
    mode: int = 0o644


@dataclass(frozen=True)
class FirstBoot:
    """What a first boot does."""

    files: tuple[File, ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    """Command lines of `systemctl`."""
    notes: tuple[str, ...] = ()
    """What the user data asks for and is not done."""
    log_agents: tuple[str, ...] = ()
    """The configurations that Amazon's CloudWatch agent is started with: paths on the instance."""


class _Missing(Undefined):
    """An unknown variable renders as its name, without an error.

    https://docs.cloud-init.io/en/latest/explanation/instancedata.html
    """

    def __str__(self) -> str:
        return f"CI_MISSING_JINJA_VAR/{self._undefined_name}"


def parse_user_data(user_data: str, instance: dict[str, str]) -> FirstBoot:
    """Parse a cloud-config, with `{{ v1.… }}` filled from the instance's data.

    Files are written, and of `runcmd` `systemctl` and the start of the CloudWatch agent are executed. Packages are not
    installed and no other command is executed: these need a whole machine with root rights. A script as user data is
    ignored.

    Raises:
        UserDataError: It is not YAML, or not a valid cloud-config.
    """
    first, _, rest = user_data.partition("\n")
    if first.strip() == TEMPLATE:
        environment = Environment(undefined=_Missing, keep_trailing_newline=True)  # nosec B701 # YAML, not HTML
        user_data = environment.from_string(rest).render(v1=instance)
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
    executed = tuple(tuple(command) for command in commands if command[:1] == ["systemctl"])
    agents = {index: path for index, command in enumerate(commands) if (path := _log_agent(command))}
    left_out = tuple(
        f"not executed: {shlex.join(command)}"
        for index, command in enumerate(commands)
        if command[:1] != ["systemctl"] and index not in agents
    )
    return FirstBoot(files, executed, left_out, tuple(agents.values()))


def _log_agent(command: list[str]) -> str:
    """Return the configuration that a command starts the CloudWatch agent with; empty for any other command.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/install-CloudWatch-Agent-commandline-fleet.html
    """
    starts = command and command[0].endswith("/amazon-cloudwatch-agent-ctl") and {"fetch-config", "-s"} <= {*command}
    return next((word.removeprefix("file:") for word in command if word.startswith("file:")), "") if starts else ""


def _file(entry: dict[str, Any]) -> File:
    mode = entry.get("permissions", "0644")
    return File(str(entry["path"]).lstrip("/"), str(entry.get("content", "")), int(str(mode), 8))


def _words(command: Any) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
