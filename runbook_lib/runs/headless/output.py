"""Where papermill writes the executed notebook: a file, or a place that one of its writers knows."""

from __future__ import annotations

import os
from pathlib import Path

from papermill.iorw import LocalHandler, papermill_io


def require_folder(output: str | None) -> Path | None:
    """The file in which papermill is to write the notebook; ``None`` for any other place, such as ``s3://…``.

    papermill resolves it where it was started, also with ``--cwd``, and makes no folder.  Its own engine notices a
    missing folder before the first cell, unless it was told to write the notebook at the end only.

    Raises:
        FileNotFoundError: Its folder does not exist.
    """
    handler = papermill_io.get_handler(output) if output else None
    if not output or not isinstance(handler, LocalHandler):
        return None
    started_in = handler.cwd(None)
    handler.cwd(started_in)
    path = Path(started_in or os.curdir, output)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"output folder {os.path.dirname(output)} doesn't exist.")  # noqa: PTH120  # its words
    return path
