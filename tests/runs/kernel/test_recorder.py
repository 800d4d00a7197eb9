"""An interactive run leaves the same evidence as a headless one; a run that was not closed is reported."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from runbook_lib.evidence.notebooks.progress import is_running, read_progress, unfinished_runs
from runbook_lib.evidence.report.page import render_report
from runbook_lib.evidence.report.run_record import read_run
from runbook_lib.journal.journal import is_intact
from runbook_lib.journal.reader import events_of, read_events
from runbook_lib.runs.kernel import output_capture
from tests.support.kernels import OPEN, kernel

SECRET = list('p"s&<w>rd-4711-xyz')
"""In pieces, so that it is in no source."""
CELLS = {
    "parameters": "mode = 'plan'",
    "open": "",
    "count": "print('one'); 6 * 7",
    "secret": f"from runbook_lib.evidence.files import REDACTOR\nREDACTOR.add_secret(''.join({SECRET!r}))",
    "shown": f"import json\nprint(json.dumps(''.join({SECRET!r}))); raise ValueError(''.join({SECRET!r}))",
    "skipped": "print('never run')",
    "close": "recorder.close(); 'over'",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return tmp_path_factory.mktemp("artifacts") / "local"


@pytest.fixture(scope="module")
def folder(environment, tmp_path_factory):
    """The evidence of a notebook in JupyterLab: most cells are run, one twice, and one that is not in the file."""
    file = tmp_path_factory.mktemp("lab") / "01_network.ipynb"
    cells = {**CELLS, "open": OPEN.format(environment=str(environment), run="run-1")}
    parts = [new_markdown_cell("## Count", id="prose")]
    parts += [new_code_cell(code, id=name, outputs=[]) for name, code in cells.items()]
    nbformat.write(new_notebook(cells=parts), file)
    with kernel(file) as client:
        for name, code in cells.items():
            if name == "count":
                client.run("count = 1 / 0", "count")  # corrected since
            if name == "close":
                client.run("import os; os.getpid() > 0", "scratch")
            if name != "skipped":
                client.run(code, name)
    return environment / "run-1"


@pytest.fixture(scope="module")
def executed(folder):
    return nbformat.read(folder / "01_network.ipynb", as_version=4).cells


def of(executed, name):
    return next(cell for cell in executed if cell.id == name)


def test_the_executed_notebook_is_kept_with_its_prose_and_its_page(folder, executed):
    assert [cell.id for cell in executed][:8] == ["prose", *CELLS]
    assert (folder / "01_network.html").exists()
    printed, result = of(executed, "count").outputs
    assert (printed.text, result.data["text/plain"]) == ("one\n", "42")
    assert of(executed, "close").outputs[0].data["text/plain"] == "'over'"


def test_code_that_is_not_in_the_file_comes_last(executed):
    assert executed[-1].source == "import os; os.getpid() > 0"
    assert executed[-1].metadata.runbook.state == "succeeded"


def test_the_last_run_of_a_cell_counts_and_cells_not_run_are_recorded(folder, executed):
    states = {cell.id: cell.metadata.runbook.state for cell in executed if cell.cell_type == "code"}
    expected = dict.fromkeys(CELLS, "succeeded") | {"shown": "failed", "skipped": "not run"}
    assert {name: states[name] for name in CELLS} == expected
    progress = read_progress(events_of(folder / "journal.jsonl"), "01_network")
    assert (progress.closed, progress.outcome, progress.success) == (True, "failed", False)
    assert is_intact(folder / "journal.jsonl")


def test_a_failure_that_was_corrected_stays_in_the_journal(folder):
    lines = [e for e in events_of(folder / "journal.jsonl") if e["event"] == "cell" and e["cell"] == "count"]
    assert [line["state"] for line in lines] == ["running", "failed", "running", "succeeded"]
    assert lines[1]["error"] == "ZeroDivisionError: division by zero"


def test_a_known_secret_is_in_no_file(folder, executed):
    """Neither in plain nor as it was printed; the redactions are counted."""
    for path in folder.rglob("*"):
        if path.is_file():
            assert "rd-4711-xyz" not in path.read_text(encoding="utf-8"), path.name
    printed, error = of(executed, "shown").outputs
    assert printed.text == '"[redacted]"\n'
    assert (error.ename, error.evalue) == ("ValueError", "[redacted]")
    (verdict,) = [e for e in events_of(folder / "journal.jsonl") if e["event"] == "cells"]
    assert {one["kind"]: one["count"] for one in verdict["redactions"]}["known"] >= 2


def test_a_run_that_was_never_closed_is_reported(environment):
    """Its kernel was killed; without the file, the cells that were not run are unknown."""
    with kernel() as client:
        client.run("mode = 'plan'")
        client.run(OPEN.format(environment=str(environment), run="run-2"))
        client.run("6 * 7")
        journal = environment / "run-2" / "journal.jsonl"
        progress = read_progress(events_of(journal), "01_network")
        assert (progress.alive, progress.closed, progress.outcome) == (True, False, "running")
        assert "run-2" not in dict(unfinished_runs(environment, current="run-3"))
    progress = read_progress(events_of(journal), "01_network")
    assert [cell.state for cell in progress.cells] == ["succeeded"] * 3
    assert (progress.alive, progress.closed, progress.outcome, progress.success) == (False, False, "incomplete", False)
    (run, progress), *_ = unfinished_runs(environment, current="run-3")
    assert run == "run-2"
    assert "never closed, last event at" in str(progress)


def test_a_run_ends_when_another_is_opened_in_its_kernel(environment):
    with kernel() as client:
        client.run(OPEN.format(environment=str(environment), run="run-4"))
        client.run(OPEN.format(environment=str(environment), run="run-5"))
        client.run("recorder.close()")
        reply = client.run("from runbook_lib.runs.kernel.prompts import prompt\nprompt('Remove it?', 'local')")
    assert (reply["ename"], "nobody is here to answer" in reply["evalue"]) == ("Unconfirmed", True), (
        "and does not wait for an answer"
    )
    journals = [environment / run / "journal.jsonl" for run in ("run-4", "run-5")]
    first, second = (read_progress(events_of(journal), "01_network") for journal in journals)
    assert (first.closed, first.success, second.success) == (True, False, True)
    assert first.why == "another run was opened in its kernel"
    kept = json.loads((environment / "run-5" / "01_network.ipynb").read_text(encoding="utf-8"))
    assert "".join(kept["cells"][-1]["source"]) == "recorder.close()"


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory):
    """Plan, then an apply that is interrupted, then Run All once more: all in one kernel."""
    environment = tmp_path_factory.mktemp("three") / "local"
    file = environment.parent / "01_network.ipynb"
    cells = {"parameters": "mode = 'plan'", "open": "", "work": "work = 1", "close": "recorder.close()"}
    parts = [new_code_cell(code, id=name, outputs=[]) for name, code in cells.items()]
    parts[0].metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=parts), file)
    with kernel(file) as client:
        for run, mode in (("run-1", "plan"), ("run-2", "apply"), ("run-3", "apply")):
            client.run("import os", "scratch")
            client.run(f"mode = {mode!r}", "parameters")
            client.run(OPEN.format(environment=str(environment), run=run), "open")
            client.run("raise KeyboardInterrupt" if run != "run-1" else cells["work"], "work")
            if run == "run-3":
                client.run(cells["work"], "work")
            if run != "run-2":
                client.run(cells["close"], "close")
        yield environment, list(unfinished_runs(environment, current="run-3"))


def test_a_run_has_its_own_cells_only(three_runs):
    """Those since it was opened, and the parameters cell: also when its kernel has run others before and after."""
    environment, _ = three_runs
    for run, mode, states in (
        ("run-1", "plan", ["succeeded"] * 4),
        ("run-2", "apply", ["succeeded", "succeeded", "interrupted", "not run"]),
        ("run-3", "apply", ["succeeded"] * 4),
    ):
        progress = read_progress(events_of(environment / run / "journal.jsonl"), "01_network")
        kept = nbformat.read(environment / run / "01_network.ipynb", as_version=4).cells
        assert [cell.state for cell in progress.cells][:4] == states, run
        assert [cell.id for cell in kept][:4] == ["parameters", "open", "work", "close"]
        assert kept[0].source == f"mode = {mode!r}", run
        assert [cell.source for cell in kept[4:]] == (["import os"] if run == "run-2" else []), run


def test_a_run_that_was_replaced_by_run_all_is_named_and_can_be_closed(three_runs):
    """Its kernel goes on, and the next run has ended, too."""
    environment, ((run, progress),) = three_runs[0], three_runs[1][:1]
    assert run == "run-2"
    assert "1 interrupted" in str(progress)
    assert not is_running(read_events(environment / run)), "`runbook evidence close` does not wait for its kernel"


def test_the_report_counts_what_was_interrupted_and_run_again(three_runs):
    environment, _ = three_runs
    (result,) = read_run(read_events(environment / "run-3")).notebooks
    assert (result.cells, result.earlier) == ({"succeeded": 4}, {"interrupted": 1})
    assert "4 succeeded; before that, 1 interrupted and run again" in render_report(environment / "run-3")


def test_the_stop_button_gives_two_lines_and_the_cell_can_be_run_again(environment):
    with kernel() as client:
        client.run(OPEN.format(environment=str(environment), run="run-6"))
        client.run("attempts = 0")
        cell = "import time\nattempts += 1\nprint('waits', flush=True)\nif attempts == 1: time.sleep(60)\n'through'"
        stopped = client.run(cell, "work", interrupt_at="waits")
        again = client.run(cell, "work")
        client.run("recorder.close()")
    assert (stopped["ename"], again["status"]) == ("KeyboardInterrupt", "ok")
    assert stopped["traceback"] == [
        "Interrupted. AWS continues with the requests it has accepted.",
        "  → Run this cell again: it continues from what exists.",
    ]
    progress = read_progress(events_of(environment / "run-6" / "journal.jsonl"), "01_network")
    assert progress.success, "the last execution counts"


FLOODS = {
    "lines": "for n in range(3_000): print('line', n)",
    "flushes": "for n in range(3_000): print('line', n, flush=True)",
    "one line": f"print('begin', 'x' * 300_000, ''.join({SECRET!r}), 'end')",
}


@pytest.fixture(scope="module")
def flooded(tmp_path_factory):
    """The evidence of cells that write more than anybody reads, and how many messages each sent to the browser."""
    environment = tmp_path_factory.mktemp("floods") / "local"
    with kernel() as client:
        client.run(OPEN.format(environment=str(environment), run="run-1"))
        client.run(f"from runbook_lib.evidence.files import REDACTOR\nREDACTOR.add_secret(''.join({SECRET!r}))")
        client.drain()
        sent = {}
        for name, code in FLOODS.items():
            client.run(code, name.replace(" ", ""))
            sent[name] = client.drain()
        client.run("from IPython.display import display\nfor n in range(300): display(n)", "displays")
        client.run("'y' * 11_000_000", "value")
        client.run("recorder.close()")
    return environment / "run-1", sent


@pytest.mark.parametrize("name", FLOODS)
def test_a_long_output_is_shown_cut_and_kept_whole(flooded, name):
    folder, sent = flooded
    cells = nbformat.read(folder / "01_network.ipynb", as_version=4).cells
    (cell,) = [cell for cell in cells if cell.source == FLOODS[name]]
    text = "".join(output.text for output in cell.outputs)
    assert len(text) < 60_000
    assert sent[name] < 700, "papermill and the browser keep up"
    (path,) = [path for path in (folder / "outputs").iterdir() if f"outputs/{path.name} " in text]
    kept = path.read_text(encoding="utf-8")
    if name == "one line":
        assert kept == f"begin {'x' * 300_000} [redacted] end\n"
        assert text.startswith("begin xxx")
        assert text.endswith("x [redacted] end\n")
    else:
        assert kept.splitlines() == [f"line {n}" for n in range(3_000)]
        assert text.startswith("line 0\nline 1\n")
        assert text.endswith("line 2998\nline 2999\n")
    assert f"{len(kept) + (8 if name == 'one line' else 0):,} characters were written" in text


def test_many_displays_and_a_huge_value_are_limited_and_named(flooded):
    folder, _ = flooded
    cells = nbformat.read(folder / "01_network.ipynb", as_version=4).cells
    displays, value = (cell for cell in cells if "display(n)" in cell.source or "11_000_000" in cell.source)
    assert len(displays.outputs) == 201
    assert displays.outputs[-1].text == "[100 more displays were not shown]\n"
    assert value.outputs[0].data["text/plain"].startswith("[an output of 11,000,002 characters is not shown")


def test_of_a_flood_the_beginning_and_the_end_are_kept(monkeypatch):
    """Without what was cut, and without a secret that the cut goes through."""
    monkeypatch.setattr(output_capture, "KEPT_CHARACTERS", 1_000)
    monkeypatch.setattr(output_capture, "_LONGEST_SECRET", 200)
    stream = output_capture._Stream(lambda text: None)
    secret = "password=" + "s3cr3t" * 10
    for number in range(200):
        stream.write(f"{number:03d} {secret if number in (11, 12, 184, 185) else 'a' * 76}\n")
    kept = stream.kept()
    assert kept.startswith("000 aaa")
    assert kept.endswith("a\n")
    assert "s3cr3t" not in kept
    assert f"[{stream.characters - 2_000:,} characters were left out here]" in kept


def test_a_link_opens_from_the_notebook_and_in_the_evidence(tmp_path):
    """The notebook is in another folder than the evidence, to which its output is copied."""
    environment, file = tmp_path / "artifacts" / "local", tmp_path / "notebooks" / "01_network.ipynb"
    file.parent.mkdir()
    nbformat.write(new_notebook(cells=[new_code_cell("show()", id="shown", outputs=[])]), file)
    show = (
        "from IPython.display import HTML, display\nfrom runbook_lib.runs.kernel.links import link_to\n"
        "url = link_to(folder.path / 'report.html', folder.path)\nprint(url); display(HTML(f'<a href=\"{url}\">x</a>'))"
    )
    with kernel(file) as client:
        client.run(OPEN.format(environment=str(environment), run="run-1"))
        client.run(show, "shown")
        client.run("recorder.close()")
    cells = nbformat.read(environment / "run-1" / "01_network.ipynb", as_version=4).cells
    printed, shown = of(cells, "shown").outputs
    assert printed.text == "../artifacts/local/run-1/report.html\n"
    assert '<a href="report.html">' in shown.data["text/html"]


def test_the_opening_cell_shows_how_far_the_run_is(tmp_path):
    """With the section's name; an interrupt stays there until the cell is run again."""
    environment, file = tmp_path / "local", tmp_path / "01_network.ipynb"
    opening = OPEN.format(environment=str(environment), run="run-1") + "recorder.show_progress({'mode': 'apply'})"
    parts = [new_markdown_cell("# 01"), new_code_cell(opening, id="open", outputs=[]), new_markdown_cell("## Routes")]
    parts += [new_code_cell(code, id=code[:1], outputs=[]) for code in ("a = 1", "b = 1 / 0", "recorder.close()")]
    nbformat.write(new_notebook(cells=parts), file)
    texts = []
    with kernel(file) as client:
        for cell in (part for part in parts if part.cell_type == "code"):
            client.run(cell.source, cell.id)
            texts += client.shown()
    progress = [text.partition("progress")[2].strip() for text in texts]
    assert progress == [
        "cell 1 of 4, 01",
        "cell 2 of 4, Routes",
        "cell 3 of 4, Routes",
        "cell 3 of 4, Routes: failed",
        "cell 4 of 4, Routes",
    ]
    cells = nbformat.read(environment / "run-1" / "01_network.ipynb", as_version=4).cells
    assert "cell 4 of 4, Routes" in of(cells, "open").outputs[0].data["text/plain"], "the evidence has the last state"
