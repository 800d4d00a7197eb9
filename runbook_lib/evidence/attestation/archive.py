"""A run's folder as one file, to be attached to a change ticket or stored; the same folder is the same file.

A ZIP has room for much that no reader shows: bytes before, between and after its files, comments,
dates, modes, an order.  No signature covers that, so whoever opens an archive packs what came out
of it once more and compares: it is the same, byte for byte, or it is not what the run left.
"""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...errors import EvidenceError, WrongUsage
from ...files import write_atomically
from ...journal.journal import MANIFEST
from .manifest import files

_FIRST = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP can say: who wants to know when, reads the journal."""
_UNIX = 3
"""What made it: also on another system the file is the same."""


def pack(folder: Path) -> Path:
    """Write a closed folder into ``<run>.zip`` beside it.

    Nothing is compressed: what zlib makes of the same bytes differs from version to version, and
    an archive has to be the same file on the auditor's machine, years later.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as out:
        for name, path in {MANIFEST: folder / MANIFEST, **files(folder)}.items():
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", _FIRST)
            entry.create_system, entry.external_attr = _UNIX, 0o644 << 16
            out.writestr(entry, path.read_bytes())
    return write_atomically(folder.with_name(f"{folder.name}.zip"), archive.getvalue())


@contextmanager
def unpack(path: Path) -> Iterator[Path]:
    """The folder of a run, taken out of its archive where it is one.

    Raises:
        WrongUsage: There is nothing of that name.
        EvidenceError: It is an archive of something else, or not as it was packed.
    """
    if path.is_dir():
        yield path.resolve()
        return
    if not path.is_file():
        raise WrongUsage(f"There is no {path}.", fix="Name a folder, an archive or a run: `runbook evidence list`.")
    with tempfile.TemporaryDirectory() as place:
        yield _taken_out(path, Path(place))


def _taken_out(path: Path, place: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            held = archive.infolist()
            names = [name for name in archive.namelist() if not name.endswith("/")]
            tops = {name.partition("/")[0] for name in names}
            strange = [name for name in names if _escapes(name)]
            if strange or len(tops) != 1 or len(set(names)) != len(names):
                told = ", ".join(strange or sorted(tops)) or "nothing"
                raise EvidenceError(
                    f"{path} is not the archive of one run: it holds {told}.",
                    fix="Take the archive that the run left, or unpack it yourself and name the folder.",
                )
            # A small file that says it is a huge one is none of ours, and is not unpacked.
            _require(sum(info.file_size for info in held) <= path.stat().st_size, path)
            archive.extractall(place)
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, EOFError) as error:
        raise EvidenceError(f"{path} cannot be unpacked: {error}", fix="Take the archive that the run left.") from None
    folder = place / tops.pop()
    _require((folder / MANIFEST).is_file() and pack(folder).read_bytes() == path.read_bytes(), path)
    return folder


def _require(held: bool, path: Path) -> None:
    if not held:
        raise EvidenceError(
            f"{path} is not as it was packed: something before, between, after or about its files is another.",
            fix="Take the archive that the run left, or unpack it yourself and name the folder.",
        )


def _escapes(name: str) -> bool:
    """Whether it would come to lie elsewhere than in a folder of its own."""
    return name.startswith("/") or "\\" in name or "/" not in name or ".." in PurePosixPath(name).parts
