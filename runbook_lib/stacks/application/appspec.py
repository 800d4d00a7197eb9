"""Check an application's own AppSpec file by CodeDeploy's rules for EC2, and add what the runbook needs.

CodeDeploy reads it as ``appspec.yml`` (or ``appspec.yaml``) in YAML; JSON is YAML, too. ``appspec.json`` is for Lambda
and ECS only.
https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure.html
https://docs.aws.amazon.com/codedeploy/latest/userguide/application-revisions-appspec-file.html
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .files import PackedFile
from .findings import Finding

APPSPEC = "appspec.yml"
NAMES = (APPSPEC, "appspec.yaml")
FOR_LAMBDA = "appspec.json"
EVENTS = (
    "ApplicationStop", "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService",
    "BeforeBlockTraffic", "AfterBlockTraffic", "BeforeAllowTraffic", "AfterAllowTraffic",
)  # fmt: skip
"""The events that can have scripts. The agent refuses a file that names another one.

https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html#appspec-hooks-server
"""
AGENTS_OWN = ("DownloadBundle", "Install", "BlockTraffic", "AllowTraffic", "Start", "End")
MAX_SECONDS = 3600
MAX_DEPTH = 20
"""For all scripts of one event; also the default of each."""
BEHAVIORS = ("DISALLOW", "OVERWRITE", "RETAIN")
APPLICATION, TOOLS, TOOLS_ON_SERVER = "/opt/webapp", ".runbook", "/opt/runbook"
PREPARE, VALIDATE = f"{TOOLS}/hooks/prepare.sh", f"{TOOLS}/hooks/validate.sh"
ADDED_SECONDS = 300
"""The time-out of each script that the runbook adds."""

_SECTIONS = ("version", "os", "files", "hooks", "permissions", "file_exists_behavior")
_SCRIPT = ("location", "timeout", "runas")
_PERMISSION = ("object", "pattern", "except", "owner", "group", "mode", "acls", "context", "type")
_KIND = {list: "a list", dict: "a mapping"}

_Path = tuple[str | int, ...]


@dataclass(frozen=True)
class AppSpec:
    """An AppSpec file that was read.

    Args:
        values: What stands in it; empty when it is no YAML.
        findings: What is wrong with it.
    """

    values: dict[str, Any]
    findings: tuple[Finding, ...]


def parse(name: str, data: bytes, packed: Mapping[str, PackedFile]) -> AppSpec:
    """Read and check an AppSpec file.

    Args:
        name: Its name.
        packed: The files of the bundle, which it refers to.
    """
    try:
        text = data.decode("utf-8")
        if refused := _unreadable(name, text):
            return AppSpec({}, (refused,))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        why = getattr(error, "problem", None) or "it cannot be read"
        return AppSpec({}, (Finding(place, f"is not YAML: {why}.", "Correct the file."),))
    if not isinstance(values, dict):
        fix = "Begin it with version: 0.0 and os: linux, or remove it and write a Procfile."
        return AppSpec({}, (Finding(f"{name}:1", "has no sections.", fix),))
    lines = dict(_lines(node, ())) if node else {}
    return AppSpec(values, tuple(_Checks(name, values, lines, packed).findings()))


def _unreadable(name: str, text: str) -> Finding | None:
    """What no AppSpec file needs, and would take a reader for ever: aliases, and nesting without end."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        place = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
        if isinstance(event, yaml.AliasEvent):
            return Finding(place, f"uses the alias *{event.anchor}.", "Write the value itself.")
        if depth > MAX_DEPTH:
            return Finding(place, f"is more than {MAX_DEPTH} levels deep.", "Correct the file.")
    return None


def merge(values: dict[str, Any]) -> bytes:
    """The owner's AppSpec file with what the runbook adds.

    Its tools are copied to ``/opt/runbook``; AfterInstall begins with ``prepare.sh``, ValidateService ends with
    ``validate.sh``.
    """
    hooks = {event: list(scripts or ()) for event, scripts in (values.get("hooks") or {}).items()}
    hooks["AfterInstall"] = [_added(PREPARE), *hooks.get("AfterInstall", ())]
    hooks["ValidateService"] = [*hooks.get("ValidateService", ()), _added(VALIDATE)]
    tools = {"source": TOOLS, "destination": TOOLS_ON_SERVER}
    whole = {**values, "files": [*(values.get("files") or ()), tools], "hooks": hooks}
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True).encode()


def _added(location: str) -> dict[str, Any]:
    return {"location": location, "timeout": ADDED_SECONDS}


def _lines(node: yaml.Node, at: _Path) -> Iterator[tuple[_Path, int]]:
    """The number of the line of each value, by its path."""
    yield at, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*at, str(key.value)))
            yield (*at, str(key.value)), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*at, number))


class _Checks:
    """The rules, one method for each section."""

    def __init__(
        self, name: str, values: dict[str, Any], lines: dict[_Path, int], packed: Mapping[str, PackedFile]
    ) -> None:
        self._name, self._values, self._lines, self._packed = name, values, lines, packed

    def findings(self) -> Iterator[Finding]:
        yield from self._head()
        yield from self._unknown((), self._values, _SECTIONS)
        yield from self._files()
        yield from self._permissions()
        yield from self._hooks()

    def _at(self, at: _Path, what: str, fix: str, *, is_problem: bool = True) -> Finding:
        while at and at not in self._lines:
            at = at[:-1]
        return Finding(f"{self._name}:{self._lines.get(at, 1)}", what, fix, is_problem)

    def _head(self) -> Iterator[Finding]:
        version, system = self._values.get("version"), self._values.get("os")
        if version != 0.0 or isinstance(version, bool):
            yield self._at(("version",), f"version is {_shown(version)}.", "Write version: 0.0")
        if system != "linux":
            yield self._at(("os",), f"os is {_shown(system)}, and the servers run Linux.", "Write os: linux")
        behavior = self._values.get("file_exists_behavior")
        if behavior not in (None, *BEHAVIORS):
            yield self._at(
                ("file_exists_behavior",),
                f"file_exists_behavior is {_shown(behavior)}.",
                f"Write one of: {', '.join(BEHAVIORS)}.",
            )

    def _unknown(self, at: _Path, entry: dict[str, Any], known: tuple[str, ...]) -> Iterator[Finding]:
        for key in entry:
            if key not in known:
                yield self._at(
                    (*at, str(key)), f"CodeDeploy does not know {key}, and ignores it.",
                    f"Use {', '.join(known)}, or remove it.", is_problem=False,
                )  # fmt: skip

    def _entries(self, section: str) -> Iterator[tuple[_Path, dict[str, Any]]]:
        """The entries of a section that are mappings; the others are found by `_shape`."""
        entries = self._values.get(section)
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                yield (section, number), entry

    def _shape(self, at: _Path, value: Any) -> Iterator[Finding]:
        if value is not None and not (isinstance(value, list) and all(isinstance(each, dict) for each in value)):
            yield self._at(at, f"{at[-1]} is not a list of mappings.", "Begin each entry with a dash.")

    def _files(self) -> Iterator[Finding]:
        yield from self._shape(("files",), self._values.get("files"))
        for at, entry in self._entries("files"):
            yield from self._unknown(at, entry, ("source", "destination"))
            source, destination = entry.get("source"), entry.get("destination")
            if not source or not destination:
                missing = "destination" if source else "source"
                yield self._at(at, f"The entry has no {missing}.", f"Add {missing}: …")
                continue
            if not str(destination).startswith("/"):
                yield self._at(
                    (*at, "destination"), f"{destination} is not an absolute path.", "Begin it with a slash."
                )
            if not self._is_packed(str(source)):
                yield self._at(
                    (*at, "source"), f"{source} is not in the bundle.",
                    "Correct it; `runbook app check` lists what is packed and what is left out.",
                )  # fmt: skip

    def _is_packed(self, source: str) -> bool:
        name = _relative(source)
        return name == "." or name in self._packed or any(each.startswith(f"{name}/") for each in self._packed)

    def _permissions(self) -> Iterator[Finding]:
        yield from self._shape(("permissions",), self._values.get("permissions"))
        for at, entry in self._entries("permissions"):
            yield from self._unknown(at, entry, _PERMISSION)
            if not entry.get("object"):
                yield self._at(at, "The permission has no object.", "Add object: and the path of a file or folder.")
            yield from self._mode((*at, "mode"), entry.get("mode"))
            kinds = entry.get("type")
            if kinds is not None and (not isinstance(kinds, list) or set(map(str, kinds)) - {"file", "directory"}):
                yield self._at((*at, "type"), f"type is {_shown(kinds)}.", "Write a list of file, directory or both.")

    def _mode(self, at: _Path, mode: Any) -> Iterator[Finding]:
        """YAML reads ``0644`` as the number 420, and the agent takes the digits 420 as the mode."""
        if mode is None:
            return
        is_octal = not isinstance(mode, bool) and re.fullmatch("[0-7]{1,4}", str(mode))
        if isinstance(mode, int) and mode in _OFTEN_MEANT:
            yield self._at(
                at, f"mode is {mode}, which is how YAML reads 0{mode:o}.",
                f'Write "{mode:o}" in quotes, or "{mode}" if that is meant.', is_problem=not is_octal,
            )  # fmt: skip
        elif not is_octal:
            yield self._at(at, f"mode is {_shown(mode)}.", 'Write up to four octal digits in quotes: "644"')

    def _hooks(self) -> Iterator[Finding]:
        hooks = self._values.get("hooks")
        if hooks is not None and not isinstance(hooks, dict):
            yield self._at(("hooks",), "hooks is not a mapping of events to scripts.", "Write AfterInstall: and so on.")
            return
        for event, scripts in (hooks or {}).items():
            at: _Path = ("hooks", str(event))
            if event not in EVENTS:
                why = "cannot have scripts" if event in AGENTS_OWN else "is not an event of CodeDeploy"
                yield self._at(at, f"{event} {why}.", f"Use one of: {', '.join(EVENTS)}.")
                continue
            yield from self._shape(at, scripts)
            scripts = [each for each in scripts if isinstance(each, dict)] if isinstance(scripts, list) else []
            for number, script in enumerate(scripts):
                yield from self._script((*at, number), script)
            yield from self._total(at, scripts)

    def _script(self, at: _Path, script: dict[str, Any]) -> Iterator[Finding]:
        yield from self._unknown(at, script, _SCRIPT)
        timeout, location = script.get("timeout"), str(script.get("location") or "").strip()
        if timeout is not None and not _seconds(timeout):
            yield self._at(
                (*at, "timeout"), f"timeout is {_shown(timeout)}.", f"Write whole seconds from 1 to {MAX_SECONDS}."
            )
        if not location:
            yield self._at(at, "The script has no location.", "Add location: and the script's path.")
            return
        place, file = (*at, "location"), self._packed.get(_relative(location))
        if location.startswith("/") or _relative(location).startswith(".."):
            yield self._at(place, f"{location} is not a path in the bundle.", "Write it relative to this file.")
        elif file is None:
            yield self._at(place, f"{location} is not in the bundle.", "Add the script, or correct its path.")
        elif not file.data.startswith((b"#!", b"\x7fELF")):
            yield Finding(
                f"{location}:1", f"{at[1]} runs it, and it does not begin with #!.", "Begin it with #!/bin/sh"
            )
        elif not file.executable:
            yield Finding(
                location, f"{at[1]} runs it, and it is not executable.",
                f"chmod +x {location}; in git: git update-index --chmod=+x {location}",
            )  # fmt: skip

    def _total(self, at: _Path, scripts: list[dict[str, Any]]) -> Iterator[Finding]:
        """An event ends after an hour, whatever its scripts may take. Scripts without a time-out share what is left."""
        added = ADDED_SECONDS if at[1] in ("AfterInstall", "ValidateService") else 0
        given = sum(_seconds(script.get("timeout")) for script in scripts)
        if given + added > MAX_SECONDS:
            own = f", {added} of them for the runbook's own script" if added else ""
            yield self._at(
                at, f"{at[1]} may take {given + added} seconds{own}, and an event ends after {MAX_SECONDS}.",
                "Write shorter timeouts.",
            )  # fmt: skip


def _relative(path: str) -> str:
    """A path of the file as a name in the bundle; ``.`` for the whole bundle."""
    return posixpath.normpath(path.strip().lstrip("/") or ".")


def _seconds(value: Any) -> int:
    """The seconds of a time-out; 0 when it is none or not valid."""
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,6}", str(value).strip()):
        return 0
    return int(value)


def _shown(value: Any) -> str:
    return "missing" if value is None else repr(value)


_OFTEN_MEANT = (0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o750, 0o755, 0o775, 0o777)
