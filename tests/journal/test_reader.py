"""A journal is read as far as it can be read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runbook_lib.journal.journal import Journal
from runbook_lib.journal.reader import JOURNAL, events_of, of_kind, read_events, run_parameters


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / JOURNAL)


def test_the_parameters_of_a_run_are_those_of_its_first_start_event(tmp_path, journal):
    assert run_parameters(tmp_path) == {}
    journal.write("lock", held=True)
    assert run_parameters(tmp_path) == {}
    journal.write("open", env="dev")
    journal.write("run", env="prod")
    assert run_parameters(tmp_path)["env"] == "dev"


def test_events_are_filtered_by_their_kind(tmp_path, journal):
    for kind in ("open", "call", "change", "call"):
        journal.write(kind)
    events = read_events(tmp_path)
    assert [event["event"] for event in of_kind(events, "call", "change")] == ["call", "change", "call"]
    assert list(of_kind(events, "plan")) == []


def test_lines_that_are_not_events_are_skipped(tmp_path, journal):
    journal.write("open")
    with journal.path.open("ab") as out:
        out.write(b'[]\n{"at": 1}\n{"event": "cut sh')
    assert [event["event"] for event in read_events(tmp_path)] == ["open"]
    assert len(list(events_of(journal.path))) == 3


def test_the_journal_is_imported_without_pandas():
    """pandas takes most of a second to import, and the journal is imported by every command."""
    code = "import runbook_lib.journal.journal, sys; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("line", ['"event"', '["event"]', "1", "null", '{"at": "event"}', "[" * 100_000, "\xff", ""])
def test_a_line_that_is_no_event_costs_only_itself(tmp_path, line):
    """Whatever JSON it is, or none at all."""
    text = f'{{"event": "open", "n": 1}}\n{line}\n{{"event": "run", "n": 2}}\n'
    (tmp_path / "journal.jsonl").write_text(text, encoding="latin-1")
    assert read_events(tmp_path) == [{"event": "open", "n": 1}, {"event": "run", "n": 2}]
    assert list(of_kind(read_events(tmp_path), "run")) == [{"event": "run", "n": 2}]


@pytest.mark.parametrize("kind", ["run", "open"])
def test_a_run_is_started_by_the_command_or_in_a_notebook(tmp_path, journal, kind):
    journal.write("plan", env="none")
    journal.write(kind, env="prod")
    assert run_parameters(tmp_path)["env"] == "prod"


def test_where_there_is_no_journal_there_is_nothing_to_read(tmp_path):
    (tmp_path / "folder" / JOURNAL).mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "folder", tmp_path / "none"):
        assert (read_events(folder), run_parameters(folder)) == ([], {})
    assert list(events_of(tmp_path / "none")) == []
