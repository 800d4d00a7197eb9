"""Notebooks run headlessly: in order, as early as they may, and honest about what stopped them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import runbook_lib
from runbook_lib.errors import RunbookError
from runbook_lib.runner import NOTEBOOKS, Job, chosen, run

PARAMETERS = 'env = "local"\nmode = "plan"\nconfirm = ""\nnotes = ""'
AWAIT = """
import pathlib, time
deadline = time.monotonic() + 60
while not pathlib.Path(notes, {name!r}).exists():
    assert time.monotonic() < deadline, "nobody came"
    time.sleep(0.05)
"""
TOUCH = "import pathlib; pathlib.Path(notes, {name!r}).touch()"
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


def notebook(folder, name, **cells):
    """A notebook of named sections with a line of code each; one called ``handoff`` is tagged so."""
    parts = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
    for section, code in cells.items():
        tags = ["handoff"] if section == "handoff" else []
        parts += [new_markdown_cell(f"## {section}\n\nWhy."), new_code_cell(code, metadata={"tags": tags})]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / "notebooks").mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=parts, metadata=kernel), folder / "notebooks" / f"{name}.ipynb")


def job(folder, *only, mode="apply"):
    return Job(folder, folder, "run-1", {"env": "local", "mode": mode, "notes": str(folder)}, only)


def ended(progress):
    return {p.notebook: p.state for p in progress}


def events(folder):
    lines = (folder / "artifacts" / "local" / "run-1" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_layer_starts_at_the_hand_off_of_the_one_before(tmp_path):
    """The first waits for a sign of the second after its hand-off: run one after another, they would never end."""
    notebook(tmp_path, "01_network", make="1", handoff="2", wait=AWAIT.format(name="second"))
    notebook(tmp_path, "02_data", handoff=TOUCH.format(name="second"))
    assert ended(run(job(tmp_path, "01_network", "02_data"))) == {"01_network": "done", "02_data": "done"}


def test_data_and_compute_run_side_by_side(tmp_path):
    """Each waits for a sign of the other."""
    notebook(tmp_path, "01_network", handoff="1")
    for me, other in (("02_data", "03_compute"), ("03_compute", "02_data")):
        notebook(tmp_path, me, handoff=TOUCH.format(name=me), wait=AWAIT.format(name=other))
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
    kept = nbformat.read(tmp_path / "artifacts" / "local" / "run-1" / "02_data.ipynb", as_version=4)
    errors = [o.ename for c in kept.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
    assert errors == ["ValueError"]
    assert (tmp_path / "artifacts" / "local" / "run-1" / "02_data.html").exists()
    assert {e["notebook"]: e["state"] for e in events(tmp_path) if e["event"] == "ended"}["02_data"] == "failed"


def test_a_kernel_that_dies_is_a_failure(tmp_path):
    """papermill alone would call every cell completed."""
    notebook(tmp_path, "01_network", good="1", dies=DIE, never="2", handoff="3")
    notebook(tmp_path, "02_data", handoff="1")
    progress = {p.notebook: p for p in run(job(tmp_path, "01_network", "02_data"))}
    assert ended(progress.values()) == {"01_network": "failed", "02_data": "not run"}
    assert progress["01_network"].section == "dies"
    assert progress["01_network"].why


def test_a_plan_needs_no_order(tmp_path):
    """It changes nothing: a layer whose ground fails is planned all the same."""
    notebook(tmp_path, "01_network", bad="1 / 0", handoff="1")
    notebook(tmp_path, "02_data", handoff="1")
    done = ended(run(job(tmp_path, "01_network", "02_data", mode="plan")))
    assert done == {"01_network": "failed", "02_data": "done"}


def test_a_destroy_goes_from_the_top(tmp_path):
    order = job(tmp_path, *NOTEBOOKS, mode="destroy")
    assert order.before("04_deploy") == ()
    assert set(order.before("02_data")) == set(order.before("03_compute")) == {"04_deploy"}
    assert set(order.before("01_network")) == {"02_data", "03_compute"}


@pytest.mark.parametrize(
    ("only", "meant"),
    [([], NOTEBOOKS), (["02"], ("02_data",)), (["deploy", "01_network.ipynb"], ("01_network", "04_deploy"))],
)
def test_notebooks_can_be_named_in_short(only, meant):
    assert chosen(only) == meant


def test_a_name_that_no_notebook_has_is_refused():
    with pytest.raises(RunbookError, match="Use one of: 01_network"):
        chosen(["05_else"])


def test_a_killed_runner_takes_its_notebooks_along(tmp_path):
    """Nobody goes on changing an account after the run that holds the lock is gone."""
    notebook(tmp_path, "01_network", sign=TOUCH.format(name="begun"), wait=AWAIT.format(name="never"), handoff="1")
    code = (
        f"from pathlib import Path; from runbook_lib.runner import Job, run; f = Path({str(tmp_path)!r});"
        f"run(Job(f, f, 'run-1', dict(env='local', mode='apply', notes={str(tmp_path)!r}), ('01_network',)))"
    )
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=Path(runbook_lib.__file__).parents[1])
    deadline = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = psutil.Process(runner.pid).children(recursive=True)
    assert len(children) >= 2
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
