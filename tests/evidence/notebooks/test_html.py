"""An executed notebook as a page that opens anywhere, also offline and in ten years."""

import base64
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from runbook_lib.evidence.notebooks.html import export_html
from runbook_lib.evidence.topology import picture
from tests.support.topologies import environment

PICTURE = new_output("display_data", {"text/plain": "One zone <a>.", "image/svg+xml": "<svg><rect/></svg>"})
RESULT = new_output("display_data", {"text/plain": "plain words", "text/html": "<b>a table</b>"})
FAILURE = new_output("error", ename="DestroyPrevented", evalue="no", traceback=["DestroyPrevented: it may not go."])


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "01_network.ipynb"
    cells = [
        new_markdown_cell("## Zones · and the way out\n\nWhy: $x$ and `code`."),
        new_code_cell("book.apply(net.vpc)", outputs=[RESULT, PICTURE], execution_count=1),
        new_code_cell("book.destroy(net)", outputs=[FAILURE], execution_count=2),
    ]
    nbformat.write(new_notebook(cells=cells), path)
    export_html(path)
    return path.with_suffix(".html").read_text(encoding="utf-8")


def test_it_shows_prose_code_results_and_what_went_wrong(page):
    for word in ("Zones · and the way out", "apply", "<b>a table</b>", "it may not go."):
        assert word in page


def test_a_picture_says_what_it_shows_to_those_who_cannot_see_it(page):
    (picture,) = re.findall(r"<img[^>]*>", page)
    assert 'alt="One zone &lt;a&gt;."' in picture
    assert base64.b64decode(re.search(r"base64,([^\"]+)", picture)[1]) == b"<svg><rect/></svg>"


def test_in_a_dark_browser_the_page_and_its_pictures_are_both_light(tmp_path):
    """Jupyter's page knows no dark: a dark picture in it would be a hole."""
    drawn = str(picture(environment()))
    assert "prefers-color-scheme" in drawn
    output = new_output("display_data", {"text/plain": "One zone.", "image/svg+xml": drawn})
    path = tmp_path / "01_network.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("book.topology()", outputs=[output])]), path)
    export_html(path)
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    shown = base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]+)', page)[1]).decode()
    assert "prefers-color-scheme" not in shown
    assert len(shown) > 5000
    assert ":root{color-scheme:light}" in page


def test_it_runs_nothing_and_fetches_nothing(page):
    """No script, no style sheet, picture or font from elsewhere: a page with evidence calls nobody."""
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)=["'](?!\#|data:)[^"']+|@import|url\(["']?(?:https?:)?//""", page) == []


def test_a_notebook_that_was_never_begun_has_no_page(tmp_path):
    export_html(tmp_path / "01_network.ipynb")
    assert list(tmp_path.iterdir()) == []


def test_a_piece_of_a_notebook_has_no_page_and_is_no_error(tmp_path):
    """What was killed while it wrote must not end what runs beside it."""
    path = tmp_path / "01_network.ipynb"
    path.write_text('{"cells": [{"cell_ty')
    export_html(path)
    assert list(tmp_path.iterdir()) == [path]
