"""Parse an AppSpec file; errors are in the words of CodeDeploy's agent.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure.html; the messages are those of
https://github.com/aws/aws-codedeploy-agent (lib/instance_agent/plugins/codedeploy/application_specification).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

FAILED = "The deployment failed because"
OF_FILE = "in the application specification file"
DEFAULT_TIMEOUT = 3600
BEHAVIORS = ("DISALLOW", "OVERWRITE", "RETAIN")
TYPES = ("file", "directory")


class AppSpecError(ValueError):
    """The agent rejects the file."""


@dataclass(frozen=True)
class Copy:
    """One entry of `files`: a file or folder of the bundle, and the folder where it is copied to."""

    source: str
    destination: str


@dataclass(frozen=True)
class Permission:
    """One entry of `permissions`; owner, group, acls and context need root rights, and are ignored."""

    object: str
    pattern: str = "**"
    excepted: tuple[str, ...] = ()
    types: tuple[str, ...] = TYPES
    mode: int | None = None


@dataclass(frozen=True)
class Script:
    """One script of a hook; `runas` only appears in messages: without root rights, scripts run as the operator."""

    location: str
    timeout: int = DEFAULT_TIMEOUT
    runas: str = ""


@dataclass(frozen=True)
class AppSpec:
    """A valid AppSpec file."""

    files: tuple[Copy, ...] = ()
    permissions: tuple[Permission, ...] = ()
    hooks: dict[str, tuple[Script, ...]] = field(default_factory=dict)
    file_exists_behavior: str = ""


def parse(text: str) -> AppSpec:
    """Parse an AppSpec file.

    Raises:
        AppSpecError: The agent would reject it.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise AppSpecError(f"{FAILED} the AppSpec file is no valid YAML: {error}") from error
    if not content:
        raise AppSpecError(
            f"{FAILED} the application specification file was empty. "
            "Make sure your AppSpec file defines at minimum the 'version' and 'os' properties."
        )
    if not isinstance(content, dict):
        raise AppSpecError(f"{FAILED} the AppSpec file has no sections.")
    _check_version(content.get("version"), content.get("os"))
    return AppSpec(
        files=tuple(_copy(entry) for entry in _list(content, "files")),
        permissions=tuple(_permission(entry) for entry in _list(content, "permissions")),
        hooks={str(name): tuple(_script(one) for one in scripts or ()) for name, scripts in _hooks(content).items()},
        file_exists_behavior=_behavior(content.get("file_exists_behavior")),
    )


def _check_version(version: Any, os: Any) -> None:
    if version != 0.0 or isinstance(version, bool):
        raise AppSpecError(
            f"{FAILED} an invalid version value ({version}) was entered {OF_FILE}. "
            'Make sure your AppSpec file specifies "0.0" as the version, and then try again.'
        )
    if os != "linux":
        raise AppSpecError(
            f"{FAILED} the application specification file specifies an unsupported operating system ({os}). "
            'Specify either "linux" or "windows" in the os section of the AppSpec file, and then try again.'
        )


def _list(content: dict[str, Any], section: str) -> list[dict[str, Any]]:
    entries = content.get(section) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise AppSpecError(f"{FAILED} the {section} section {OF_FILE} is no list of mappings.")
    return entries


def _hooks(content: dict[str, Any]) -> dict[str, Any]:
    hooks = content.get("hooks") or {}
    if not isinstance(hooks, dict) or not all(isinstance(scripts, list | None) for scripts in hooks.values()):
        raise AppSpecError(f"{FAILED} the hooks section {OF_FILE} does not map events to lists of scripts.")
    return hooks


def _copy(entry: dict[str, Any]) -> Copy:
    if not entry.get("source"):
        raise AppSpecError(
            f"{FAILED} the application specification file specifies a destination file, but no source file. "
            "Update the files section of the AppSpec file, and then try again."
        )
    if not entry.get("destination"):
        raise AppSpecError(
            f"{FAILED} the application specification file specifies only a source file ({entry['source']}). "
            "Add the name of the destination file to the files section of the AppSpec file, and then try again."
        )
    return Copy(str(entry["source"]), str(entry["destination"]))


def _script(entry: Any) -> Script:
    location = str((entry or {}).get("location") or "").strip() if isinstance(entry, dict) else ""
    if not location:
        raise AppSpecError(
            f"{FAILED} the application specification file specifies a script with no location value. "
            "Specify the location in the hooks section of the AppSpec file, and then try again."
        )
    return Script(location, _timeout(entry.get("timeout")), str(entry.get("runas") or "").strip())


def _timeout(value: Any) -> int:
    """Return whole seconds, as Ruby's to_i parses them: `3m` is three."""
    digits = re.match(r"\s*\d+", str(value))
    seconds = DEFAULT_TIMEOUT if value is None else int(digits[0] if digits else 0)
    if seconds <= 0:
        raise AppSpecError(
            f"{FAILED} an invalid timeout value was provided for a script {OF_FILE}. "
            "Make corrections in the hooks section of the AppSpec file, and then try again."
        )
    return seconds


def _permission(entry: dict[str, Any]) -> Permission:
    name = str(entry.get("object") or "").strip()
    if not name:
        raise AppSpecError(
            f"{FAILED} a permission listed {OF_FILE} has no object value. "
            "Update the permissions section of the AppSpec file, and then try again."
        )
    types = tuple(entry.get("type") or TYPES)
    for unknown in (one for one in types if one not in TYPES):
        raise AppSpecError(
            f"{FAILED} the application specification file specifies a permission for an object type not supported "
            f"for permissions ({unknown}). Update the permissions section of the AppSpec file, and then try again."
        )
    excepted = tuple(entry.get("except") or ())
    return Permission(name, str(entry.get("pattern") or "**"), excepted, types, _mode(entry.get("mode")))


def _mode(value: Any) -> int | None:
    """Parse up to four octal digits; a number is read by its digits, as `mode: 644` is meant."""
    if value is None:
        return None
    digits = str(value)
    if not 1 <= len(digits) <= 4 or set(digits) - set("01234567"):
        raise AppSpecError(
            f"{FAILED} a permission listed {OF_FILE} has an invalid mode ({digits}). "
            "Update the permissions section of the AppSpec file, and then try again."
        )
    return int(digits, 8)


def _behavior(value: Any) -> str:
    """Return what happens to files that already exist; it overrides the deployment's setting.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html#deployments-rollback-and-redeploy-content-options
    """
    if value is None or value in BEHAVIORS:
        return str(value or "")
    raise AppSpecError(
        f"{FAILED} an invalid option was specified for fileExistsBehavior: {value}. "
        "Valid options include OVERWRITE, RETAIN, and DISALLOW."
    )
