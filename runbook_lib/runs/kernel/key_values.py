"""A few facts under each other, as text and as a table of a notebook; what is empty is left out."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_LEFT = 'style="text-align:left"'


def to_text(facts: Mapping[str, str]) -> str:
    """One line each."""
    return "\n".join(f"{name:<12} {value}" for name, value in facts.items() if value)


def to_html(facts: Mapping[str, str]) -> str:
    """One row each."""
    rows = (
        f"<tr><th {_LEFT}>{escape(name)}</th><td {_LEFT}>{escape(value)}</td></tr>"
        for name, value in facts.items()
        if value
    )
    return f"<table>{''.join(rows)}</table>"
