"""Pack a run's folder into a ZIP archive, and unpack it safely.  Equal folders give equal archives.

A ZIP can hold more than readers show: bytes before, between and after its files, comments, times,
modes, an order.  The manifest's signature does not cover that.  So `unpack` packs the extracted files
again and compares: the archive must be the same, byte for byte.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from repro_zipfile import ReproducibleZipFile

from ...errors import EvidenceError, WrongUsage
from ...files import write_atomically
from ...journal.journal import MANIFEST
from .manifest import list_files

_SETTINGS = ("SOURCE_DATE_EPOCH", "REPRO_ZIPFILE_FILE_MODE")
"""Environment variables that change what repro-zipfile writes: https://github.com/drivendataorg/repro-zipfile"""


def pack(folder: Path) -> Path:
    """Write a closed folder into ``<run>.zip`` beside it; returns the archive's path.

    Nothing is compressed: zlib's output differs between versions, and the archive has to be the
    same file on an auditor's machine years later.
    """
    archive = io.BytesIO()
    with _default_settings(), ReproducibleZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for name, path in {MANIFEST: folder / MANIFEST, **list_files(folder)}.items():
            out.writestr(f"{folder.name}/{name}", path.read_bytes())
    return write_atomically(folder.with_name(f"{folder.name}.zip"), archive.getvalue())


@contextmanager
def _default_settings() -> Iterator[None]:
    """Hide the environment's settings for repro-zipfile: the archive must not depend on them."""
    hidden = {name: os.environ.pop(name) for name in _SETTINGS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def unpack(path: Path) -> Iterator[Path]:
    """Yield the folder of a run; an archive is extracted into a temporary folder.

    Raises:
        WrongUsage: The path does not exist.
        EvidenceError: The archive is not that of one run, or was changed after it was packed.
    """
    if path.is_dir():
        yield path.resolve()
        return
    if not path.is_file():
        raise WrongUsage(f"There is no {path}.", fix="Name a folder, an archive or a run: `runbook evidence list`.")
    with tempfile.TemporaryDirectory() as target:
        yield _extract(path, Path(target))


def _extract(path: Path, target: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [name for name in archive.namelist() if not name.endswith("/")]
            tops = {name.partition("/")[0] for name in names}
            outside = [name for name in names if _is_outside(name)]
            if outside or len(tops) != 1 or len(set(names)) != len(names):
                content = ", ".join(outside or sorted(tops)) or "nothing"
                raise EvidenceError(
                    f"{path} is not the archive of one run: it holds {content}.",
                    fix="Use the archive that the run wrote, or unpack it yourself and name the folder.",
                )
            # Nothing is compressed, so entries larger than the archive are a ZIP bomb.
            _require_unchanged(sum(entry.file_size for entry in entries) <= path.stat().st_size, path)
            archive.extractall(target)
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, EOFError) as error:
        raise EvidenceError(f"{path} cannot be unpacked: {error}", fix="Use the archive that the run wrote.") from None
    folder = target / tops.pop()
    _require_unchanged((folder / MANIFEST).is_file() and pack(folder).read_bytes() == path.read_bytes(), path)
    return folder


def _require_unchanged(unchanged: bool, path: Path) -> None:
    if not unchanged:
        raise EvidenceError(
            f"{path} was changed after it was packed: its bytes or metadata differ from those of its files.",
            fix="Use the archive that the run wrote, or unpack it yourself and name the folder.",
        )


def _is_outside(name: str) -> bool:
    """Whether an entry would be extracted outside the run's folder."""
    return name.startswith("/") or "\\" in name or "/" not in name or ".." in PurePosixPath(name).parts
