"""Which files of `webapp/` belong to the bundle, and which are left out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from runbook_lib.errors import RunbookError

#: Left out in every folder, without a word: Python writes them.
CACHES = ("__pycache__", "*.pyc", "*.pyo")
#: Left out in every folder: hidden files, and those of editors, operating systems and package managers.
IGNORED = (".*", "*~", "#*#", "*.swp", "*.orig", "*.rej", "*.bak", "*.tmp", "Thumbs.db", "node_modules")
#: Left out in `webapp/` itself only: what belongs to developers, and the folder for the wheels.
IGNORED_AT_TOP = ("tests", "conftest.py", "wheels", "run", "venv", "*.md", "requirements.in", "lock.py")


class BundleError(RunbookError):
    """The bundle cannot be built from the application's folder and its wheels."""


@dataclass(frozen=True)
class PackedFile:
    """One file of the bundle.

    Args:
        executable: Hooks are, and every file that is executable in the folder.
    """

    data: bytes
    executable: bool


@dataclass(frozen=True)
class WebappFiles:
    """The content of the folder.

    Args:
        packed: The files by their names in the bundle.
        left_out: Names of files and folders that are not packed, but for Python's caches; a folder's name ends with
            a slash.
    """

    packed: dict[str, PackedFile]
    left_out: tuple[str, ...]


def read_files(webapp: Path) -> WebappFiles:
    """Read the files that the bundle consists of.

    A link is packed as what it points to, and only if that is in the folder: what is packed was reviewed there.

    Raises:
        BundleError: There is no ``appspec.yml``; a link leaves the folder, points to nothing or to a folder around it;
            a name is not text; something is neither file nor folder; or a hook has Windows line ends.
    """
    if not (webapp / "appspec.yml").is_file():
        raise BundleError(f"{webapp} has no appspec.yml.", fix="Pass the folder that contains appspec.yml.")
    packed: dict[str, PackedFile] = {}
    left_out = []
    for name, path in _walk(webapp, "", (webapp.resolve(),)):
        if path is None:
            left_out.append(name)
        else:
            packed[name] = _read(name, path)
    return WebappFiles(packed, tuple(sorted(left_out)))


def _walk(folder: Path, prefix: str, parents: tuple[Path, ...]) -> Iterator[tuple[str, Path | None]]:
    """Each file with its name; ``None`` instead of the path of what is left out.

    Args:
        parents: The folders that contain this one, without links; the first is `webapp/`.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        name = prefix + entry.name
        if _matches(entry.name, CACHES):
            continue
        if _matches(entry.name, IGNORED if prefix else (*IGNORED, *IGNORED_AT_TOP)):
            shown = name if name.isprintable() else ascii(name)
            yield shown + ("/" if entry.is_dir(follow_symlinks=False) else ""), None
            continue
        _require_text(name)
        path = _resolve(name, Path(entry.path), parents[0])
        if path.is_dir():
            if path in parents:
                raise BundleError(f"webapp/{name} is a link to a folder around it.", fix="Remove the link.")
            yield from _walk(path, f"{name}/", (*parents, path))
        else:
            yield name, path


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _require_text(name: str) -> None:
    """The bundle is read on Linux and listed on terminals, so its names are printable and UTF-8."""
    if not name.isprintable():  # bytes that are no UTF-8 are surrogates here, which are not printable
        raise BundleError(
            f"webapp/ has a file whose name is not printable text in UTF-8: {name!a}.", fix="Rename or remove it."
        )


def _resolve(name: str, path: Path, webapp: Path) -> Path:
    """The path without links, which is in the folder."""
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(webapp):
        raise BundleError(
            f"webapp/{name} is a link to {real}, outside webapp/.",
            fix="Only what is in webapp/ is packed: replace the link by a copy, or remove it.",
        )
    if not real.exists():
        raise BundleError(f"webapp/{name} is a link to nothing: {path.readlink()}.", fix="Correct or remove the link.")
    return real


def _read(name: str, path: Path) -> PackedFile:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise BundleError(f"webapp/{name} is neither a file nor a folder.", fix="Remove it.")
    data, is_hook = path.read_bytes(), name.startswith("hooks/")
    if (is_hook or data.startswith(b"#!")) and b"\r" in data and b"\0" not in data:
        raise BundleError(
            f"webapp/{name} has Windows line ends (CR), and Linux cannot run it.",
            fix="Save it with LF. In git: keep .gitattributes, then git add --renormalize . and check it out again.",
        )
    return PackedFile(data, is_hook or bool(mode & 0o111))
