"""Export an executed notebook as one HTML page, for readers without Jupyter."""

from __future__ import annotations

import re
from pathlib import Path

from ..drawing.theme import DARK
from ..files import write_text

_TEMPLATES = Path(__file__).parent / "templates"


def export_html(notebook: Path) -> None:
    """Write the page beside the notebook; it is one file without scripts that loads nothing.

    Writes nothing when the notebook is missing or incomplete because its process was killed.
    """
    if not notebook.exists():
        return
    from nbconvert import HTMLExporter  # here, because the import takes a second

    exporter = HTMLExporter(
        extra_template_basedirs=[str(_TEMPLATES)], template_name="runbook", 
        filters={"light_theme": force_light_theme, "page_label": _page_label},
        exclude_input_prompt=True, exclude_output_prompt=True,
    )  # fmt: skip
    try:
        page, _ = exporter.from_filename(str(notebook))
    except ValueError:  # not JSON
        return
    write_text(notebook.with_suffix(".html"), page)


def force_light_theme(svg: str) -> str:
    """Disable the dark mode of a drawing: Jupyter's page is always light."""
    return svg.replace(f"@media {DARK}", "@media not all")


def _page_label(path: str) -> str:
    """The last part of a path, such as the run's id, as a text for CSS."""
    return re.sub(r"[^\w.-]", "_", Path(path).name)
