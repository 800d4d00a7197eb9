"""A file of the evidence is complete, or it is not written."""

from __future__ import annotations

import errno
import os

import nbformat
import papermill
import pytest
from papermill.engines import papermill_engines

from runbook_lib.evidence.files import write_json
from runbook_lib.evidence.notebooks.metadata import mark_interrupted
from runbook_lib.journal.journal import Journal, is_intact
from runbook_lib.journal.reader import events_of
from runbook_lib.runs.headless.engine import RunbookEngine
from tests.support.minimal_notebooks import notebook

SECRET = list("rd-4711-xyz-0815")


@pytest.fixture
def full(monkeypatch):
    """A disk that is full when the data are written."""

    def no_space(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)


def test_a_full_disk_leaves_what_was_there(tmp_path, full):
    path = tmp_path / "plan.json"
    path.write_text("before")
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"a": 1})
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("plan.json", "before")]


def test_an_incomplete_line_of_the_journal_is_removed(tmp_path, monkeypatch):
    """The chain continues when there is space again."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            journal.write("lost")
    journal.write("two")
    assert [event["event"] for event in events_of(journal.path)] == ["one", "two"]
    assert is_intact(journal.path)


def test_a_secret_of_the_kernel_is_redacted_by_the_process_that_writes_its_notebook(tmp_path):
    """The kernel prints it in two parts and is killed; another process writes the outputs."""
    papermill_engines.register("runbook", RunbookEngine)
    opening = (
        "from pathlib import Path\nfrom runbook_lib.evidence.folder import RunFolder\n"
        "from runbook_lib.runs.kernel.recorder import Recorder\nfrom runbook_lib.evidence.files import REDACTOR\n"
        f"folder = RunFolder(Path({str(tmp_path)!r}), 'run-1', '01_network')\n"
        "recorder = Recorder.start(folder, folder.journal())"
    )
    shown = (
        f"import os, sys, time\nsecret = ''.join({SECRET!r})\nREDACTOR.add_secret(secret)\n"
        "for part in (secret[:7], secret[7:]):\n    print(part, end='', flush=True)\n    time.sleep(0.3)\n"
        "os.kill(os.getpid(), 9)"
    )
    notebook(tmp_path, "01_network", open=opening, shown=shown, never="1")
    target = tmp_path / "OUT.ipynb"
    with pytest.raises(Exception, match="Kernel died"):
        papermill.execute_notebook(
            tmp_path / "notebooks" / "01_network.ipynb", target, engine_name="runbook", progress_bar=False
        )
    for path in (target, tmp_path / "run-1" / "01_network.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        (shown,) = [cell for cell in cells if "REDACTOR.add_secret" in cell.source]
        assert "".join(output.text for output in shown.outputs) == "[redacted]"
        assert shown.metadata.runbook.state == "failed"


def test_a_notebook_whose_process_was_killed_is_marked_once(tmp_path):
    papermill_engines.register("runbook", RunbookEngine)
    notebook(tmp_path, "01_network", a="1")
    target = tmp_path / "run" / "01_network.ipynb"
    papermill.execute_notebook(
        tmp_path / "notebooks" / "01_network.ipynb", None, engine_name="runbook", progress_bar=False, target=target
    )
    killed = nbformat.read(target, as_version=4)
    killed.metadata.runbook.outcome = killed.cells[-1].metadata.runbook.state = "running"
    nbformat.write(killed, target)
    for _ in range(2):
        mark_interrupted(target, "its process ended with -9")
    marked = nbformat.read(target, as_version=4)
    assert marked.metadata.runbook.outcome == "interrupted"
    assert marked.cells[-1].metadata.runbook.error == "its process ended with -9"
    assert [event["event"] for event in events_of(target.parent / "journal.jsonl")] == ["cells"]
