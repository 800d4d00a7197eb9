"""Build the CodeDeploy bundle of `webapp/`: a zip file whose bytes depend on its content only."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

from runbook_lib.files import write_named

from . import node
from .contents import COMMIT, REVISION, SERVER, WHEELS, Contents, digest, read_contents
from .files import PackedFile
from .findings import BundleError, Finding, require_none
from .ignore import LeftOut


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk.

    Args:
        sha256: Of the zip file, in hexadecimal.
        size: In bytes.
        revision: What is compared with what runs on a server.
        packed: Names of the application's files in it.
        wheels: How many wheels are in it.
        modules: How many files of `node_modules` were made from its lock.
        left_out: What is in the folder and not in the bundle, and why.
        warnings: What may be wrong with the application.
    """

    path: Path
    sha256: str
    size: int
    revision: str
    packed: tuple[str, ...] = ()
    wheels: int = 0
    modules: int = 0
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        files = f"{len(self.packed)} files, {self.wheels} wheels"
        modules = f", {self.modules} files of node_modules" if self.modules else ""
        size = f"{self.size / 1e6:.1f} MB"
        first = f"bundle {self.sha256}, {size}, {files}{modules}; revision: {self.revision}{_left_out(self.left_out)}"
        return "\n".join([first, *(f"! {each}\n    → {each.fix}" for each in self.warnings)])


def _left_out(names: Iterable[LeftOut]) -> str:
    """How many files and folders are left out, by whose rule."""
    counts = Counter(each.why.partition(":")[0] for each in names)
    text = ", ".join(f"{number} by {whose}" for whose, number in sorted(counts.items()))
    return f"; left out: {text}" if text else ""


def build(
    webapp: Path,
    into: Path,
    *,
    cache: Path | None = None,
    commit: str = "",
    server: Path = SERVER,
    architectures: Collection[str] = (),
) -> Bundle:
    """Pack ``webapp`` as ``into/<sha256>.zip``.

    Args:
        commit: It changes ``sha256``, not ``revision``.

    Raises:
        BundleError: Something is wrong with the application; it names every problem.
    """
    return pack(read_contents(webapp, cache=cache, server=server, architectures=architectures), into, commit=commit)


def pack(contents: Contents, into: Path, *, commit: str = "") -> Bundle:
    """Write a bundle as ``into/<sha256>.zip``.

    Raises:
        BundleError: Something is wrong with the application; it names every problem.
    """
    require_none(contents.findings)
    path = write_named(into, lambda out: f"{_zip(contents.all(commit), out)}.zip")
    found = sum(each.startswith(f"{WHEELS}/") for each in contents.locked)
    return Bundle(
        path, path.stem, path.stat().st_size, contents.revision, tuple(sorted(contents.files)), found,
        len(contents.locked) - found, contents.left_out, contents.findings,
    )  # fmt: skip


def unpack(contents: Contents, into: Path, *, commit: str = "") -> None:
    """Write the files of a bundle into a folder, in place of those of a former bundle.

    Raises:
        BundleError: Something is wrong with the application, or the folder holds something else than a former bundle.
    """
    require_none(contents.findings)
    require_replaceable(into)
    if into.is_dir():
        for path in into.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for name, file in contents.all(commit).items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with file.open() as stream, path.open("wb") as out:
            shutil.copyfileobj(stream, out)
        path.chmod(0o755 if file.executable else 0o644)


def require_replaceable(folder: Path) -> None:
    """Require that nothing of a folder would be missed: it holds nothing, or a bundle, whose digest is in REVISION.

    Raises:
        BundleError: It holds something else.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    paths = {name: path for name, path in paths.items() if name.split("/")[0] != ".git"}
    if paths and not _is_bundle(folder, paths):
        raise BundleError(
            f"{folder} is not empty, and does not hold a former bundle as it was written.",
            fix="Name a new or empty folder, or a checkout of the deployment branch; files beside .git are replaced.",
        )


def _is_bundle(folder: Path, paths: Mapping[str, Path]) -> bool:
    mark, has_lock = folder / REVISION, (folder / node.NPM_LOCK).is_file()
    if not mark.is_file() or not all(path.is_file() and not path.is_symlink() for path in paths.values()):
        return False
    made = (WHEELS, node.MODULES) if has_lock else (WHEELS,)
    files = {name: PackedFile(path.read_bytes()) for name, path in paths.items() if name not in (REVISION, COMMIT)}
    digests = {
        digest({name: file for name, file in files.items() if name.split("/")[0] not in without})
        for without in {made, (WHEELS,)}
    }
    return mark.read_text(encoding="utf-8", errors="replace").strip() in digests


def _zip(content: Mapping[str, PackedFile], out: BufferedRandom) -> str:
    """Write the zip file: fixed order and times, one of two modes, no compression; returns its digest.

    Wheels are compressed already, and zlib's output differs between its builds.
    repro-zipfile gives all files one mode, but CodeDeploy's hooks must be executable.
    """
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name)  # of 1980, unless one says otherwise
            entry.create_system = 3  # Unix, on every system: only then the modes apply
            entry.external_attr = (0o100755 if content[name].executable else 0o100644) << 16
            entry.file_size = content[name].size  # or zipfile would not know whether it fits
            with content[name].open() as stream, archive.open(entry, "w") as packed:
                shutil.copyfileobj(stream, packed)
    out.seek(0)
    return hashlib.file_digest(out, "sha256").hexdigest()
