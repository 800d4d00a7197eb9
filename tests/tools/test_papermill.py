"""Every flag of papermill does with the notebooks what papermill's documentation says."""

import nbformat
import papermill.cli
import pytest
from click.testing import CliRunner
from papermill.engines import papermill_engines

from runbook_lib.runs.headless.engine import RunbookEngine
from tests.support.tool_table import shows
from tests.tools.conftest import REPOSITORY

NETWORK = REPOSITORY / "notebooks" / "01_network.ipynb"


@pytest.fixture(autouse=True)
def engine():
    papermill_engines.register("runbook", RunbookEngine)


def papermill_cli(*words, source=NETWORK, out="OUT.ipynb"):
    """Run papermill as at a shell, with a plan of the network unless the words say otherwise."""
    return CliRunner().invoke(papermill.cli.papermill, [str(source), str(out), *words])


@shows("papermill", "`--prepare-only`", "the notebook with its parameters, not executed; no run, no evidence")
def test_prepare_only(root):
    result = papermill_cli("--engine", "runbook", "--prepare-only", "-p", "mode", "plan")
    assert result.exit_code == 0, result.output
    notebook = nbformat.read("OUT.ipynb", as_version=4)
    assert [cell.source for cell in notebook.cells if "injected-parameters" in cell.metadata.tags] == [
        '# Parameters\nmode = "plan"\n'
    ]
    assert not (root / "artifacts").exists()
