"""Write files atomically: a reader sees the old content or all of the new content. And what systems do differently."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom, FileIO
from pathlib import Path

from filelock import FileLock

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HAS_MODE_BITS = os.name == "posix"
"""Whether a file's mode says who may read and who may run it: on Windows, access control lists and names do."""


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644, overwrite: bool = True) -> Path:
    """Write a file in one step; when that fails, e.g. because the disk is full, the old file stays.

    Args:
        path: The file; its folder is created when it does not exist.
        mode: The file's permissions.
        overwrite: False keeps a file that exists, also one that another process writes at the same moment.

    Returns:
        The path.

    Raises:
        OSError: The file could not be written.
    """

    def write(out: BufferedRandom) -> str:
        out.write(content)
        return path.name

    return write_named(path.parent, write, mode=mode, overwrite=overwrite)


def write_named(
    folder: Path, write: Callable[[BufferedRandom], str], *, mode: int = 0o644, overwrite: bool = True
) -> Path:
    """Write a file as :func:`write_atomically` does, where its name depends on its content; returns its path.

    Args:
        write: Writes the content to an open file, which it may read again; returns the name in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=folder, prefix=".new.")
    temporary = Path(made)
    try:
        with os.fdopen(handle, "w+b") as out:
            path = folder / write(out)
            out.flush()
            os.fsync(out.fileno())
        temporary.chmod(mode)
        if overwrite:
            temporary.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(temporary, path)
    finally:
        with suppress(OSError):  # replace() has moved it
            temporary.unlink()
    return path


@contextmanager
def locked(file: FileIO, path: Path) -> Iterator[None]:
    """Let one process at a time write to an open file.

    Windows locks no file that others read at the same time: there, a file beside it is locked, and removed afterwards.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        yield
        return
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield


def may_others_read(path: Path) -> bool:
    """Whether a file's mode lets other users than its owner read it; never on Windows, where the folder protects it.

    Raises:
        OSError: There is no such file.
    """
    return HAS_MODE_BITS and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def read_index_modes(folder: Path) -> dict[Path, bool]:
    """Whether git calls each file in a folder executable: for systems where a file's mode cannot say so.

    https://git-scm.com/docs/git-ls-files
    """
    command = ["git", "-C", str(folder), "ls-files", "--stage", "-z"]
    with suppress(OSError):
        done = subprocess.run(command, capture_output=True, check=False, timeout=20)
        entries = (entry.partition("\t") for entry in done.stdout.decode(errors="replace").split("\0"))
        return {folder / name: mode.startswith("100755") for mode, _, name in entries if name}
    return {}
