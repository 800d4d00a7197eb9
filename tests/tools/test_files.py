"""What a run leaves is read by the tools that people read notebooks and tables with."""

import json
import re

import pandas as pd
import papermill
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, MarkdownExporter, SlidesExporter, WebPDFExporter
from papermill.engines import papermill_engines
from playwright.async_api import BrowserType

from runbook_lib.runs.headless.engine import RunbookEngine
from tests.support.programs import find_program
from tests.support.tool_table import shows
from tests.tools.conftest import REPOSITORY

NETWORK = REPOSITORY / "notebooks" / "01_network.ipynb"


@pytest.fixture
def folder(root):
    """The evidence of a run that planned the network."""
    papermill_engines.register("runbook", RunbookEngine)
    papermill.execute_notebook(NETWORK, "out.ipynb", engine_name="runbook", progress_bar=False)
    (folder,) = (path for path in (root / "artifacts" / "local").iterdir() if path.is_dir())
    return folder


def is_table(path):
    """Whether a JSON file is a table of Frictionless' Table Schema."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return isinstance(content, dict) and "fields" in content.get("schema", {})


@shows("pandas", '`read_json(orient="table")`', "each table of the evidence")
@shows("pandas", "`read_csv`", "each CSV file of the evidence")
@shows("nbconvert", "`--to html`, `--to slides`", "the executed notebook, each picture with alternative text")
@shows("nbconvert", "`--to markdown`", "the executed notebook")
def test_tables_and_pages_are_read(folder, caplog):
    """One run, and everything in it."""
    tables = [path for path in sorted(folder.rglob("*.json")) if is_table(path)]
    assert {path.name.partition("-")[0] for path in tables} >= {"resources"}
    for path in tables:
        pd.read_json(path, orient="table")
    files = sorted(folder.rglob("*.csv"))
    assert len(files) >= 2
    for path in files:
        pd.read_csv(path)
    notebook = folder / "01_network.ipynb"
    for exporter in (HTMLExporter(), SlidesExporter()):
        page, _ = exporter.from_filename(str(notebook))
        pictures = BeautifulSoup(page, "html.parser").select("img")
        assert len(pictures) >= 2
        assert all(re.search(r"\w{3}", picture.get("alt", "")) for picture in pictures)
        assert "No description has been provided" not in page
    text, _ = MarkdownExporter().from_filename(str(notebook))
    assert "## The environment's bucket" in text
    assert "Alternative text is missing" not in caplog.text


@pytest.mark.needs("chromium,chromium-browser,google-chrome".partition(",")[0])
@shows("nbconvert", "`--to webpdf`", "the executed notebook; `--to pdf` needs LaTeX and Inkscape for the drawings")
@pytest.mark.exhaustive
def test_a_page_is_printed(folder, monkeypatch):
    """With the machine's browser in place of the one that Playwright would fetch."""
    launch, chromium = BrowserType.launch, find_program("chromium")

    async def launch_ours(browser, **options):
        return await launch(browser, **{**options, "executable_path": chromium})

    monkeypatch.setattr(BrowserType, "launch", launch_ours)
    printed, _ = WebPDFExporter(disable_sandbox=True).from_filename(str(folder / "01_network.ipynb"))
    assert printed.startswith(b"%PDF")
