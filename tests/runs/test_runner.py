"""Notebooks run headlessly: in order, as early as they may, and honest about what stopped them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import psutil
import pytest

import runbook_lib
from embedded_aws.testing import eventually
from runbook_lib.errors import RunbookError
from runbook_lib.evidence.notebooks.progress import read_progress
from runbook_lib.evidence.report import page as report_page
from runbook_lib.runs.runner import NOTEBOOKS, Job, run, select_notebooks
from tests.support.minimal_notebooks import note, notebook, touch, wait_for

DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
KILL_PAPERMILL = """
import os, pathlib, signal
pathlib.Path({executed!r}).write_text('{{"cells": [{{"cell_ty')
os.kill(os.getppid(), signal.SIGKILL)
"""


def job(folder, *only, mode="apply"):
    return Job(folder, folder, "run-1", {"env": "local", "mode": mode, "notes": "n1"}, only)


def kept(folder, name):
    """The cells of an executed notebook."""
    return nbformat.read(folder / "artifacts" / "local" / "run-1" / f"{name}.ipynb", as_version=4).cells


def errors(folder, name):
    return [o.ename for c in kept(folder, name) if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]


def ended(progress):
    return {p.notebook: p.state for p in progress}


def told(folder):
    """What the notebooks noted, in the order of time."""
    return (folder / "told").read_text().splitlines()


def events(folder):
    lines = (folder / "artifacts" / "local" / "run-1" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_layer_starts_at_the_hand_off_of_the_one_before(tmp_path):
    """The first waits for a sign of the second after its hand-off: run one after another, they would never end."""
    notebook(tmp_path, "01_network", make="1", handoff="2", wait=wait_for(tmp_path, "second"))
    notebook(tmp_path, "02_data", handoff=touch(tmp_path, "second"))
    assert ended(run(job(tmp_path, "01_network", "02_data"))) == {"01_network": "done", "02_data": "done"}


def test_the_journal_begins_with_what_was_asked(tmp_path):
    """Whoever finds the folder of a killed run sees what is missing in it."""
    notebook(tmp_path, "01_network", handoff="1")
    run(job(tmp_path, "01_network"))
    first = events(tmp_path)[0]
    asked = {name: first[name] for name in ("event", "run", "env", "mode", "notebooks")}
    assert asked == {"event": "run", "run": "run-1", "env": "local", "mode": "apply", "notebooks": ["01_network"]}


def test_data_and_compute_run_side_by_side(tmp_path):
    """Each waits for a sign of the other."""
    notebook(tmp_path, "01_network", handoff="1")
    for me, other in (("02_data", "03_compute"), ("03_compute", "02_data")):
        notebook(tmp_path, me, handoff=touch(tmp_path, me), wait=wait_for(tmp_path, other))
    assert set(ended(run(job(tmp_path, *NOTEBOOKS[:3]))).values()) == {"done"}


def test_what_stands_on_a_failure_is_not_run(tmp_path):
    """It says which cell, under which heading, and why; the executed notebook is kept, the sound layer goes on."""
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
    """What stands on it has begun already: it goes on, and the run failed all the same."""
    notebook(tmp_path, "01_network", handoff="1", verify="raise ValueError('differs')")
    notebook(tmp_path, "02_data", handoff=note(tmp_path, "02_data"))
    done = ended(run(job(tmp_path, "01_network", "02_data")))
    assert done == {"01_network": "failed", "02_data": "done"}
    assert told(tmp_path) == ["02_data"]


def test_a_hand_off_that_fails_starts_nothing(tmp_path):
    notebook(tmp_path, "01_network", handoff="raise ValueError('refused')")
    notebook(tmp_path, "02_data", handoff=note(tmp_path, "02_data"))
    done = ended(run(job(tmp_path, "01_network", "02_data")))
    assert done == {"01_network": "failed", "02_data": "not run"}
    assert not (tmp_path / "told").exists()


def test_a_kernel_that_dies_is_a_failure(tmp_path):
    """papermill alone would call every cell completed; what ran before is kept."""
    notebook(tmp_path, "01_network", good="1", dies=DIE, never="2", handoff="3")
    notebook(tmp_path, "02_data", handoff="1")
    progress = {p.notebook: p for p in run(job(tmp_path, "01_network", "02_data"))}
    assert ended(progress.values()) == {"01_network": "failed", "02_data": "not run"}
    assert progress["01_network"].section == "dies"
    assert "kernel" in progress["01_network"].why.lower() + progress["01_network"].error.lower()
    code = [cell for cell in kept(tmp_path, "01_network") if cell.cell_type == "code"]
    assert [bool(cell.outputs) for cell in code if cell.source in ("1", "2", "3")] == [True, False, False]


def test_papermill_killed_in_the_middle_of_a_write_is_a_failure_of_one(tmp_path):
    """Its notebook is spoilt, and so is its page; the layers beside it go on and have theirs."""
    executed = str(tmp_path / "artifacts" / "local" / "run-1" / "02_data.ipynb")
    notebook(tmp_path, "01_network", handoff="1")
    notebook(tmp_path, "02_data", killed=KILL_PAPERMILL.format(executed=executed), handoff="1")
    notebook(tmp_path, "03_compute", handoff=note(tmp_path, "03_compute"))
    progress = {p.notebook: p for p in run(job(tmp_path, *NOTEBOOKS[:3]))}
    assert ended(progress.values()) == {"01_network": "done", "02_data": "failed", "03_compute": "done"}
    assert progress["02_data"].why == "its process ended with -9"
    assert told(tmp_path) == ["03_compute"]
    assert {e["notebook"] for e in events(tmp_path) if e["event"] == "ended"} == set(NOTEBOOKS[:3])


def test_a_notebook_that_cannot_be_run_says_why(tmp_path):
    """For example because it is no notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_network.ipynb").write_text("no notebook")
    (failed,) = run(job(tmp_path, "01_network"))
    assert (failed.state, failed.cell, failed.error) == ("failed", 0, "the notebook could not be run")
    assert "JSON" in failed.why


def test_a_plan_needs_no_order(tmp_path):
    """It changes nothing: a layer whose ground fails is planned all the same."""
    notebook(tmp_path, "01_network", bad="1 / 0", handoff="1")
    notebook(tmp_path, "02_data", handoff="1")
    done = ended(run(job(tmp_path, "01_network", "02_data", mode="plan")))
    assert done == {"01_network": "failed", "02_data": "done"}


def test_a_destroy_goes_from_the_top(tmp_path):
    """The last first, and each to its end: a hand-off is for building only."""
    states = []

    def tell(progress):
        if (news := (progress.notebook, progress.state)) not in states:
            states.append(news)

    for name in NOTEBOOKS:
        notebook(tmp_path, name, handoff="1", prove="2")
    assert set(ended(run(job(tmp_path, *NOTEBOOKS, mode="destroy"), tell)).values()) == {"done"}
    assert states[:2] == [("04_deploy", "running"), ("04_deploy", "done")]
    assert states[-2:] == [("01_network", "running"), ("01_network", "done")]
    assert len(states) == 8


def test_a_destroy_stops_where_something_would_not_go(tmp_path):
    """What lies below carries it, and stays."""
    notebook(tmp_path, "02_data", handoff="raise ValueError('protected')")
    notebook(tmp_path, "01_network", handoff=note(tmp_path, "01_network"))
    done = ended(run(job(tmp_path, "01_network", "02_data", mode="destroy")))
    assert done == {"01_network": "not run", "02_data": "failed"}
    assert not (tmp_path / "told").exists()


def test_every_notebook_is_given_the_same(tmp_path):
    """The parameters, in papermill's own cell, and the run that they are part of."""
    for name in NOTEBOOKS[:2]:
        notebook(tmp_path, name, handoff="import os; os.environ['RUNBOOK_RUN'], mode, notes")
    run(job(tmp_path, *NOTEBOOKS[:2], mode="verify"))
    for name in NOTEBOOKS[:2]:
        assert kept(tmp_path, name)[-1].outputs[0].data["text/plain"] == "('run-1', 'verify', 'n1')"
    (given,) = [c.source for c in kept(tmp_path, "02_data") if "injected-parameters" in c.metadata.get("tags", [])]
    assert given.splitlines() == ["# Parameters", 'env = "local"', 'mode = "verify"', 'notes = "n1"']


def test_only_what_was_chosen_is_run_and_waits_for_nothing_else(tmp_path):
    """``--only 02_data`` when the network stands already."""
    notebook(tmp_path, "02_data", handoff=note(tmp_path, "02_data"))
    assert ended(run(job(tmp_path, "02_data"))) == {"02_data": "done"}
    assert told(tmp_path) == ["02_data"]


def test_a_long_cell_is_mentioned_again_and_again(tmp_path, monkeypatch):
    """Nobody has to guess whether it still lives."""
    monkeypatch.setattr("runbook_lib.runs.runner.HEARTBEAT_SECONDS", 0.05)
    notebook(tmp_path, "01_network", long=wait_for(tmp_path, "heard"), handoff="1")
    quiet = []

    def tell(progress):
        if progress.section == "long" and progress.quiet:
            quiet.append(progress.quiet)
            if len(quiet) == 3:
                (tmp_path / "heard").touch()

    assert ended(run(job(tmp_path, "01_network"), tell)) == {"01_network": "done"}
    assert quiet == sorted(quiet)
    assert len(quiet) >= 3


@pytest.mark.parametrize(
    ("only", "meant"),
    [([], NOTEBOOKS), (["02"], ("02_data",)), (["deploy", "01_network.ipynb"], ("01_network", "04_deploy"))],
)
def test_notebooks_can_be_named_in_short(only, meant):
    assert select_notebooks(only) == meant


def test_a_name_that_no_notebook_has_is_refused():
    with pytest.raises(RunbookError, match="Use one of: 01_network"):
        select_notebooks(["05_else"])


@pytest.mark.parametrize("signal", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_a_runner_that_ends_takes_its_notebooks_along(tmp_path, signal):
    """Nobody goes on changing an account after the run that holds the lock is gone; what ran is kept."""
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
    assert [o.data["text/plain"] for c in kept(tmp_path, "01_network") if c.source == "6 * 7" for o in c.outputs] == [
        "42"
    ]
    found = read_progress(events(tmp_path), "01_network")
    assert [cell.state for cell in found.cells][2:] == ["succeeded", "succeeded", "interrupted", "not run"]
    assert (found.outcome, found.closed) == ("interrupted", True)
    states = [c.metadata.runbook.state for c in kept(tmp_path, "01_network") if "runbook" in c.metadata]
    assert states == [cell.state for cell in found.cells]
