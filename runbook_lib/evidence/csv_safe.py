"""Texts in CSV files that a spreadsheet does not run as formulas."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""The first characters of formulas: https://owasp.org/www-community/attacks/CSV_Injection"""


def escape_formula(value: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value
