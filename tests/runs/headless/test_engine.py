"""However a run ends, its files record the true state of every cell and of the run."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellTimeoutError
from papermill.engines import papermill_engines

import runbook_lib
from runbook_lib.evidence.notebooks.cells import Outcome
from runbook_lib.evidence.notebooks.progress import read_progress
from runbook_lib.journal.journal import is_intact
from runbook_lib.journal.reader import events_of
from runbook_lib.runs.headless import entry_point as papermill_engine
from runbook_lib.runs.headless.engine import IncompleteNotebook, NotebookExecution, RunbookEngine
from runbook_lib.runs.runner import Job, run
from tests.support.minimal_notebooks import notebook

ROOT = Path(runbook_lib.__file__).parents[1]
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
REFUSED = """
from pathlib import Path
from runbook_lib.aws.client import Aws
from runbook_lib.aws.connection import Connection
from runbook_lib.evidence.folder import RunFolder
journal = RunFolder(Path({environment!r}), "run-1", "01_network").journal()
aws = Aws(env="local", region="us-west-2", connection=Connection({there!r}, "a", "b"), on_call=journal.write)
aws.ec2.create_vpc(CidrBlock="10.0.0.0/8")
"""
FULL = """
import resource, sys
from pathlib import Path
import papermill
from papermill.engines import papermill_engines
from runbook_lib.runs.headless.engine import RunbookEngine
papermill_engines.register("runbook", RunbookEngine)
resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, 90_000))
source, target = map(Path, sys.argv[1:])
papermill.execute_notebook(source, None, engine_name="runbook", progress_bar=False, target=target)
"""


@pytest.fixture
def folder(tmp_path):
    """The evidence folder of a run of one notebook."""
    return tmp_path / "artifacts" / "local" / "run-1"


def cells(folder):
    """The states of the last three cells, by the notebook."""
    notebook = nbformat.read(folder / "01_network.ipynb", as_version=4)
    states = [cell.metadata.runbook.state for cell in notebook.cells if "runbook" in cell.metadata]
    papermills = [c.metadata.papermill.status for c in notebook.cells if "runbook" in c.metadata]
    assert [p == "completed" for p in papermills] == [state == "succeeded" for state in states]
    return states[-3:], notebook


def read_recorded(folder):
    """The progress by the journal, whose chain must be intact."""
    assert is_intact(folder / "journal.jsonl")
    return read_progress(events_of(folder / "journal.jsonl"), "01_network")


def run_cells(tmp_path, middle):
    """Run three cells with this code in the middle one."""
    notebook(tmp_path, "01_network", before="6 * 7", middle=middle, after="'never'")
    job = Job(tmp_path, tmp_path, "run-1", {"env": "local", "mode": "apply", "notes": "n1"}, ("01_network",))
    (progress,) = run(job)
    return progress


@pytest.mark.parametrize(
    ("middle", "outcome", "states", "error"),
    [
        ("1", Outcome.SUCCEEDED, ["succeeded", "succeeded", "succeeded"], ""),
        ("raise ValueError('no')", Outcome.FAILED, ["succeeded", "failed", "not run"], "ValueError: no"),
        (DIE, Outcome.FAILED, ["succeeded", "failed", "not run"], "DeadKernelError: the kernel died in this cell"),
        ("raise SystemExit(0)", Outcome.INTERRUPTED, ["succeeded", "interrupted", "not run"], "SystemExit: 0"),
        ("exit()", Outcome.INTERRUPTED, ["succeeded", "interrupted", "not run"], "SystemExit: it left the kernel"),
        ("quit", Outcome.INTERRUPTED, ["succeeded", "interrupted", "not run"], "SystemExit: it left the kernel"),
    ],
    ids=["success", "failing cell", "killed kernel", "sys.exit(0)", "exit()", "quit"],
)
def test_the_state_of_every_cell_is_recorded(tmp_path, folder, middle, outcome, states, error):
    """A run succeeds only when every cell has run; cells that never ran have no times."""
    progress = run_cells(tmp_path, middle)
    assert (progress.state == "done") == (outcome is Outcome.SUCCEEDED)
    actual, executed = cells(folder)
    assert actual == states
    assert executed.metadata.runbook.outcome == outcome
    recorded = read_recorded(folder)
    assert (recorded.outcome, recorded.closed, recorded.success) == (outcome, True, outcome is Outcome.SUCCEEDED)
    assert [cell.state for cell in recorded.cells][-3:] == states
    assert recorded.cells[-2].error == error
    assert all(bool(cell.began and cell.ended) == (cell.state != "not run") for cell in recorded.cells)
    assert executed.metadata.papermill.parameters == {"env": "local", "mode": "apply", "notes": "n1"}


@pytest.mark.parametrize(
    ("tag", "outcome", "states", "error"),
    [
        (
            "skip-execution",
            Outcome.INCOMPLETE,
            ["succeeded", "not run", "succeeded"],
            "NotRun: one of its tags skips it",
        ),
        (
            "raises-exception",
            Outcome.FAILED,
            ["succeeded", "failed", "succeeded"],
            "ZeroDivisionError: division by zero",
        ),
    ],
)
def test_no_tag_turns_a_failure_into_a_success(tmp_path, folder, tag, outcome, states, error):
    """nbclient skips a cell or ignores its failure when a tag says so; the run has still failed."""
    notebook(tmp_path, "01_network", before="6 * 7", middle="1 / 0", after="'on'")
    path = tmp_path / "notebooks" / "01_network.ipynb"
    edited = nbformat.read(path, as_version=4)
    next(cell for cell in edited.cells if cell.source == "1 / 0").metadata["tags"] = [tag]
    nbformat.write(edited, path)
    job = Job(tmp_path, tmp_path, "run-1", {"env": "local", "mode": "apply", "notes": "n1"}, ("01_network",))
    (progress,) = run(job)
    assert (progress.state, progress.error) == ("failed", error.partition(":")[0])
    actual, executed = cells(folder)
    assert actual == states
    assert executed.metadata.runbook.outcome == outcome
    recorded = read_recorded(folder)
    assert (recorded.outcome, recorded.success) == (outcome, False)
    assert recorded.cells[-2].error == error


def test_a_request_that_aws_rejects_is_a_failure_with_the_message_of_aws(tmp_path, folder, aws):
    middle = REFUSED.format(environment=str(folder.parent), there=aws.connection.endpoint_url)
    progress = run_cells(tmp_path, middle)
    assert (progress.state, progress.error) == ("failed", "RequestRejected")
    assert cells(folder)[0] == ["succeeded", "failed", "not run"]
    (call,) = [e for e in events_of(folder / "journal.jsonl") if e["event"] == "call"]
    assert (call["operation"], call["status"]) == ("CreateVpc", 400)
    assert call["error"] in read_recorded(folder).cells[-2].error


@pytest.fixture
def engine():
    papermill_engines.register("runbook", RunbookEngine)


def test_a_cell_that_timed_out_is_interrupted(tmp_path, folder, engine):
    """With ``papermill --engine runbook --execution-timeout 1``."""
    notebook(tmp_path, "01_network", before="6 * 7", middle="import time; time.sleep(60)", after="'never'")
    folder.mkdir(parents=True)
    source, target = tmp_path / "notebooks" / "01_network.ipynb", folder / "01_network.ipynb"
    with pytest.raises(CellTimeoutError):
        papermill.execute_notebook(source, target, engine_name="runbook", progress_bar=False, execution_timeout=1)
    actual, executed = cells(folder)
    assert actual == ["succeeded", "interrupted", "not run"]
    assert executed.metadata.runbook.outcome == "interrupted"
    assert [
        output.data["text/plain"] for cell in executed.cells if cell.source == "6 * 7" for output in cell.outputs
    ] == ["42"]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Cell execution timed out", "within the time limit"),
        ("Timeout waiting for IOPub output", "it ended, and its outputs"),
    ],
)
def test_outputs_that_could_not_be_read_are_no_cell_that_took_too_long(message, told):
    cell = nbformat.v4.new_code_cell("flood()")
    execution = NotebookExecution(nbformat.v4.new_notebook(cells=[cell]), None, lambda *a: None, progress_bar=False)
    with pytest.raises(CellTimeoutError), execution.running(cell, 0):
        raise CellTimeoutError.error_from_timeout_and_cell(message, 4, cell)
    assert told in execution.cells.at(0).error


def test_a_notebook_that_ends_early_fails_under_papermill_alone(tmp_path, engine):
    """papermill's own engine would report success."""
    notebook(tmp_path, "01_network", leave="import sys; sys.exit(0)", never="1")
    with pytest.raises(IncompleteNotebook, match="Cell 2 ended the notebook early"):
        papermill.execute_notebook(
            tmp_path / "notebooks" / "01_network.ipynb", None, engine_name="runbook", progress_bar=False
        )


def test_papermill_finds_the_engine_by_its_name():
    made = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    module, _, name = made["papermill.engine"]["runbook"].partition(":")
    engine = getattr(importlib.import_module(module), name)
    assert engine.nb_language(nbformat.v4.new_notebook(), "python") == "python"
    assert papermill_engine._engine() is RunbookEngine


def test_a_full_disk_keeps_the_last_state(tmp_path, folder):
    """The notebook file stays complete, a cell that cannot be recorded is not run, and the run fails."""
    notebook(tmp_path, "01_network", before="6 * 7", middle="print('x' * 100_000)", after=DIE)
    folder.mkdir(parents=True)
    source, target = tmp_path / "notebooks" / "01_network.ipynb", folder / "01_network.ipynb"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RUNBOOK_RUN": "run-1", "IPYTHONDIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(source), str(target)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "File too large" in ended.stderr
    actual, executed = cells(folder)
    assert actual == ["succeeded", "running", "pending"]
    assert executed.metadata.runbook.outcome == "running"
    recorded = read_recorded(folder)
    assert [cell.state for cell in recorded.cells][-3:] == ["succeeded", "succeeded", "not run"]
    assert (recorded.outcome, recorded.success) == (Outcome.FAILED, False)
    assert "File too large" in recorded.why
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == [], "no partial file is left"


def test_it_is_written_once_per_cell(tmp_path, engine, monkeypatch):
    """papermill alone writes a notebook twice per cell and three times more."""
    written = []
    monkeypatch.setattr(
        "runbook_lib.runs.headless.engine.write_notebook", lambda path, nb: written.append(json.dumps(nb))
    )
    notebook(tmp_path, "01_network", a="1", b="2", c="3")
    source = tmp_path / "notebooks" / "01_network.ipynb"
    papermill.execute_notebook(source, None, engine_name="runbook", progress_bar=False, target=tmp_path / "out.ipynb")
    assert len(written) == 4 + 1
