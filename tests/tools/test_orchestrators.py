"""What an orchestrator wanted to pass and could not is told before anything happens, and never a default."""

import json
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

from tests.support.tool_table import shows
from tests.tools.conftest import REPOSITORY

NETWORK = REPOSITORY / "notebooks" / "01_network.ipynb"
# What dagstermill 0.27 puts in the place of the parameters cell, for an op with the input `mode`.
DAGSTERMILL = """
# Injected parameters
import json as __dm_json
context = __dm_json.loads('{"run_id": "1"}')
mode = __dm_json.loads('"apply"')
"""
# What snakemake puts before the first cell: an object with the rule's parameters.
SNAKEMAKE = """
######## snakemake preamble start (automatically inserted, do not edit) ########
class Params(list):
    def items(self): return {"mode": "apply"}.items()
class Snakemake: params = Params(["apply"])
snakemake = Snakemake()
######## snakemake preamble end #########
"""
PLOOMBER = '# Parameters\nmode = "apply"\nupstream = {"before": "a.csv"}\nproduct = "out.ipynb"\n'


def run(change):
    """Execute the notebook's first cells as nbconvert does, after a tool has changed them; returns the error."""
    notebook = nbformat.read(NETWORK, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    change(notebook.cells)
    with pytest.raises(CellExecutionError) as raised:
        NotebookClient(notebook, kernel_name="python3").execute()
    return str(raised.value)


@shows("Dagster", "a dagstermill asset or op, which replaces the parameters cell", "refused, with the way to do it")
def test_dagstermill(root):
    def replace(cells):
        cells[0] = new_code_cell(DAGSTERMILL, metadata={"tags": ["injected-parameters"]})

    error = run(replace)
    assert "env, approved, confirm, change, asked_by: not given" in error
    assert "dagstermill" in error
    assert "papermill --engine runbook" in error
    assert not (root / "artifacts").exists()


@shows("snakemake", "`notebook:` with `params: mode=…`", "refused where it differs from the notebook's own")
def test_snakemake(root):
    error = run(lambda cells: cells.insert(0, new_code_cell(SNAKEMAKE)))
    assert "mode was given as 'apply', and this run uses 'plan'." in error
    assert "papermill --engine runbook" in error
    assert not (root / "artifacts").exists()


@shows("ploomber", "a notebook task, with `upstream` and `product`", "refused, with the way to do it")
def test_ploomber(root):
    error = run(lambda cells: cells.insert(1, new_code_cell(PLOOMBER)))
    assert "product and upstream: ploomber's, and not of this notebook." in error
    assert "papermill --engine runbook" in error
    assert not (root / "artifacts").exists()


@shows("voila", "`?mode=…` in the address", "refused where it differs from the notebook's own")
def test_voila(root, monkeypatch):
    """https://voila.readthedocs.io/en/stable/customize.html"""
    monkeypatch.setenv("QUERY_STRING", "mode=apply&theme=dark")
    assert "mode was given as 'apply', and this run uses 'plan'." in run(lambda cells: None)
    assert not (root / "artifacts").exists()


@shows("any Jupyter", "a kernel without the library", "one line that names the kernel to choose")
def test_a_kernel_without_the_library(tmp_path):
    """As IPython alone shows the error of the opening cell."""
    notebook = nbformat.read(NETWORK, as_version=4)
    opening = [cell.source for cell in notebook.cells if cell.cell_type == "code"][1]
    program = (
        "import sys; sys.modules['runbook_lib'] = None\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        f"InteractiveShell.instance().run_cell({opening!r})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", ended.stdout)
    line = "SystemExit: No runbook_lib in this kernel: choose .venv-lab's (make lab) or .venv's (make setup)"
    assert line in shown.splitlines()
    assert "Traceback" not in shown + ended.stderr
    assert json.loads(NETWORK.read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"] == "python3"
