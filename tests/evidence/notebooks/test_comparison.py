"""An executed notebook is compared cell by cell with the one of the commit, wherever it came from."""

import json
import logging
import subprocess
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import runbook_lib
from runbook_lib.evidence.notebooks.comparison import compare, compare_with_source
from runbook_lib.evidence.notebooks.source import parse_notebook
from runbook_lib.evidence.origin import Origin
from tests.support.wrong_shapes import variants

REPOSITORY = Path(runbook_lib.__file__).parents[1]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
NETWORK = NOTEBOOKS[0]


def read(path=NETWORK):
    return nbformat.read(path, as_version=4)


def ran(notebook, outcome="succeeded"):
    """The notebook after a run: with parameters of its own, outputs and papermill's cell."""
    executed = deepcopy(notebook)
    executed.metadata["runbook"] = {"outcome": outcome}
    for cell in executed.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = cell.source.replace('"plan"', '"apply"')
        if cell.cell_type == "code":
            cell.execution_count = 1
    at = next(n for n, cell in enumerate(executed.cells) if "parameters" in cell.metadata.get("tags", ()))
    injected = new_code_cell('# Parameters\nmode = "verify"\n', metadata={"tags": ["injected-parameters"]})
    executed.cells.insert(at + 1, injected)
    executed.cells[0].source += " Ann, for CHG7"
    return executed


def code(notebook, text):
    return next(cell for cell in notebook.cells if cell.cell_type == "code" and text in cell.source)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_belongs_to_a_run_is_no_difference(path):
    """Parameters, papermill's cell, notes, outputs; and the digest is that of the commit's notebook."""
    found = compare(path.stem, ran(read(path)), read(path), "c0ffee" * 6)
    assert str(found) == f"{path.stem} is that of commit c0ffeec0ffee."
    assert found.same
    assert found.digest == compare(path.stem, read(path), read(path)).digest


def test_the_check_that_was_cut_out_is_named():
    """Whether its cell is gone, or only calls verify with less."""
    executed = ran(read())
    code(executed, "book.verify(").source = "book.verify(net)"
    found = compare("01_network", executed, read())
    assert str(found) == (
        "01_network differs from the one that is installed: cell 11 changed (Verify). It leaves out the check claims,"
        " controls."
    )
    executed.cells.remove(code(executed, "book.verify("))
    found = compare("01_network", executed, read())
    assert found.left_out == ("claims", "controls", "verify")
    assert [str(cell) for cell in found.cells] == ["cell 10 missing (Verify)"]


def test_a_check_of_another_name_is_no_check():
    executed = ran(read())
    opening = code(executed, "import Runbook")
    opening.source = opening.source.replace(
        "from runbook_lib.stacks.checks.claims import claims", "claims = lambda net, params: []"
    )
    assert compare("01_network", executed, read()).left_out == ("claims",)


def test_added_and_moved_cells_are_told():
    executed = ran(read())
    vpc, subnets = code(executed, "book.apply(net.vpc)"), code(executed, "book.apply(net.subnets")
    vpc.source, subnets.source = subnets.source, vpc.source
    executed.cells.insert(3, new_code_cell("book_verify = None; import os"))
    found = compare("01_network", executed, read())
    assert {cell.what for cell in found.cells} == {"added", "moved"}
    assert not found.same


@pytest.mark.parametrize("source", ["# Parameters\nimport os", '# Parameters\nmode = open("/etc/passwd").read()'])
def test_only_assignments_of_values_are_papermills_cell(source):
    executed = ran(read())
    executed.cells.append(new_code_cell(source))
    assert [cell.what for cell in compare("01_network", executed, read()).cells] == ["added"]


def test_a_parameters_cell_that_does_more_differs():
    executed = ran(read())
    code(executed, "asked_by: str").source += "\nimport os"
    assert [str(cell) for cell in compare("01_network", executed, read()).cells] == [
        "cell 1 changed (Choose the environment)"
    ]


def test_by_hand_a_cell_that_was_run_again_is_no_difference():
    """Without its file, as papermill's own engine runs it, the notebook is what was executed; here it was stopped."""
    executed = ran(read(), "failed")
    executed.cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    apply = code(executed, "book.apply(net.vpc)")
    at = executed.cells.index(apply)
    executed.cells = [*executed.cells[: at + 1], apply]
    assert compare("01_network", executed, read()).same


def test_the_reference_is_the_notebook_of_the_commit_or_of_the_installation(tmp_path):
    """Not the file of the checkout as somebody has edited it since."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "run").mkdir()
    file = tmp_path / "notebooks" / NETWORK.name
    nbformat.write(read(), file)

    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        line = ["git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "notebooks")
    git("commit", "-q", "-m", "first")
    commit = git("rev-parse", "HEAD")
    edited = ran(read())
    code(edited, "book.apply(net.vpc)").source = "1"
    nbformat.write(edited, tmp_path / "run" / NETWORK.name)
    nbformat.write(edited, file)
    found = compare_with_source(tmp_path / "run" / NETWORK.name, tmp_path, commit)
    assert str(found).startswith(f"01_network differs from that of commit {commit[:12]}: cell 6 changed (VPC).")
    assert compare_with_source(tmp_path / "run" / NETWORK.name, tmp_path, "").same
    other = tmp_path / "run" / "05_mine.ipynb"
    nbformat.write(edited, other)
    assert "05_mine is in no commit" in str(compare_with_source(other, tmp_path, commit))
    assert Origin.from_event({"notebook": "01_network", **found.as_dict()}) == found


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "1", '{"cells": 3}', "[" * 100_000, '{"nbformat": true}'])
def test_what_is_no_notebook_is_compared_with_none(tmp_path, text):
    """Neither as what ran nor as the source is it a reason to stop, or to say that they are the same."""
    (tmp_path / "notebooks").mkdir()
    broken, whole = tmp_path / NETWORK.name, tmp_path / "run" / NETWORK.name
    broken.write_text(text, encoding="utf-8")
    assert compare_with_source(broken, REPOSITORY, "") is None
    (tmp_path / "notebooks" / NETWORK.name).write_text(text, encoding="utf-8")
    whole.parent.mkdir()
    nbformat.write(ran(read()), whole)
    assert not compare_with_source(whole, tmp_path, "").known


@pytest.fixture
def silent():
    """No log: nbformat's repeats what it read, and xdist cannot pass on half a character."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.filterwarnings("ignore")
def test_a_notebook_of_almost_the_right_shape_is_compared_or_is_none(silent):
    """nbformat reads much of what is not quite one."""
    cells = [new_markdown_cell("# A"), new_code_cell("print(1)", metadata={"tags": ["mine"]})]
    small = new_notebook(cells=cells, metadata={"runbook": {"outcome": "succeeded"}})
    for name, wrong in variants(json.loads(nbformat.writes(small))):
        notebook = parse_notebook(json.dumps(wrong))
        if name.startswith(("all=", "cells=", "cells/1=", "cells/1/source", "cells/1/cell_type")):
            assert notebook is None or not compare("a", notebook, small).same, name


@pytest.mark.parametrize(
    "code",
    ["x = {[]: 1}", "x = 'a\0'", "x = '\ud800'", "-" * 100_000 + "1", "%matplotlib inline", "x = {**1}"],
    ids=["unhashable key", "null", "surrogate", "deep", "magic", "no mapping"],
)
def test_code_that_python_cannot_read_is_an_added_cell(code):
    executed = ran(read())
    executed.cells.append(new_code_cell(code))
    found = compare("01_network", executed, read())
    assert [cell.what for cell in found.cells] == ["added"]
    assert found.left_out == ()
