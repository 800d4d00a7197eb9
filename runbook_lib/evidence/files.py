"""Write files of evidence: secrets redacted, each file complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..journal.redaction.redactor import REDACTOR


def write_text(path: Path, text: str, *, constant: str = "") -> Path:
    """Write a text, such as an HTML page or an SVG drawing, redacted.

    Args:
        constant: A long part of the text that is a program's and no data: to search it would take most of the time.
    """
    texts = REDACTOR.redact_texts(text.split(constant, 1) if constant else [text])
    return write_atomically(path, constant.join(texts).encode("utf-8", errors="replace"))


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
