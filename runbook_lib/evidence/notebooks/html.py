"""Export an executed notebook as one HTML page, for readers without Jupyter."""

from __future__ import annotations

import re
import threading
from functools import cache
from pathlib import Path
from typing import Any

from ..drawing.theme import DARK
from ..files import write_text

_TEMPLATES = Path(__file__).parent / "templates"
_ONE_PAGE = threading.Lock()
"""Held while a page is made: all share one exporter, whose templates take long to compile, and it has a state."""


def warm_up() -> None:
    """Load what the export needs, which takes a second, before the first page is needed."""
    with _ONE_PAGE:
        _style_sheets()


def export_html(notebook: Path) -> None:
    """Write the page beside the notebook; it is one file without scripts that loads nothing.

    Writes nothing when the notebook is missing or incomplete because its process was killed.
    """
    if not notebook.exists():
        return
    with _ONE_PAGE:
        try:
            page, _ = _exporter().from_filename(str(notebook))
        except ValueError:  # not JSON
            return
        constant = _style_sheets()
    write_text(notebook.with_suffix(".html"), page, constant=constant)


@cache
def _style_sheets() -> str:
    """Jupyter's style sheets: nearly all of a page, and the same in each; the last one is ours and has its name."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    page, _ = _exporter().from_notebook_node(new_notebook(cells=[new_markdown_cell("a"), new_code_cell("1")]))
    return str(page[page.index("<style") : page.rindex("<style")])


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter  # here, because the import takes a second

    return HTMLExporter(
        extra_template_basedirs=[str(_TEMPLATES)], template_name="runbook",
        filters={"light_theme": force_light_theme, "svg_file": _svg_file, "page_label": _page_label},
        exclude_input_prompt=True, exclude_output_prompt=True, config=_config(),
    )  # fmt: skip


def _config() -> Any:
    """nbconvert's settings: a drawing is shown as SVG, whose dark mode can be disabled, and not as HTML."""
    from nbconvert.utils.base import NbConvertBase
    from traitlets.config import Config

    svg = "image/svg+xml"
    priority = [svg, *(kind for kind in NbConvertBase().display_data_priority if kind != svg)]
    return Config({"NbConvertBase": {"display_data_priority": priority}})


def _svg_file(svg: str) -> str:
    """The file beside the page that has this drawing; empty for other pictures."""
    drawing = re.match(r'<svg [^>]*\bid="(\w+)" class="picture"', svg)
    return f"{drawing[1]}.svg" if drawing else ""


def force_light_theme(svg: str) -> str:
    """Disable the dark mode of a drawing: Jupyter's page is always light."""
    return svg.replace(f"@media {DARK}", "@media not all")


def _page_label(path: str) -> str:
    """The last part of a path, such as the run's id, as a text for CSS."""
    return re.sub(r"[^\w.-]", "_", Path(path).name)
