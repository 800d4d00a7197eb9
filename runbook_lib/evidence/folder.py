"""The folder of a run's evidence: ``artifacts/<env>/<run>/``."""

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
        notebook: The notebook that writes; several notebooks write into the folder of one run.
    """

    def __init__(self, environment: Path, run: str, notebook: str) -> None:
        self.environment, self.path, self.notebook = environment, environment / run, notebook

    def journal(self) -> Journal:
        """The run's journal; each line that is written to it names the notebook."""
        return Journal(self.path / JOURNAL, notebook=self.notebook)

    def write_plan(self, plan: Plan, **metadata: Any) -> Path:
        """Write a plan for its review; its fingerprint is part of the file name."""
        path = self._subfolder("plans") / f"{self.notebook}-{metadata.get('verb', 'apply')}-{plan.fingerprint}.json"
        at = datetime.now(UTC).isoformat(timespec="seconds")
        head = {"notebook": self.notebook, "at": at, "fingerprint": plan.fingerprint, **metadata}
        return write_json(path, {**head, "plan": plan.as_dict()})

    def write_drawing(self, drawing: Svg) -> Svg:
        """Write a drawing; a later one of the same name replaces it."""
        write_text(self.path / f"{drawing.name}.svg", str(drawing))
        return drawing

    def table_path(self, name: str) -> Path:
        """The path of a table's CSV file."""
        own = self.notebook.partition("_")[2]
        parts = [part.strip().removeprefix(f"{own}.") for part in name.lower().split("+")]
        slug = re.sub(r"[^a-z0-9]+", "-", "-".join(parts)).strip("-")[:150]
        return self._subfolder("tables") / f"{self.notebook}-{slug}.csv"

    def output_path(self, cell: int, stream: str) -> Path:
        """The path of the file for a long output of a cell, by the number of its execution."""
        return self._subfolder("outputs") / f"{self.notebook}-{cell:02d}-{stream}.txt"

    def _subfolder(self, name: str) -> Path:
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path
