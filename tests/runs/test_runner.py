"""Notebooks run headlessly in their order, as early as possible, and failures are reported."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest

import runbook_lib
from embedded_aws.testing import eventually
from runbook_lib.errors import RunbookError
from runbook_lib.evidence.notebooks.progress import read_progress
from runbook_lib.evidence.report import page as report_page
from runbook_lib.runs import runner
from runbook_lib.runs.headless import processes
from runbook_lib.runs.runner import NOTEBOOKS, Job, run, select_notebooks
from tests.support.minimal_notebooks import note, notebook, touch, wait_for

ROOT = Path(runbook_lib.__file__).parents[1]
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
KILL_PAPERMILL = """
import os, pathlib, signal
pathlib.Path({executed!r}).write_text('{{"cells": [{{"cell_ty')
os.kill(int(os.environ["RUNBOOK_ENGINE"]), signal.SIGKILL)
"""


def job(folder, *only, mode="apply"):
    return Job(folder, folder, "run-1", {"env": "local", "mode": mode, "notes": "n1"}, only)


def cells_of(folder, name):
    """The cells of an executed notebook."""
    return nbformat.read(folder / "artifacts" / "local" / "run-1" / f"{name}.ipynb", as_version=4).cells


def errors(folder, name):
    return [
        o.ename for c in cells_of(folder, name) if c.cell_type == "code" for o in c.outputs if o.output_type == "error"
    ]


def ended(progress):
    return {p.notebook: p.state for p in progress}


def notes(folder):
    """The lines that the notebooks wrote, in the order of time."""
    return (folder / "notes").read_text().splitlines()


def events(folder):
    lines = (folder / "artifacts" / "local" / "run-1" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_layer_starts_at_the_hand_off_of_the_one_before(tmp_path):
    """The first waits for the second after its hand-off: run one after the other, they would never end."""
    notebook(tmp_path, "01_network", make="1", handoff="2", wait=wait_for(tmp_path, "second"))
    notebook(tmp_path, "02_data", handoff=touch(tmp_path, "second"))
    assert ended(run(job(tmp_path, "01_network", "02_data"))) == {"01_network": "done", "02_data": "done"}


def test_the_journal_begins_with_the_parameters(tmp_path):
    """The folder of a killed run shows which notebooks are missing."""
    notebook(tmp_path, "01_network", handoff="1")
    run(job(tmp_path, "01_network"))
    first = events(tmp_path)[0]
    asked = {name: first[name] for name in ("event", "run", "env", "mode", "notebooks")}
    assert asked == {"event": "run", "run": "run-1", "env": "local", "mode": "apply", "notebooks": ["01_network"]}


def test_data_and_compute_run_in_parallel(tmp_path):
    """Each waits for the other."""
    notebook(tmp_path, "01_network", handoff="1")
    for me, other in (("02_data", "03_compute"), ("03_compute", "02_data")):
        notebook(tmp_path, me, handoff=touch(tmp_path, me), wait=wait_for(tmp_path, other))
    assert set(ended(run(job(tmp_path, *NOTEBOOKS[:3]))).values()) == {"done"}


def test_a_notebook_that_depends_on_a_failed_one_is_not_run(tmp_path):
    """The cell, its section and the error are reported; the executed notebook is kept; other notebooks continue."""
    notebook(tmp_path, "01_network", handoff="1")
    notebook(tmp_path, "02_data", good="1", bad="raise ValueError('no such thing')", never="2", handoff="3")
    notebook(tmp_path, "03_compute", handoff="1")
    notebook(tmp_path, "04_deploy", handoff="1")
    progress = {p.notebook: p for p in run(job(tmp_path, *NOTEBOOKS))}
    assert ended(progress.values()) == dict(zip(NOTEBOOKS, ("done", "failed", "done", "not run"), strict=True))
    failed = progress["02_data"]
    assert (failed.section, failed.error, failed.why) == ("bad", "ValueError", "no such thing")
    assert errors(tmp_path, "02_data") == ["ValueError"]
    assert (tmp_path / "artifacts" / "local" / "run-1" / "02_data.html").exists()
    states = {e["notebook"]: e["state"] for e in events(tmp_path) if e["event"] == "ended"}
    assert (states["02_data"], states["04_deploy"]) == ("failed", "not run")
    report = report_page.render_report(tmp_path / "artifacts" / "local" / "run-1")
    assert "02_data: failed, ValueError: no such thing." in report


def test_a_layer_that_fails_after_its_hand_off_stops_no_other(tmp_path):
    """The notebooks that depend on it have started and continue; the run has failed."""
    notebook(tmp_path, "01_network", handoff="1", verify="raise ValueError('differs')")
    notebook(tmp_path, "02_data", handoff=note(tmp_path, "02_data"))
    done = ended(run(job(tmp_path, "01_network", "02_data")))
    assert done == {"01_network": "failed", "02_data": "done"}
    assert notes(tmp_path) == ["02_data"]


def test_a_hand_off_that_fails_starts_nothing(tmp_path):
    notebook(tmp_path, "01_network", handoff="raise ValueError('refused')")
    notebook(tmp_path, "02_data", handoff=note(tmp_path, "02_data"))
    done = ended(run(job(tmp_path, "01_network", "02_data")))
    assert done == {"01_network": "failed", "02_data": "not run"}
    assert not (tmp_path / "told").exists()


@pytest.fixture
def untagged(tmp_path, monkeypatch):
    """The first notebook in JupyterLab's cell editor, which has taken the tag away; returns its path and its cells."""
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    shutil.copytree(ROOT / "params", tmp_path / "params")
    edited = nbformat.read(ROOT / "notebooks" / "01_network.ipynb", as_version=4)
    code = [cell for cell in edited.cells if cell.cell_type == "code"]
    del code[0].metadata["tags"]
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "01_network.ipynb"
    nbformat.write(edited, path)
    return path, edited


def test_a_notebook_without_its_tag_fails_before_it_acts(tmp_path, untagged):
    """papermill puts the parameters first, and the default mode comes after it: it would plan and succeed."""
    (progress,) = run(replace(job(tmp_path, "01_network"), parameters={"env": "local", "mode": "apply"}))
    assert (progress.state, progress.cell, progress.error) == ("failed", 3, "ParamsError")
    assert "mode was given as 'apply', and this run uses 'plan'." in progress.why
    assert "tag `parameters`" in progress.why


def test_a_tag_on_a_cell_below_is_no_better(tmp_path, untagged):
    path, edited = untagged
    edited.cells[-1].metadata["tags"] = ["parameters"]
    nbformat.write(edited, path)
    (progress,) = run(replace(job(tmp_path, "01_network"), parameters={"env": "local", "mode": "apply"}))
    assert (progress.state, progress.cell, progress.error) == ("failed", 2, "ParamsError")


@pytest.mark.exhaustive
def test_papermill_alone_is_refused_too(untagged):
    path, _ = untagged
    with pytest.raises(papermill.PapermillExecutionError, match=r"ParamsError: mode was given as 'apply'"):
        papermill.execute_notebook(path, None, {"mode": "apply"}, progress_bar=False)


def test_a_kernel_that_dies_is_a_failure(tmp_path):
    """papermill alone would mark every cell completed; the outputs before are kept."""
    notebook(tmp_path, "01_network", good="1", dies=DIE, never="2", handoff="3")
    notebook(tmp_path, "02_data", handoff="1")
    progress = {p.notebook: p for p in run(job(tmp_path, "01_network", "02_data"))}
    assert ended(progress.values()) == {"01_network": "failed", "02_data": "not run"}
    assert progress["01_network"].section == "dies"
    assert "kernel" in progress["01_network"].why.lower() + progress["01_network"].error.lower()
    code = [cell for cell in cells_of(tmp_path, "01_network") if cell.cell_type == "code"]
    assert [bool(cell.outputs) for cell in code if cell.source in ("1", "2", "3")] == [True, False, False]


def test_papermill_killed_in_the_middle_of_a_write_is_a_failure_of_one(tmp_path):
    """Its notebook and page are damaged; other notebooks continue and have theirs."""
    executed = str(tmp_path / "artifacts" / "local" / "run-1" / "02_data.ipynb")
    notebook(tmp_path, "01_network", handoff="1")
    notebook(tmp_path, "02_data", killed=KILL_PAPERMILL.format(executed=executed), handoff="1")
    notebook(tmp_path, "03_compute", handoff=note(tmp_path, "03_compute"))
    progress = {p.notebook: p for p in run(job(tmp_path, *NOTEBOOKS[:3]))}
    assert ended(progress.values()) == {"01_network": "done", "02_data": "failed", "03_compute": "done"}
    assert progress["02_data"].why == "its process ended with -9"
    assert notes(tmp_path) == ["03_compute"]
    assert {e["notebook"] for e in events(tmp_path) if e["event"] == "ended"} == set(NOTEBOOKS[:3])


def test_a_notebook_that_cannot_be_run_says_why(tmp_path):
    """For example because the file is not a notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_network.ipynb").write_text("no notebook")
    (failed,) = run(job(tmp_path, "01_network"))
    assert (failed.state, failed.cell, failed.error) == ("failed", 0, "the notebook could not be run")
    assert "JSON" in failed.why


def test_the_time_of_a_notebook_begins_when_it_is_started(tmp_path, monkeypatch):
    """It is not that of the notebooks which it had to wait for."""
    began = {}

    async def run_papermill(job, progress, on_event, shared):
        began[progress.notebook] = progress.since
        await asyncio.sleep(0.2)
        progress.state, progress.handed_off = "done", True

    monkeypatch.setattr(runner, "_run_papermill", run_papermill)
    run(Job(tmp_path, tmp_path, "run-1", {"env": "local", "mode": "destroy"}, NOTEBOOKS[2:]))
    assert began["03_compute"] - began["04_deploy"] >= 0.2


def test_a_plan_needs_no_order(tmp_path):
    """It changes nothing: a notebook is planned although one that it depends on fails."""
    notebook(tmp_path, "01_network", bad="1 / 0", handoff="1")
    notebook(tmp_path, "02_data", handoff="1")
    done = ended(run(job(tmp_path, "01_network", "02_data", mode="plan")))
    assert done == {"01_network": "failed", "02_data": "done"}


def test_a_destroy_runs_in_reverse_order(tmp_path):
    """The last notebook first, each to its end: hand-offs count only in an apply."""
    states = []

    def on_event(progress):
        if (news := (progress.notebook, progress.state)) not in states:
            states.append(news)

    for name in NOTEBOOKS:
        notebook(tmp_path, name, handoff="1", prove="2")
    assert set(ended(run(job(tmp_path, *NOTEBOOKS, mode="destroy"), on_event)).values()) == {"done"}
    assert states[:2] == [("04_deploy", "running"), ("04_deploy", "done")]
    assert states[-2:] == [("01_network", "running"), ("01_network", "done")]
    assert len(states) == 8


def test_a_destroy_stops_where_something_could_not_be_destroyed(tmp_path):
    """The notebooks it depends on are not run."""
    notebook(tmp_path, "02_data", handoff="raise ValueError('protected')")
    notebook(tmp_path, "01_network", handoff=note(tmp_path, "01_network"))
    done = ended(run(job(tmp_path, "01_network", "02_data", mode="destroy")))
    assert done == {"01_network": "not run", "02_data": "failed"}
    assert not (tmp_path / "told").exists()


def test_every_notebook_has_the_same_parameters(tmp_path):
    """In papermill's cell; and the id of the run in the environment."""
    for name in NOTEBOOKS[:2]:
        notebook(tmp_path, name, handoff="import os; os.environ['RUNBOOK_RUN'], mode, notes")
    run(job(tmp_path, *NOTEBOOKS[:2], mode="verify"))
    for name in NOTEBOOKS[:2]:
        assert cells_of(tmp_path, name)[-1].outputs[0].data["text/plain"] == "('run-1', 'verify', 'n1')"
    (given,) = [c.source for c in cells_of(tmp_path, "02_data") if "injected-parameters" in c.metadata.get("tags", [])]
    assert given.splitlines() == ["# Parameters", 'env = "local"', 'mode = "verify"', 'notes = "n1"']


def test_only_selected_notebooks_are_run_and_wait_for_no_other(tmp_path):
    """``--only 02_data`` when the network exists already."""
    notebook(tmp_path, "02_data", handoff=note(tmp_path, "02_data"))
    assert ended(run(job(tmp_path, "02_data"))) == {"02_data": "done"}
    assert notes(tmp_path) == ["02_data"]


def test_a_long_cell_is_reported_again(tmp_path, monkeypatch):
    monkeypatch.setattr("runbook_lib.runs.runner.HEARTBEAT_SECONDS", 0.05)
    notebook(tmp_path, "01_network", long=wait_for(tmp_path, "heard"), handoff="1")
    quiet = []

    def on_event(progress):
        if progress.section == "long" and progress.quiet:
            quiet.append(progress.quiet)
            if len(quiet) == 3:
                (tmp_path / "heard").touch()

    assert ended(run(job(tmp_path, "01_network"), on_event)) == {"01_network": "done"}
    assert quiet[:3] == sorted(quiet[:3])
    assert len(quiet) >= 3


def test_the_processes_of_a_run_share_what_they_import(tmp_path):
    """A plan would spend half of its time on it otherwise: where it can, the kernel is forked from one that has."""
    notebook(tmp_path, "01_network", handoff="import sys; {'pandas', 'boto3', 'papermill'} <= set(sys.modules)")
    run(job(tmp_path, "01_network"))
    assert cells_of(tmp_path, "01_network")[-1].outputs[0].data["text/plain"] == str(processes.FORKS)


WAITS = """
from pathlib import Path
import time
from runbook_lib.runs.kernel.report import Report
class Gateway: key, usual_wait = "nat_gateway.a", "2 min"
report = Report("apply").live()
seconds = 1.0
while not Path({heard!r}).exists():
    report.on_progress(Gateway(), "pending", seconds)
    time.sleep(0.05)
    seconds += 1
"""


def test_what_a_cell_waits_for_is_reported_while_it_waits(tmp_path):
    """With its state in AWS and the time, so that a silent minute is no riddle."""
    heard = tmp_path / "heard"
    notebook(tmp_path, "01_network", long=WAITS.format(heard=str(heard)), handoff="1")
    waiting = []

    def on_event(progress):
        if progress.waiting:
            waiting.append((progress.section, progress.waiting))
            heard.touch()

    assert ended(run(job(tmp_path, "01_network"), on_event)) == {"01_network": "done"}
    assert waiting[0] == ("long", "nat_gateway.a pending 1.0 s, usually 2 min")


@pytest.mark.parametrize(
    ("only", "meant"),
    [([], NOTEBOOKS), (["02"], ("02_data",)), (["deploy", "01_network.ipynb"], ("01_network", "04_deploy"))],
)
def test_notebooks_have_short_names(only, meant):
    assert select_notebooks(only) == meant


def test_an_unknown_notebook_is_rejected():
    with pytest.raises(RunbookError, match="Use one of: 01_network"):
        select_notebooks(["05_else"])


@pytest.mark.parametrize(
    "signal",
    [signal.SIGKILL, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in (signal.SIGINT, signal.SIGTERM))],
    ids=lambda s: s.name,
)
def test_notebooks_end_with_their_runner(tmp_path, signal):
    """None changes the account after the runner that holds the lock; the executed cells are kept."""
    cells = {"more": "1", "wait": f"{touch(tmp_path, 'begun')}\n{wait_for(tmp_path, 'never')}"}
    notebook(tmp_path, "01_network", good="6 * 7", **cells, handoff="1")
    code = (
        f"from pathlib import Path; from runbook_lib.runs.runner import Job, run; f = Path({str(tmp_path)!r});"
        "run(Job(f, f, 'run-1', dict(env='local', mode='apply'), ('01_network',)))"
    )
    root = Path(runbook_lib.__file__).parents[1]
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.DEVNULL)
    eventually((tmp_path / "begun").exists, within=60)
    children = psutil.Process(runner.pid).children(recursive=True)
    assert len(children) >= 2
    os.kill(runner.pid, signal)
    assert runner.wait(timeout=30) == -signal
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    assert [
        o.data["text/plain"] for c in cells_of(tmp_path, "01_network") if c.source == "6 * 7" for o in c.outputs
    ] == ["42"]
    found = read_progress(events(tmp_path), "01_network")
    assert [cell.state for cell in found.cells][2:] == ["succeeded", "succeeded", "interrupted", "not run"]
    assert (found.outcome, found.closed) == ("interrupted", True)
    states = [c.metadata.runbook.state for c in cells_of(tmp_path, "01_network") if "runbook" in c.metadata]
    assert states == [cell.state for cell in found.cells]
