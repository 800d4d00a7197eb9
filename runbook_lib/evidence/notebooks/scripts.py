"""Read a notebook that jupytext keeps as a script: Jupyter then names the script as the notebook's file."""

from __future__ import annotations

import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SUFFIXES = (".py", ".md")
_CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


def read_script(file: Path) -> Any:
    """Read a script as a notebook: by jupytext where it is installed, else in its percent format.

    https://jupytext.readthedocs.io/en/latest/formats-scripts.html#the-percent-format

    Returns:
        ``None`` where it is missing, or has another format.
    """
    try:
        if find_spec("jupytext"):
            return import_module("jupytext").read(file)
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    parts = _CELL.split(text)[1:]
    return new_notebook(cells=[_cell(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]) if parts else None


def _cell(options: str, body: str) -> Any:
    source = body.strip("\n")
    if "[markdown]" in options:
        lines = (re.sub(r"^# ?", "", line) for line in source.splitlines())
        return new_markdown_cell("\n".join(lines))
    tags = re.search(r"tags=(\[[^\]]*\])", options)
    return new_code_cell(source, metadata={"tags": json.loads(tags[1])} if tags else {})
