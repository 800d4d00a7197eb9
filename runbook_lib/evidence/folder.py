"""What a run leaves behind: ``artifacts/<env>/<run>/``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..engine.plan import Plan
from ..journal.journal import Journal
from ..journal.reader import JOURNAL
from .drawing.svg import Svg
from .files import write_json, write_text


class RunFolder:
    """The evidence of one run: notebooks, tables, plans and the journal.

    Args:
        environment: ``artifacts/<env>``.
        notebook: The notebook that writes; several write into the folder of one run.
    """

    def __init__(self, environment: Path, run: str, notebook: str) -> None:
        self.environment, self.path, self.notebook = environment, environment / run, notebook

    def journal(self) -> Journal:
        """The run's journal, each line of which names the notebook."""
        return Journal(self.path / JOURNAL, notebook=self.notebook)

    def write_plan(self, plan: Plan, **who: Any) -> Path:
        """Write a plan down, to be reviewed, and found again by its fingerprint."""
        path = self._in("plans") / f"{self.notebook}-{who.get('verb', 'apply')}-{plan.fingerprint}.json"
        at = datetime.now(UTC).isoformat(timespec="seconds")
        head = {"notebook": self.notebook, "at": at, "fingerprint": plan.fingerprint, **who}
        return write_json(path, {**head, "plan": plan.as_dict()})

    def write_picture(self, picture: Svg) -> Svg:
        """Write a picture down; a later one of the run takes its place."""
        write_text(self.path / f"{picture.name}.svg", str(picture))
        return picture

    def table(self, name: str) -> Path:
        """Where a table goes as CSV."""
        part = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80]
        return self._in("tables") / f"{self.notebook}-{part}.csv"

    def _in(self, folder: str) -> Path:
        path = self.path / folder
        path.mkdir(parents=True, exist_ok=True)
        return path
