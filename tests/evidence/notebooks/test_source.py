"""Saving in JupyterLab leaves the source as it was; what the operator wrote is kept for the evidence."""

from __future__ import annotations

import importlib
import json
import shutil
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

import runbook_lib
from runbook_lib.evidence.notebooks import source
from runbook_lib.evidence.notebooks.source import read_as_written, reset_before_save

REPOSITORY = Path(runbook_lib.__file__).parents[1]
NAMES = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
ARMED = 'env = "prod"\nmode = "apply"\napproved = "0123456789abcdef"\nconfirm = ""\nchange = "CHG7"\nasked_by = "ann"'


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with the four notebooks."""
    shutil.copytree(REPOSITORY / "notebooks", tmp_path / "notebooks")
    monkeypatch.setattr(source, "checkout", lambda: tmp_path)
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    return tmp_path


def save(root, path, notebook):
    """Save a notebook as Jupyter's server does; *notebook* stays what the browser shows."""
    model = {"type": "notebook", "format": "json", "content": deepcopy(notebook)}
    reset_before_save(model=model, path=path, contents_manager=SimpleNamespace(root_dir=str(root)))
    nbformat.write(nbformat.from_dict(model["content"]), root / path, version=nbformat.NO_CONVERT)


def worked_in(root, name):
    """A notebook after an apply: as JupyterLab has it in the browser."""
    notebook = json.loads((root / "notebooks" / name).read_text(encoding="utf-8"))
    for number, cell in enumerate(notebook["cells"]):
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "vpc-0123\n"}]
            cell["execution_count"] = number
            cell["metadata"] |= {"execution": {"iopub.status.busy": "2026"}, "collapsed": True, "scrolled": True}
        if "parameters" in cell["metadata"].get("tags", ()):
            cell["source"], cell["metadata"] = ARMED, {"slideshow": {"slide_type": ""}, "tags": []}
    notebook["cells"][0]["source"] += " Ann, 14:00, for CHG7"
    notebook["metadata"]["language_info"] |= {"version": "3.11.7", "mimetype": "text/x-python"}
    return notebook


@pytest.mark.parametrize("name", NAMES)
def test_saving_after_an_apply_changes_no_byte(root, name):
    """Nothing is armed: parameters, notes, outputs, counts, tags and metadata are as before, however often it saves."""
    file = root / "notebooks" / name
    before = file.read_bytes()
    for _ in range(2):
        save(root, f"notebooks/{name}", worked_in(root, name))
        assert file.read_bytes() == before


def test_other_edits_are_saved(root):
    """Code, prose and new cells are the source; only what belongs to a run is taken out of them."""
    notebook = worked_in(root, NAMES[0])
    notebook["cells"][0]["source"] = notebook["cells"][0]["source"].replace("about 3 minutes", "about 4 minutes")
    notebook["cells"].append(new_code_cell("1 + 1", outputs=[], execution_count=99, metadata={"tags": ["mine"]}))
    save(root, f"notebooks/{NAMES[0]}", notebook)
    saved = nbformat.read(root / "notebooks" / NAMES[0], as_version=4)
    assert "about 4 minutes" in saved.cells[0].source
    assert "Ann" not in saved.cells[0].source
    assert (saved.cells[-1].source, saved.cells[-1].execution_count) == ("1 + 1", None)
    assert saved.cells[-1].metadata.tags == ["mine"]


def test_a_tag_that_was_moved_on_purpose_stays_where_it_is(root):
    notebook = json.loads((root / "notebooks" / NAMES[0]).read_text(encoding="utf-8"))
    first, second = [c for c in notebook["cells"] if "book.apply" in "".join(c["source"])][:2]
    (tagged,) = [c for c in notebook["cells"] if "handoff" in c["metadata"].get("tags", ())]
    tagged["metadata"], second["metadata"] = {}, {"tags": ["handoff"]}
    save(root, f"notebooks/{NAMES[0]}", notebook)
    saved = nbformat.read(root / "notebooks" / NAMES[0], as_version=4)
    assert [c.id for c in saved.cells if "handoff" in c.metadata.get("tags", ())] == [second["id"]] != [first["id"]]


def test_other_files_are_saved_as_they_are(root):
    (root / "mine").mkdir()
    notebook = worked_in(root, NAMES[0])
    save(root, "mine/01_network.ipynb", notebook)
    assert "CHG7" in (root / "mine" / "01_network.ipynb").read_text(encoding="utf-8")
    save(root, "notebooks/new.ipynb", notebook)
    assert "CHG7" in (root / "notebooks" / "new.ipynb").read_text(encoding="utf-8"), "it has no source yet"


def test_the_evidence_gets_the_notes_that_were_saved(root):
    """The hidden copy holds no output; it counts until the source changes."""
    file = root / "notebooks" / NAMES[0]
    save(root, f"notebooks/{NAMES[0]}", worked_in(root, NAMES[0]))
    assert "Ann, 14:00, for CHG7" in read_as_written(file).cells[0].source
    (copy,) = (root / ".runbook" / "lab").iterdir()
    assert "vpc-0123" not in copy.read_text(encoding="utf-8")
    pulled = nbformat.read(file, as_version=4)
    pulled.cells.append(new_markdown_cell("New in git."))
    nbformat.write(pulled, file)
    read = read_as_written(file)
    assert read.cells[-1].source == "New in git."
    assert "Ann" not in read.cells[0].source


def test_make_lab_uses_the_hook():
    """The settings name it, and the Makefile starts JupyterLab with them."""
    settings = json.loads((REPOSITORY / "jupyter" / "jupyter_server_config.json").read_text(encoding="utf-8"))
    module, _, name = settings["ContentsManager"]["pre_save_hook"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is reset_before_save
    assert 'JUPYTER_CONFIG_PATH="$$PWD/jupyter" .venv-lab/bin/jupyter lab\n' in (REPOSITORY / "Makefile").read_text()
