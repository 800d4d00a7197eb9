"""The journal is evidence: what stands in it was written then, in this order, and nothing is missing in between."""

import errno
import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.journal.journal import Journal, is_intact

EVENTS = st.lists(
    st.dictionaries(st.sampled_from(["key", "why", "n"]), st.text() | st.integers()), min_size=2, max_size=8
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("journals")


def written(path, events, **always):
    path.unlink(missing_ok=True)
    journal = Journal(path, **always)
    for event in events:
        journal.write("change", **event)
    return path


def entries(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@given(EVENTS)
def test_what_is_written_is_read_back_in_order_and_the_chain_holds(folder, events):
    """Whatever text it is: quotes, line ends and all languages."""
    path = written(folder / "j.jsonl", events)
    assert is_intact(path)
    found = entries(path)
    assert [{name: entry[name] for name in event} for entry, event in zip(found, events, strict=True)] == events
    assert all(set(entry) == {"at", "event", "prev", *event} for entry, event in zip(found, events, strict=True))


@given(EVENTS, st.data())
def test_an_altered_line_is_noticed(folder, events, data):
    """One letter is enough, wherever it is; for the last line the hash of the whole file vouches."""
    path = written(folder / "j.jsonl", events)
    lines = path.read_bytes().splitlines(keepends=True)
    line = data.draw(st.integers(0, len(lines) - 2))
    at = data.draw(st.integers(0, len(lines[line]) - 2))
    other = data.draw(st.integers(32, 126).filter(lambda letter: letter != lines[line][at]))
    lines[line] = lines[line][:at] + bytes([other]) + lines[line][at + 1 :]
    path.write_bytes(b"".join(lines))
    assert not is_intact(path)


@given(EVENTS, st.data())
def test_a_removed_line_is_noticed(folder, events, data):
    path = written(folder / "j.jsonl", events)
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[data.draw(st.integers(0, len(lines) - 2))]
    path.write_bytes(b"".join(lines))
    assert not is_intact(path)


@given(EVENTS, st.data())
def test_reordered_lines_are_noticed(folder, events, data):
    path = written(folder / "j.jsonl", events)
    lines = path.read_bytes().splitlines(keepends=True)
    shuffled = data.draw(st.permutations(lines).filter(lambda others: others != lines))
    path.write_bytes(b"".join(shuffled))
    assert not is_intact(path)


@given(EVENTS, st.data())
def test_a_line_put_in_or_written_twice_is_noticed(folder, events, data):
    path = written(folder / "j.jsonl", events)
    lines = path.read_bytes().splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines)))
    lines.insert(place, data.draw(st.sampled_from([*lines, b"{}\n", b"[]\n", b"\n", b"hello\n", b'{"prev": ""}\n'])))
    path.write_bytes(b"".join(lines))
    assert not is_intact(path)


@given(EVENTS)
def test_the_last_line_has_the_hash_of_all_before_it_in_it(folder, events):
    """A journal that differs anywhere but in its last line cannot end with the same one."""
    path = written(folder / "j.jsonl", events)
    last = entries(path)[-1]["prev"]
    other = written(folder / "k.jsonl", [{"key": "another"}, *events[1:]])
    assert entries(other)[-1]["prev"] != last


def test_an_empty_journal_is_intact(tmp_path):
    path = tmp_path / "j.jsonl"
    path.touch()
    assert is_intact(path)


def test_every_line_says_when_and_by_whom(tmp_path):
    moments = iter([datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC), datetime(2026, 5, 4, 3, 2, 2, 5000, tzinfo=UTC)])
    journal = Journal(tmp_path / "deep" / "er" / "j.jsonl", clock=lambda: next(moments), notebook="01_network")
    journal.write("open")
    journal.write("change", notebook="02_data")
    assert [(e["at"], e["event"], e["notebook"]) for e in entries(journal.path)] == [
        ("2026-05-04T03:02:01.000+00:00", "open", "01_network"),
        ("2026-05-04T03:02:02.005+00:00", "change", "02_data"),
    ]


def test_what_json_does_not_know_is_written_as_text(tmp_path):
    """No evidence is lost because a value was of a strange type."""
    journal = Journal(tmp_path / "j.jsonl")
    journal.write("change", path=tmp_path, why=ValueError("no"))
    (entry,) = entries(journal.path)
    assert (entry["path"], entry["why"]) == (str(tmp_path), "no")


def test_a_long_line_is_followed_by_the_next(tmp_path):
    """The last line is read from the file's end, in pieces."""
    journal = Journal(tmp_path / "j.jsonl")
    for length in (0, 1, 4000, 4096, 5000, 100_000, 3):
        journal.write("change", text="x" * length)
    assert is_intact(journal.path)
    assert [len(entry["text"]) for entry in entries(journal.path)] == [0, 1, 4000, 4096, 5000, 100_000, 3]


def test_a_second_journal_on_the_same_file_goes_on_with_the_chain(tmp_path):
    for notebook in ("01_network", "02_data"):
        Journal(tmp_path / "j.jsonl", notebook=notebook).write("open")
    assert is_intact(tmp_path / "j.jsonl")
    assert len(entries(tmp_path / "j.jsonl")) == 2


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_was_cut_short_spoils_no_other(tmp_path, cut):
    """When the power goes while a line is written, what the next run writes can still be read."""
    journal = Journal(tmp_path / "j.jsonl")
    journal.write("change", n=1)
    journal.write("change", n=2)
    journal.path.write_bytes(journal.path.read_bytes()[:-cut])
    journal.write("change", n=3)
    journal.write("change", n=4)
    lines = journal.path.read_bytes().splitlines()
    assert [json.loads(lines[place])["n"] for place in (0, 2, 3)] == [1, 3, 4]
    assert is_intact(journal.path) == (cut == 1)  # a cut line end is no loss; cut evidence is told


WRITER = """
import sys
from pathlib import Path
from runbook_lib.journal.journal import Journal

journal = Journal(Path(sys.argv[1]), notebook=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for n in range(40):
    journal.write("change", n=n, text="x" * (n * 50))
"""


def test_notebooks_that_write_side_by_side_keep_one_chain(tmp_path):
    """The notebooks of a run share a journal: no line is lost, mixed with another, or chained past one."""
    path = tmp_path / "j.jsonl"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"0{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(3)
    ]
    try:
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        assert [writer.wait(timeout=30) for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert is_intact(path)
    found = [(entry["notebook"], entry["n"]) for entry in entries(path)]
    for notebook in ("00", "01", "02"):
        assert [n for who, n in found if who == notebook] == list(range(40))
    assert len(found) == 120


def test_a_step_is_written_with_what_came_of_it(tmp_path):
    journal = Journal(tmp_path / "j.jsonl")
    with journal.step("change", key="vpc.main") as more:
        more["id"] = "vpc-1"
    (entry,) = entries(journal.path)
    assert {name: entry[name] for name in ("event", "ok", "key", "id")} == {
        "event": "change", "ok": True, "key": "vpc.main", "id": "vpc-1",
    }  # fmt: skip


@pytest.mark.parametrize("error", [ValueError("no such thing"), KeyboardInterrupt("stopped"), SystemExit(3)])
def test_a_step_that_fails_is_written_with_its_error_and_fails(tmp_path, error):
    """Also when a person stops it: what was begun is on record."""
    journal = Journal(tmp_path / "j.jsonl")

    def fail():
        with journal.step("change", key="vpc.main") as more:
            more["id"] = "vpc-1"
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    (entry,) = entries(journal.path)
    assert (entry["ok"], entry["error"]) == (False, f"{type(error).__name__}: {error}")
    assert (entry["key"], entry["id"]) == ("vpc.main", "vpc-1")


@pytest.mark.parametrize("room", [0, 1, 60])
def test_a_line_that_does_not_fit_on_the_disk_is_taken_back(tmp_path, room):
    """Half a line would break the chain for whoever reads, and for the next line; a limit stands for the full disk."""
    path = written(tmp_path / "j.jsonl", [{"n": 1}, {"n": 2}])
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            Journal(path).write("change", n=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    Journal(path).write("change", n=4)
    assert [entry["n"] for entry in entries(path)] == [1, 2, 4]
    assert is_intact(path)


def test_a_line_that_does_not_reach_the_disk_is_taken_back(tmp_path, monkeypatch):
    path = written(tmp_path / "j.jsonl", [{"n": 1}, {"n": 2}])
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
        with pytest.raises(OSError, match="No space"):
            Journal(path).write("change", n=3)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [4095, 4096, 4097, 4098, 8192, 8193])
def test_a_line_of_any_length_is_the_one_before_the_next(tmp_path, size):
    """The file is read from its end, piece by piece."""
    path = tmp_path / "j.jsonl"
    length = written(path, [{"text": ""}]).stat().st_size
    written(path, [{"text": "x" * (size - length)}])
    assert path.stat().st_size == size
    Journal(path).write("change", n=2)
    assert is_intact(path)
