"""The notebooks as they stand in git: prose first, one line that acts, nothing hidden."""

import ast
import json
import re
from pathlib import Path
from statistics import median

import pytest
from papermill.inspection import inspect_notebook

import runbook_lib

NOTEBOOKS = sorted((Path(runbook_lib.__file__).parents[1] / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"text": "".join(cell["source"])} for cell in found if cell["cell_type"] == kind]


def test_there_are_the_four():
    assert [path.stem for path in NOTEBOOKS] == ["01_network", "02_data", "03_compute", "04_deploy"]


@each
def test_nothing_of_a_run_is_in_git(path):
    assert not [c for c in cells(path, "code") if c["outputs"] or c["execution_count"]]


@each
def test_papermill_explains_every_parameter(path):
    """``papermill --help-notebook`` lists the same seven in each, with a type, a default and a comment."""
    found = inspect_notebook(str(path))
    assert list(found) == ["env", "mode", "approved", "confirm", "change", "asked_by", "skip_preflight"]
    assert all(parameter["help"] and parameter["inferred_type_name"] == "str" for parameter in found.values())
    assert (found["env"]["default"], found["mode"]["default"]) == ('"local"', '"plan"')


@each
def test_it_opens_with_the_facts(path):
    """What changes, how long it takes, what it costs, what comes before, how to undo it; room for notes."""
    head = cells(path, "markdown")[0]["text"]
    assert re.match(rf"# {path.stem[:2]} · \w+\n", head)
    for fact in ("**Changes**", "**Takes**", "**Costs**", "**Before you start**", "**To undo**", "Operator's notes"):
        assert fact in head


@each
def test_a_section_is_why_then_one_line_that_acts(path):
    """Half of the cells are one line; none but the opening has more than six; every section has its prose."""
    lines = [c["text"].count("\n") + 1 for c in cells(path, "code")]
    assert median(lines) == 1
    assert max(lines) <= 12
    assert sum(n > 3 for n in lines) <= 2
    assert all(text.count("\n") >= 2 for c in cells(path, "markdown") if (text := c["text"]).startswith("## ") and
               "What exists" not in text)  # fmt: skip


@each
def test_it_knows_neither_boto3_nor_where_its_calls_go(path):
    """It imports the runbook, its stack and its checks; `local` stands in it only as the parameter's first value."""
    code = "\n".join(c["text"] for c in cells(path, "code"))
    modules = set()
    for node in ast.walk(ast.parse(code)):
        assert not isinstance(node, ast.Import), "imports a whole module"
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    assert "runbook_lib" in modules
    assert [m for m in modules if not re.fullmatch(r"runbook_lib(\.stacks(\.checks)?\.\w+)?", m)] == []
    assert re.findall(r"\blocal\b|\bembedded\b|\bmoto\b|\bendpoint_url\b", code) == ["local"]


@each
def test_it_hands_off_once(path):
    """A headless run starts the layers above after exactly one cell, which applies."""
    (cell,) = [c for c in cells(path, "code") if "handoff" in c["metadata"].get("tags", [])]
    assert cell["text"].startswith("book.apply(")


@each
def test_it_ends_with_verify_tables_undo_and_the_end_of_the_run(path):
    verbs = [c["text"].partition("(")[0] for c in cells(path, "code")]
    assert verbs[verbs.index("book.plan") :].count("book.verify") == 1
    assert verbs.index("book.plan") < verbs.index("book.apply") < verbs.index("book.verify") < verbs.index("book.table")
    assert verbs[-2:] == ["book.destroy", "book.close"]


@each
def test_every_part_of_its_stack_is_applied_somewhere(path):
    """Nothing is planned that no cell brings about."""
    from runbook_lib.params import load
    from runbook_lib.stacks.environment import stacks

    params = load(NOTEBOOKS[0].parents[1] / "params" / "local.yaml")
    stack = stacks(params)[NOTEBOOKS.index(path)]
    applied = {
        node.attr
        for c in cells(path, "code")
        if c["text"].startswith("book.apply(")
        for node in ast.walk(ast.parse(c["text"]))
        if isinstance(node, ast.Attribute) and node.attr != "apply"
    }
    assert applied == set(stack.parts)
