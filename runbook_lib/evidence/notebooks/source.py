"""Keep the source of a notebook apart from what belongs to a run: parameters, notes and outputs.

JupyterLab saves both in one file.  :func:`reset_before_save` is its pre-save hook (``jupyter/``): the file under
version control stays as it was, and a hidden copy keeps what the operator wrote, for the evidence (docs/adr/0005).
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat

from ...paths import checkout, root
from .cells import join_source
from .scripts import SUFFIXES, read_script

PARAMETERS_TAG = "parameters"
_KEPT_TAGS = (PARAMETERS_TAG, "handoff")
"""Tags without which a headless run does not work; JupyterLab's cell editor can remove them."""
_NOTES = "*Operator's notes"
_WRONG_SHAPE = (AttributeError, LookupError, NameError, TypeError, AssertionError, RecursionError)
"""What nbformat raises for valid JSON that is no notebook; of what is almost one, it says so only in a log."""
_OF_A_RUN = {
    "collapsed", "editable", "execution", "jp-MarkdownHeadingCollapsed", "jupyter", "scrolled", "slideshow", "trusted",
}  # fmt: skip
"""Metadata that JupyterLab adds to a cell when it is run, folded or looked at.

https://nbformat.readthedocs.io/en/latest/format_description.html#cell-metadata
"""


def reset_before_save(model: dict[str, Any], path: str, contents_manager: Any, **_: Any) -> None:
    """Reset a notebook of the checkout to its source before JupyterLab writes it; other files are left alone.

    https://jupyter-server.readthedocs.io/en/latest/developers/savehooks.html

    Args:
        model: What is saved; its ``content`` is changed in place.
        path: The file, relative to the server's root.
        contents_manager: The server's.
    """
    file = Path(contents_manager.root_dir, path.lstrip("/"))
    if model.get("type") != "notebook" or file.resolve().parent != checkout() / "notebooks":
        return
    source = read_notebook(file)
    if source is None:
        return
    document = model["content"]
    copy = nbformat.from_dict(deepcopy(document))
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    from ..files import write_notebook  # late: it imports pandas, and the server saves rarely

    write_notebook(_copy_of(file), copy)
    reset(document, source)


def read_as_written(file: Path) -> Any:
    """Read a notebook with the notes and parameters that the operator saved; ``None`` when it cannot be read.

    The copy counts only while it belongs to the file: reset to the source, it is the same.
    """
    source, copy = read_notebook(file), read_notebook(_copy_of(file))
    if source is None or copy is None:
        return source
    reset(again := deepcopy(copy), source)
    return copy if again == source else source


def reset(document: Any, source: Any) -> None:
    """Remove from a notebook what belongs to a run, in place; other edits of code and prose stay.

    Args:
        source: The notebook as it is under version control.
    """
    own = {cell.get("id", ""): cell for cell in source["cells"]}
    document["metadata"], document["nbformat_minor"] = deepcopy(source["metadata"]), source["nbformat_minor"]
    kept = {tag for cell in document["cells"] for tag in _tags(cell)}
    for cell in document["cells"]:
        before = own.get(cell.get("id", ""), {})
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
        _reset_metadata(cell, before, kept)
        if PARAMETERS_TAG in _tags(before):
            cell["source"] = before["source"]
        elif _NOTES in join_source(before):
            head, notes, _ = join_source(cell).partition(_NOTES)
            cell["source"] = head + _NOTES + join_source(before).partition(_NOTES)[2] if notes else cell["source"]


def read_notebook(file: Path) -> Any:
    """Read a notebook, or jupytext's script of one; ``None`` when it is missing, being written, or not a notebook."""
    if file.suffix in SUFFIXES:
        return read_script(file)
    try:
        return parse_notebook(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def parse_notebook(text: str) -> Any:
    """Read a notebook's text; ``None`` when it is not one."""
    try:
        notebook = nbformat.reads(text, as_version=4)
        cells = all(isinstance(cell["cell_type"], str) and isinstance(cell["source"], str) for cell in notebook.cells)
    except (ValueError, nbformat.ValidationError, *_WRONG_SHAPE):
        return None
    return notebook if cells else None


def _reset_metadata(cell: Any, before: Any, kept: set[str]) -> None:
    """Take away what JupyterLab added, and give back a tag that no cell has any more."""
    was, metadata = before.get("metadata", {}), cell["metadata"]
    for name in _OF_A_RUN & {*metadata, *was}:
        metadata.pop(name, None)
        if name in was:
            metadata[name] = was[name]
    lost = [tag for tag in _KEPT_TAGS if tag in _tags(before) and tag not in kept]
    if lost or (not _tags(cell) and "tags" not in was):
        metadata["tags"] = [*_tags(cell), *lost]
    if not metadata.get("tags"):
        metadata.pop("tags", None)


def _tags(cell: Any) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", ()))


def _copy_of(file: Path) -> Path:
    return root() / ".runbook" / "lab" / file.name
