"""The checkout, and the root whose params/ and artifacts/ are used."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
"""Where notebooks/ and webapp/ are."""


def root() -> Path:
    """`RUNBOOK_ROOT`, or the checkout."""
    return Path(os.environ.get("RUNBOOK_ROOT", CHECKOUT))
