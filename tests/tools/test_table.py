"""docs/notebook-tools.md is written by the tests of this folder."""

import os
from pathlib import Path

import runbook_lib
from tests.support.tool_table import as_markdown, read_rows

DOC = Path(runbook_lib.__file__).parents[1] / "docs" / "notebook-tools.md"
BEGIN = "<!-- written by tests/tools; do not edit below -->\n"


def test_the_document_has_what_the_tests_show():
    """Written anew with ``GOLDEN=write .venv/bin/pytest tests/tools/test_table.py``."""
    head, begin, _ = DOC.read_text(encoding="utf-8").partition(BEGIN)
    text = f"{head}{begin}\n{as_markdown(read_rows())}"
    if os.environ.get("GOLDEN") == "write":
        DOC.write_text(text, encoding="utf-8")
    assert begin
    assert DOC.read_text(encoding="utf-8") == text
