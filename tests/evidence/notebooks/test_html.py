"""The HTML page of an executed notebook opens anywhere, also offline."""

import base64
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook_lib.evidence.notebooks.html import export_html
from runbook_lib.evidence.topology import draw_topology
from tests.support.topologies import environment

DRAWING = new_output("display_data", {"text/plain": "One zone <a>.", "image/svg+xml": "<svg><rect/></svg>"})
RESULT = new_output("display_data", {"text/plain": "plain words", "text/html": "<b>a table</b>"})
FAILURE = new_output("error", ename="DestroyPrevented", evalue="no", traceback=["DestroyPrevented: it may not go."])


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
    assert ":root{color-scheme:light}" in page


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
