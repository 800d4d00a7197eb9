"""The HTML page of an executed notebook opens anywhere, also offline."""

import base64
import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import sync_playwright

from runbook_lib.evidence import files
from runbook_lib.evidence.notebooks.html import export_html
from runbook_lib.evidence.topology import draw_topology
from runbook_lib.journal.redaction.patterns import PLACEHOLDER
from runbook_lib.journal.redaction.redactor import Redactor
from runbook_lib.resources.base import Observed
from runbook_lib.runs.kernel.report import Report, Row
from runbook_lib.runs.kernel.tables import create_table
from tests.support.fake_kinds import Thing
from tests.support.programs import find_program
from tests.support.topologies import environment

DRAWING = new_output("display_data", {"text/plain": "One zone <a>.", "image/svg+xml": "<svg><rect/></svg>"})
RESULT = new_output("display_data", {"text/plain": "plain words", "text/html": "<b>a table</b>"})
FAILURE = new_output("error", ename="DestroyPrevented", evalue="no", traceback=["DestroyPrevented: it may not go."])

SETTINGS = {"group": "security_group.bastion", "port": 3306, "source": "security_group.web",
            "description": "Requests from the load balancer"}  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "01_network.ipynb"
    cells = [
        new_markdown_cell("## Zones · and the way out\n\nWhy: $x$ and `code`."),
        new_code_cell("book.apply(net.vpc)", outputs=[RESULT, DRAWING], execution_count=1),
        new_code_cell("book.destroy(net)", outputs=[FAILURE], execution_count=2),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    export_html(path)
    return path.with_suffix(".html").read_text(encoding="utf-8")


def test_it_shows_text_code_results_and_errors(page):
    for word in ("Zones · and the way out", "apply", "<b>a table</b>", "it may not go."):
        assert word in page


def test_no_secret_is_in_it(tmp_path, monkeypatch):
    """Neither before Jupyter's style sheets, which nobody's data is in, nor after them."""
    secret = "rd-4711-xyz-0815"
    monkeypatch.setattr(files, "REDACTOR", Redactor([secret]))
    path = tmp_path / f"{secret}.ipynb"
    shown = new_output("display_data", {"text/html": f"<b>{secret}</b>"})
    nbformat.write(new_notebook(cells=[new_markdown_cell(secret), new_code_cell("show()", outputs=[shown])]), path)
    export_html(path)
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert secret not in page
    assert page.count(PLACEHOLDER) >= 3
    assert page.index(PLACEHOLDER) < page.index("<style") < page.rindex("</style>") < page.rindex(PLACEHOLDER)
    assert len(page) > 200_000, "the style sheets are there"


def test_a_drawing_has_a_text_alternative(page):
    (drawing,) = re.findall(r"<img[^>]*>", page)
    assert 'alt="One zone &lt;a&gt;."' in drawing
    assert base64.b64decode(re.search(r"base64,([^\"]+)", drawing)[1]) == b"<svg><rect/></svg>"


def test_page_and_drawings_are_light_also_in_dark_mode(tmp_path):
    """Jupyter's page has no dark mode."""
    svg = str(draw_topology(environment()))
    assert "prefers-color-scheme" in svg
    html = '<img src="data:image/svg+xml;base64,AAAA">'
    output = new_output("display_data", {"text/plain": "One zone.", "text/html": html, "image/svg+xml": svg})
    path = tmp_path / "01_network.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("book.topology()", outputs=[output])]), path)
    export_html(path)
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    shown = base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)', page)[1]).decode()
    assert "prefers-color-scheme" not in shown
    assert len(shown) > 5000
    assert '<a href="topology.svg"' in page, "a click opens the file beside it"
    assert ":root{color-scheme:light;" in page


def test_it_runs_and_loads_nothing(page):
    """No script, and no style sheet, image or font from the network."""
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)=["'](?!\#|data:)[^"']+|@import|url\(["']?(?:https?:)?//""", page) == []


def test_a_missing_notebook_has_no_page(tmp_path):
    export_html(tmp_path / "01_network.ipynb")
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_notebook_has_no_page_and_is_not_an_error(tmp_path):
    """Its process may have been killed while it wrote."""
    path = tmp_path / "01_network.ipynb"
    path.write_text('{"cells": [{"cell_ty')
    export_html(path)
    assert list(tmp_path.iterdir()) == [path]


WIDE = """() => [...document.querySelectorAll('table, pre, img')].filter(
  one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 80))"""


BROKEN_WORDS = """() => [...document.querySelectorAll('tr > td:nth-child(n + 3):not([style*=anywhere])')].filter(
  cell => /^[\\w.]+( s)?$/.test(cell.textContent.trim()) && cell.getClientRects().length && cell.clientHeight > 60
  ).map(cell => cell.textContent)"""


def test_in_a_real_browser_it_can_be_read_on_paper_and_on_a_phone(tmp_path):
    """Nothing is cut at the right of a page of A4, folded lists are printed, and axe finds no barrier."""
    rows = [Row("+", f"security_group_rule.alb-{n}", ("description=HTTPS from anywhere",)) for n in range(40)]
    wide = {Thing(name=f"t{n}"): Observed("sgr-0a3c0bbb43d46bc0a", SETTINGS) for n in range(6)}
    done = [Row("+", "security_group_rule.bastion-ssh-203.0.113.0/24", state="associated", took=0.1) for _ in range(3)]
    reports = (Report("plan", rows), Report("apply", done, "Evidence: /" + "a-long-path/" * 9))
    shown = (*(report.html() for report in reports), create_table(wide, wide)._repr_html_())
    outputs = [new_output("display_data", {"text/plain": "text", "text/html": each}) for each in shown]
    code = 'mode = "plan"  # ' + "a comment that is longer than a page is wide, " * 4
    path = tmp_path / "run-1" / "01_network.ipynb"
    path.parent.mkdir()
    cells = [new_markdown_cell("# A page"), new_code_cell(code, outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), path)
    export_html(path)
    assert 'content:"run-1 01_network"' in path.with_suffix(".html").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium"), args=["--no-sandbox"])
        try:
            page = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
            page.goto(path.with_suffix(".html").as_uri())
            assert Axe().run(page).response["violations"] == []
            assert page.evaluate("document.documentElement.scrollHeight < 1.2 * innerHeight"), (
                "a plan of 40 rows is folded"
            )
            page.set_viewport_size({"width": 390, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.evaluate(BROKEN_WORDS) == []
            page.set_viewport_size({"width": 690, "height": 980})  # A4 without its margins
            page.emulate_media(media="print")
            assert page.evaluate(WIDE) == []
            assert page.get_by_text("security_group_rule.alb-39").is_visible()
        finally:
            browser.close()
