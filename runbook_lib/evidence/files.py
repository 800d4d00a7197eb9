"""Write files of evidence: secrets redacted, each file complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import write_atomically
from ..journal.redaction.redactor import REDACTOR
from .csv_safe import escape_formula


def write_text(path: Path, text: str) -> Path:
    """Write a text, such as an HTML page or an SVG drawing, redacted."""
    return write_atomically(path, REDACTOR.redact_text(text).encode("utf-8", errors="replace"))


def write_json(path: Path, data: Any) -> Path:
    """Write data as JSON, redacted."""
    return write_atomically(
        path, (json.dumps(REDACTOR.redact(data), indent=1, ensure_ascii=False, default=str) + "\n").encode()
    )


def write_notebook(path: Path, notebook: Any) -> Path:
    """Write an executed notebook; it is redacted in place."""
    import nbformat  # here, because most commands do not need it

    REDACTOR.redact_notebook(notebook)
    return write_atomically(path, nbformat.writes(notebook).encode("utf-8", errors="replace"))


def write_table(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as CSV, redacted, and beside it as JSON with the types of its columns.

    https://specs.frictionlessdata.io/table-schema/, as pandas reads it with ``orient="table"``
    """
    frame = redacted_frame(frame)
    write_json(path.with_suffix(".json"), json.loads(frame.to_json(orient="table")))
    return write_text(path, frame.rename(index=_csv_cell, columns=_csv_cell).map(_csv_cell).to_csv())


def _csv_cell(value: Any) -> Any:
    return escape_formula(value) if isinstance(value, str) else value


def redacted_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Copy a table with its secrets redacted: whole columns by their name, and secrets within other texts."""
    copy = frame.copy()
    for position, name in enumerate(frame.columns):
        values = [None if value is pd.NA else value for value in frame.iloc[:, position].tolist()]
        texts = [REDACTOR.redact({str(name): value})[REDACTOR.redact_text(str(name))] for value in values]
        if texts != values:
            copy.isetitem(position, texts)
    return copy
