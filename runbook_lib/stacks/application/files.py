"""Read the application's folder: which files are packed, and which are left out."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...files import HAS_MODE_BITS, read_index_modes
from .findings import Finding
from .ignore import BUNDLEIGNORE, IgnoreRules, LeftOut

_COMMAND = re.compile(r"(.*/)?node_modules/\.bin/[^/]+")


@dataclass(frozen=True)
class PackedFile:
    """One file of the bundle.

    Args:
        source: Its content, or where that is: a large file is read when it is packed.
        executable: As in the folder.
    """

    source: bytes | Path
    executable: bool = False

    @property
    def data(self) -> bytes:
        """Its content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def open(self) -> BinaryIO:
        """Open its content for reading."""
        return io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source.open("rb")


@dataclass(frozen=True)
class WebappFiles:
    """The content of a folder.

    Args:
        packed: The files by their names in the bundle.
        left_out: What is not packed, and why.
        findings: What cannot be packed.
    """

    packed: dict[str, PackedFile]
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_files(webapp: Path) -> WebappFiles:
    """Read the files of the application that are packed.

    A link is packed as what it points to, and only if that is in the folder: what is packed was reviewed there.
    The findings name links that leave the folder, point to nothing or to a folder around them; names that are not text;
    what is neither file nor folder; and scripts with Windows line ends.
    """
    if not webapp.is_dir():
        return WebappFiles({}, findings=(Finding(str(webapp), "There is no such folder.", "Name a folder."),))
    ignore = webapp / BUNDLEIGNORE
    rules = IgnoreRules(ignore.read_bytes() if ignore.is_file() else b"")
    return _Reader(rules).read(webapp, list(rules.findings))


def read_tree(folder: Path) -> dict[str, PackedFile]:
    """Read everything in a folder."""
    return _Reader(None).read(folder, []).packed


class _Problem(Exception):
    """Something that cannot be packed."""

    def __init__(self, name: str, what: str, fix: str) -> None:
        super().__init__(what)
        self.finding = Finding(name if name.isprintable() else ascii(name), what, fix)


class _Reader:
    """Reads a folder.

    Args:
        rules: What is left out; ``None`` for nothing.
    """

    def __init__(self, rules: IgnoreRules | None) -> None:
        self._rules = rules
        self._left_out: list[LeftOut] = []

    def read(self, folder: Path, findings: list[Finding]) -> WebappFiles:
        packed: dict[str, PackedFile] = {}
        modes = None if HAS_MODE_BITS else read_index_modes(folder.resolve())
        for name, path in self._walk(folder, "", (folder.resolve(),), findings):
            try:
                packed[name] = _read(name, path, modes)
            except _Problem as problem:
                findings.append(problem.finding)
        return WebappFiles(packed, tuple(sorted(self._left_out, key=lambda each: each.name)), tuple(findings))

    def _walk(
        self, folder: Path, prefix: str, parents: tuple[Path, ...], findings: list[Finding]
    ) -> Iterator[tuple[str, Path]]:
        """Each file that is packed, with its name.

        Args:
            parents: The folders that contain this one, without links; the first is the application's.
        """
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            name, is_folder = prefix + entry.name, entry.is_dir(follow_symlinks=False)
            if why := self._rules.reason(name, is_folder=is_folder) if self._rules else "":
                shown = name if name.isprintable() else ascii(name)
                self._left_out.append(LeftOut(shown + ("/" if is_folder else ""), why))
                continue
            try:
                _require_text(name)
                path = _resolve(name, Path(entry.path), parents)
            except _Problem as problem:
                findings.append(problem.finding)
                continue
            if path.is_dir():
                yield from self._walk(path, f"{name}/", (*parents, path), findings)
            else:
                yield name, Path(entry.path) if _COMMAND.fullmatch(name) else path


def _require_text(name: str) -> None:
    """The bundle is read on Linux and listed on terminals, so its names are printable and UTF-8."""
    if not name.isprintable():  # bytes that are no UTF-8 are surrogates here, which are not printable
        raise _Problem(name, "is not a name of printable text in UTF-8.", "Rename or remove it.")


def _resolve(name: str, path: Path, parents: tuple[Path, ...]) -> Path:
    """The path without links, which is in the folder."""
    webapp, real = parents[0], Path(os.path.realpath(path))
    if not real.is_relative_to(webapp):
        raise _Problem(
            name, f"is a link to {real}, outside the folder.",
            "Only what is in the folder is packed: replace the link by a copy, or remove it.",
        )  # fmt: skip
    if not real.exists():
        raise _Problem(name, f"is a link to nothing: {path.readlink()}.", "Correct or remove the link.")
    if real.is_dir() and real in parents:
        raise _Problem(name, "is a link to a folder around it.", "Remove the link.")
    return real


def _read(name: str, path: Path, modes: Mapping[Path, bool] | None) -> PackedFile:
    """Read a file.

    Args:
        modes: Which files are executable, where their own mode does not say so; a script that git does not know is.
    """
    if path.is_symlink():
        return _launcher(path)
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise _Problem(name, "is neither a file nor a folder.", "Remove it.")
    data = path.read_bytes()
    if data.startswith(b"#!") and b"\r" in data and b"\0" not in data:
        raise _Problem(
            name, "has Windows line ends (CR), and Linux cannot run it.",
            "Save it with LF. In git: keep .gitattributes, then git add --renormalize . and check it out again.",
        )  # fmt: skip
    executable = bool(mode & 0o111) if modes is None else modes.get(path, data.startswith(b"#!"))
    return PackedFile(data, executable)


def _launcher(path: Path) -> PackedFile:
    """A script in place of one of npm's links in ``node_modules/.bin``.

    A copy of the program would look for its own modules in the wrong folder, and CodeDeploy's agent copies no links.
    npm writes such scripts itself on systems without links.
    """
    target = os.path.relpath(os.path.realpath(path), os.path.realpath(path.parent))
    return PackedFile(f'#!/bin/sh\nexec "$(dirname "$0")/{target}" "$@"\n'.encode(), executable=True)
