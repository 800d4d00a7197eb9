"""The one way by which evidence gets to the disk: without secrets, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import write_atomically
from ..journal.redaction.redactor import REDACTOR
from . import csv_safe as spreadsheet


def write_text(path: Path, text: str) -> Path:
    """Write a text, such as a page or a picture in SVG."""
    return write_atomically(path, REDACTOR.redact_text(text).encode("utf-8", errors="replace"))


def write_json(path: Path, data: Any) -> Path:
    """Write data; it is read back as it was, but for the secrets."""
    return write_atomically(
        path, (json.dumps(REDACTOR.redact(data), indent=1, ensure_ascii=False, default=str) + "\n").encode()
    )


def write_notebook(path: Path, notebook: Any) -> Path:
    """Write an executed notebook, which is cleaned where it stands."""
    import nbformat  # late: a command that runs no notebook does without it

    REDACTOR.redact_notebook(notebook)
    return write_atomically(path, nbformat.writes(notebook).encode("utf-8", errors="replace"))


def write_table(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV, and beside it as JSON with the types of its columns.

    https://specs.frictionlessdata.io/table-schema/, as pandas reads it with ``orient="table"``
    """
    frame = redacted_frame(frame)
    write_json(path.with_suffix(".json"), json.loads(frame.to_json(orient="table")))
    return write_text(path, frame.rename(index=_cell, columns=_cell).map(_cell).to_csv())


def _cell(value: Any) -> Any:
    return spreadsheet.text(value) if isinstance(value, str) else value


def redacted_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of the same kind without secrets: neither in a column of them nor in another one's texts."""
    new = frame.copy()
    for at, name in enumerate(frame.columns):
        found = [None if value is pd.NA else value for value in frame.iloc[:, at].tolist()]
        texts = [REDACTOR.redact({str(name): value})[REDACTOR.redact_text(str(name))] for value in found]
        if texts != found:
            new.isetitem(at, texts)
    return new
