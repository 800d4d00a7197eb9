"""The states of cells and the outcome of a notebook: it succeeds only when all cells do."""

from __future__ import annotations

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from runbook_lib.evidence.notebooks.cells import (
    Cell,
    Cells,
    Outcome,
    State,
    Step,
    combine_states,
    outcome_text,
    state_of_error,
)
from runbook_lib.evidence.notebooks.progress import read_progress
from runbook_lib.runs.kernel.executed_notebook import build_notebook

STATES = st.lists(st.sampled_from(list(State)), min_size=1, max_size=8)


@given(STATES, st.sampled_from(["", "a full disk"]))
def test_a_notebook_succeeds_only_when_all_cells_do(states, why):
    success = combine_states(states, why) is Outcome.SUCCEEDED
    assert success == (set(states) == {State.SUCCEEDED} and not why)


@given(STATES)
def test_after_the_end_nothing_runs_and_nothing_is_pending(states):
    cells = Cells([Cell(number, number, state=state) for number, state in enumerate(states, 1)])
    before = combine_states(states)
    cells.close("2026-11-23T20:15:00+00:00", "the process was killed")
    after = [cell.state for cell in cells.cells]
    assert not {State.RUNNING, State.PENDING} & set(after)
    assert all(old == new for old, new in zip(states, after, strict=True) if old not in (State.RUNNING, State.PENDING))
    assert cells.outcome is not Outcome.RUNNING
    if cells.outcome is Outcome.SUCCEEDED:
        assert before is Outcome.SUCCEEDED


@given(STATES)
def test_cells_are_read_back_from_the_journal(states):
    cells = Cells([Cell(n, n, f"id-{n}", "Zones", state, "then", "now", "E: x") for n, state in enumerate(states, 1)])
    verdict = {"event": "cells", "notebook": "n", "at": "t", **cells.as_dict()}
    found = read_progress([verdict], "n")
    assert list(found.cells) == cells.cells
    assert found.outcome is cells.outcome


@pytest.mark.parametrize(
    ("error", "message", "state"),
    [
        ("ValueError", "0", State.FAILED),
        ("KeyboardInterrupt", "", State.INTERRUPTED),
        ("SystemExit", "0", State.INTERRUPTED),
        ("SystemExit", "None", State.INTERRUPTED),
        ("SystemExit", "1", State.FAILED),
    ],
)
def test_an_interrupt_is_not_a_failure(error, message, state):
    assert state_of_error(error, message) is state


def test_only_cells_with_code_count():
    parts = [new_markdown_cell("# A"), new_code_cell("1"), new_code_cell(" \n"), new_markdown_cell("## B\n\nWhy.")]
    cells = Cells.from_notebook(new_notebook(cells=[*parts, new_code_cell("2")])).cells
    assert [(cell.number, cell.index, cell.section) for cell in cells] == [(1, 1, "A"), (2, 4, "B")]
    assert outcome_text(cells) == "2 pending"


def test_a_journal_without_cell_events_has_no_progress():
    assert read_progress([{"event": "open", "notebook": "n", "at": "t"}], "n") is None


def test_the_last_recording_counts():
    """As when somebody opens a notebook of the same run again."""
    here = {"notebook": "n", "at": "t"}
    events = [
        {"event": "recording", "host": "elsewhere", "pid": 1, "started": 0.0, **here},
        {"event": "cell", "step": 1, "state": "running", **here},
        {"event": "recording", "host": "elsewhere", "pid": 2, "started": 0.0, **here},
        {"event": "cell", "step": 1, "state": "running", **here},
        {"event": "cell", "step": 1, "state": "succeeded", **here},
    ]
    found = read_progress(events, "n")
    assert [cell.state for cell in found.cells] == [State.SUCCEEDED]
    assert found.alive, "a process on another machine may be running"
    assert not found.success


def test_without_ids_a_cell_is_known_by_its_source(tmp_path):
    """nbval and papermill's own engine send none; the same source twice is two cells."""
    steps = [Step(n, source, state=State.SUCCEEDED) for n, source in enumerate(["a", "a", "b"], 1)]
    notebook, cells = build_notebook(steps, None)
    assert [cell.source for cell in notebook.cells] == ["a", "a", "b"]
    assert [cell.state for cell in cells.cells] == [State.SUCCEEDED] * 3


def test_an_edited_parameters_cell_is_recognised_by_its_names(tmp_path):
    """It was executed without an id, and the file may be saved later or never."""
    parameters = new_code_cell('env = "local"\nmode = "plan"', metadata={"tags": ["parameters"]})
    path = tmp_path / "01.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A"), parameters, new_code_cell("b = 1")]), path)
    edited = 'env = "prod"\nmode = "apply"  # for CHG1'
    sources = [parameters.source, "b = 1", edited, 'env = mode = "x"', "env +"]
    steps = [Step(n, source, state=State.SUCCEEDED) for n, source in enumerate(sources, 1)]
    notebook, cells = build_notebook(steps, path)
    assert [cell.source for cell in notebook.cells] == ["# A", edited, "b = 1", 'env = mode = "x"', "env +"]
    assert cells.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("text", ['{"cells": [{"cell_ty', "", "{}"])
def test_an_unreadable_notebook_loses_only_its_text_cells(tmp_path, text):
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    notebook, _ = build_notebook([Step(1, "a", state=State.SUCCEEDED)], path)
    assert [cell.source for cell in notebook.cells] == ["a"]
