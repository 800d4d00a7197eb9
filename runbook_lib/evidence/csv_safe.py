"""What a cell of a CSV file may hold, so that a spreadsheet takes it for what it is."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a formula begins with: https://owasp.org/www-community/attacks/CSV_Injection"""


def text(value: str) -> str:
    """A spreadsheet takes what begins like a formula for one; an apostrophe keeps it a text."""
    return f"'{value}" if value.startswith(_FORMULA) else value
