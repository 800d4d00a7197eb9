"""The application that the runbook's own tests deploy: `webapp/` is the user's, and may be any application."""

from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "starter" / "webapp"
