"""Write files atomically: a reader sees the old content or all of the new content."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


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
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
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
