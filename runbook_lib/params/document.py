"""Read the YAML of a parameter file: what stands there, with the line of each value, and nothing that YAML makes of it.

YAML 1.1 reads ``010`` as 8, ``1:30`` as 90, ``1_000`` as 1000, ``yes`` as true and 2024-02-30 as a date that is none.
An alias stands for any other part of the file, also for one that contains it.  All of that is refused.
https://yaml.org/spec/1.1/#id864510, https://pyyaml.org/wiki/PyYAMLDocumentation
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from .problem import Problem

MAX_BYTES, MAX_DEPTH, MAX_NUMBER = 64 * 1024, 20, 18
"""Many times what a parameter file needs; reading more would take seconds, or more stack than there is."""

Path = tuple[Any, ...]

_REFUSED = "is not YAML for parameters"
# What YAML refuses (https://yaml.org/spec/1.1/#c-printable), and what only YAML takes for the end of a line.
_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_TAG = "tag:yaml.org,2002:"
_DATES = ("expires",)
"""Fields that hold a date, which YAML reads as one, too."""
_AS_WRITTEN = {
    "str": re.compile(r".*", re.DOTALL),
    "null": re.compile(r"null|Null|NULL|~|"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(rf"0|-?[1-9][0-9]{{0,{MAX_NUMBER - 1}}}"),
    "float": re.compile(r"-?(0|[1-9][0-9]{0,8})\.[0-9]{0,8}[1-9]|-?(0|[1-9][0-9]{0,8})\.0"),
}
"""The texts of each type that mean what stands there."""


class Unreadable(Exception):
    """The text is no YAML, or YAML that a parameter file may not use; the message goes on after the file's name.

    Args:
        line: The number of the line; 0 when it is unknown.
    """

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(why)
        self.line = line


class Document:
    """A parameter file that was read.

    Args:
        text: The contents of the file.

    Attributes:
        values: What stands in the file; ``None`` when it is empty.
        lines: The number of the line of each value, by its path.
        problems: Keys that are there twice, and values that YAML reads as something else than what stands there.
        misread: The paths of the latter; *values* has their text.

    Raises:
        Unreadable: It is no YAML, too large, too deep, or uses aliases or tags.
    """

    def __init__(self, text: str) -> None:
        if len(text.encode()) > MAX_BYTES:
            raise Unreadable(f"has more than {MAX_BYTES // 1024} KiB")
        if found := _UNREADABLE.search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise Unreadable(f"{_REFUSED}: it has the character {found[0]!a}, which nobody sees; remove it", line)
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self.misread: set[Path] = set()
        self._resolver: Any = Resolver()
        self._constructor = SafeConstructor()
        try:
            self._events: Iterator[Any] = yaml.parse(text)  # builds no values, whatever the loader
            self.values = self._read_document()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            why = getattr(error, "problem", None) or str(error)
            raise Unreadable(f"is not YAML: {why}", mark.line + 1 if mark else 0) from None

    def _read_document(self) -> Any:
        values, documents = None, 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Unreadable(f"{_REFUSED}: a second document begins here", _line(event))
                values = self._read(next(self._events), ())
        return values

    def _read(self, event: Any, at: Path) -> Any:
        """Read the value that begins with an event."""
        self._refuse_references(event)
        self.lines.setdefault(at, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, at)
        if len(at) >= MAX_DEPTH:
            raise Unreadable(f"{_REFUSED}: more than {MAX_DEPTH} levels deep", _line(event))
        return self._mapping(at) if isinstance(event, yaml.MappingStartEvent) else self._sequence(at)

    def _mapping(self, at: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, at)
            if key in values:
                self.problems.append(Problem((*at, key), None, "written twice; YAML would ignore the first"))
            self.lines[*at, key] = _line(event)
            values[key] = self._read(next(self._events), (*at, key))
        return values

    def _sequence(self, at: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._read(event, (*at, len(values))))
        return values

    def _key(self, event: Any, at: Path) -> str:
        self._refuse_references(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(f"{_REFUSED}: a key is a text, not a list or a mapping", _line(event))
        key = str(event.value)
        if event.implicit[0] and (kind := self._type(key)) != "str":
            why = f"as a key, YAML reads it as {self._reading(kind, key)}; write it in quotes"
            self._misread(Problem((*at, key), None, why))
        return key

    def _scalar(self, event: Any, at: Path) -> Any:
        """The value of a scalar; its text where YAML would read something else than what stands there."""
        text, kind = str(event.value), "str"
        if event.implicit[0]:
            kind = self._type(text)
        if kind == "timestamp" and at and at[-1] in _DATES:
            return text
        if kind not in _AS_WRITTEN or not _AS_WRITTEN[kind].fullmatch(text):
            self._misread(Problem(at, text, self._why(kind, text)))
            return text
        return self._construct(kind, text)

    def _misread(self, problem: Problem) -> None:
        self.problems.append(problem)
        self.misread.add(problem.at)

    def _why(self, kind: str, text: str) -> str:
        if kind == "int" and len(text) > MAX_NUMBER:
            return f"has {len(text)} characters; no number here is that long"
        reading = self._reading(kind, text)
        plain = f", or {reading}" if kind in ("int", "bool") else ""
        return f'YAML reads it as {reading}; write "{text}" in quotes{plain}'

    def _reading(self, kind: str, text: str) -> str:
        """What YAML reads, in words."""
        if kind == "timestamp":
            return "a date"
        if kind in ("int", "float", "bool") and len(text) <= MAX_NUMBER:
            with suppress(ValueError):  # 0x_ is a number to YAML, but none that it can read
                return str(self._construct(kind, text)).lower()
        return {"null": "nothing", "int": "a number", "float": "a number"}.get(kind, f"its own {kind}")

    def _type(self, text: str) -> str:
        tag: str = self._resolver.resolve(yaml.ScalarNode, text, (True, None))
        return tag.removeprefix(_TAG)

    def _construct(self, kind: str, text: str) -> Any:
        return self._constructor.construct_object(yaml.ScalarNode(_TAG + kind, text))

    def _refuse_references(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            why = f"the alias *{event.anchor} stands for another part; write the value itself"
        elif event.anchor is not None:
            why = f"the anchor &{event.anchor} is for aliases, which are not read; remove it"
        elif event.tag is not None:
            why = f"the tag {event.tag} changes the type of a value; remove it"
        else:
            return
        raise Unreadable(f"{_REFUSED}: {why}", _line(event))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
