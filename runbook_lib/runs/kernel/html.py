"""Render what a notebook shows as HTML."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render_html(macro: str, *args: object) -> str:
    """Render a macro of ``tables.html.j2``; every text is escaped."""
    return str(getattr(_ENVIRONMENT.get_template("tables.html.j2").module, macro)(*args))
