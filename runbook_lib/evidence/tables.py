"""Tables of evidence: secrets redacted, as CSV and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..journal.redaction.redactor import REDACTOR
from .csv_safe import escape_formula
from .files import write_json, write_text


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
