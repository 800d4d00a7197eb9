"""An executed notebook as a page, for those who have no Jupyter."""

from __future__ import annotations

from pathlib import Path

from ..drawing.theme import DARK
from ..files import write_text

_TEMPLATES = Path(__file__).parent / "templates"


def export_html(notebook: Path) -> None:
    """Write the notebook as one file beside it, which needs no network and no script.

    Nothing when there is none, or only a piece: the process that wrote it was killed.
    """
    if not notebook.exists():
        return
    from nbconvert import HTMLExporter  # late: it takes a second to import

    exporter = HTMLExporter(
        extra_template_basedirs=[str(_TEMPLATES)], template_name="runbook", filters={"light": with_light_theme},
        exclude_input_prompt=True, exclude_output_prompt=True,
    )  # fmt: skip
    try:
        page, _ = exporter.from_filename(str(notebook))
    except ValueError:  # no JSON
        return
    write_text(notebook.with_suffix(".html"), page)


def with_light_theme(picture: str) -> str:
    """A picture of ours as it is on a light page: Jupyter's page is always light, whatever the reader has set."""
    return picture.replace(f"@media {DARK}", "@media not all")
