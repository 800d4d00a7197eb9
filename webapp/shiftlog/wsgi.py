"""What gunicorn serves."""

from __future__ import annotations

from shiftlog import create_app

app = create_app()
