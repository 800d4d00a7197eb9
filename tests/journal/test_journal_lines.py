"""The lines of a journal: what is in each, how it reaches the disk, and which one breaks the chain."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace

import pytest

from runbook_lib.errors import Closed
from runbook_lib.journal import journal as journal_module
from runbook_lib.journal.journal import MANIFEST, Journal, _append, _read_last_line, first_broken_line, is_intact
from runbook_lib.journal.redaction.redactor import Redactor

ZERO = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "run-1" / "journal.jsonl", clock=lambda: ZERO)


def written(journal, *numbers):
    for number in numbers:
        journal.write("change", n=number)
    return journal.path.read_bytes().splitlines(keepends=True)


class TestWhatIsWritten:
    def test_a_line_has_the_hash_of_the_one_before(self, journal):
        first, second = written(journal, 1, 2)
        assert first == b'{"at": "2026-11-24T08:00:00.000+00:00", "event": "change", "prev": "", "n": 1}\n'
        before = hashlib.sha256(first.rstrip(b"\n")).hexdigest()
        assert json.loads(second) == {
            "at": "2026-11-24T08:00:00.000+00:00", "event": "change", "prev": before, "n": 2,
        }  # fmt: skip

    def test_without_another_clock_it_is_now(self, tmp_path):
        before = datetime.now(UTC)
        Journal(tmp_path / "j.jsonl").write("open")
        at = datetime.fromisoformat(json.loads((tmp_path / "j.jsonl").read_text())["at"])
        assert at.utcoffset().total_seconds() == 0
        assert abs((at - before).total_seconds()) < 60

    def test_it_is_in_the_file_when_that_is_synced(self, journal, monkeypatch):
        """What is in a buffer is lost with the process."""
        seen = []
        monkeypatch.setattr(os, "fsync", lambda handle: seen.append(journal.path.read_bytes()))
        assert written(journal, 1, 2) == seen[1].splitlines(keepends=True)
        assert len(seen) == 2

    def test_the_folders_are_made(self, tmp_path):
        Journal(tmp_path / "deep" / "er" / "j.jsonl").write("open")
        assert is_intact(tmp_path / "deep" / "er" / "j.jsonl")

    def test_the_folder_may_be_there_already(self, journal):
        journal.write("open")
        Journal(journal.path).write("open")
        assert is_intact(journal.path)

    def test_secrets_are_taken_out_and_counted(self, journal, monkeypatch):
        monkeypatch.setattr(journal_module, "REDACTOR", Redactor(["rd-4711-xyz"]))
        journal.write("change", key="a", why="rd-4711-xyz and rd-4711-xyz")
        journal.write("change", key="b")
        journal.write("change", key="c", why="rd-4711-xyz", path=ZERO)
        first, second, third = map(json.loads, journal.path.read_bytes().splitlines())
        assert "rd-4711" not in str((first, third))
        assert (first["key"], first["redacted"]) == ("a", 2)
        assert (third["path"], third["redacted"]) == (str(ZERO), 1)
        assert second.keys() == {"at", "event", "prev", "key"}

    def test_a_step_may_add_what_it_learns_when_it_fails_too(self, journal):
        def check(key, n, error=None):
            with journal.step("check", key=key) as more:
                more["n"] = n
                if error:
                    raise error

        check("a", 1)
        with pytest.raises(KeyError, match="gone"):
            check("b", 2, KeyError("gone"))
        lines = [json.loads(line) for line in journal.path.read_bytes().splitlines()]
        assert [{name: line[name] for name in line.keys() - {"at", "prev"}} for line in lines] == [
            {"event": "check", "ok": True, "key": "a", "n": 1},
            {"event": "check", "ok": False, "error": "KeyError: 'gone'", "key": "b", "n": 2},
        ]


class TestAClosedRun:
    def test_nothing_is_added_to_it(self, journal):
        journal.write("open")
        journal.require_open()
        before = journal.path.read_bytes()
        (journal.path.parent / "manifest.dsse.json").write_text("{}")
        for act in (journal.require_open, lambda: journal.write("change")):
            with pytest.raises(Closed) as caught:
                act()
            assert caught.value.what == "run-1 is closed: its evidence is signed, so nothing may be added to it."
            assert caught.value.fix == "Start a new run: in a notebook, run the cell that opens the book again."
        assert journal.path.read_bytes() == before
        assert MANIFEST == "manifest.dsse.json"


class TestTheDisk:
    """A file that takes a few bytes at a time, or none."""

    class Slow(BytesIO):
        def __init__(self, content=b"", most=3, error=None):
            super().__init__(content)
            self.most, self.error = most, error

        def write(self, data):
            if self.error and self.tell() > 8:
                raise self.error
            return super().write(bytes(data)[: self.most])

        def fileno(self):
            return 42

    @pytest.fixture(autouse=True)
    def synced(self, monkeypatch):
        handles = []
        monkeypatch.setattr(os, "fsync", handles.append)
        return handles

    def test_a_line_is_written_to_its_end_and_synced(self, synced):
        out = self.Slow(b"before\n")
        _append(out, b"a longer line\n")
        assert out.getvalue() == b"before\na longer line\n"
        assert synced == [42]

    @pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
    def test_half_a_line_is_taken_back(self, synced, error):
        out = self.Slow(b"before\n", error=error)
        with pytest.raises(type(error)) as caught:
            _append(out, b"a longer line\n")
        assert caught.value is error
        assert (out.getvalue(), synced) == (b"before\n", [])

    def test_where_it_cannot_be_taken_back_the_first_error_is_told(self):
        out = self.Slow(b"before\n", error=OSError("full"))
        out.truncate = lambda size: (_ for _ in ()).throw(OSError("worse"))
        with pytest.raises(OSError, match="full"):
            _append(out, b"a longer line\n")


class TestTheLastLine:
    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"", (b"", True)),
            (b"x", (b"x", False)),
            (b"x" * 4097, (b"x" * 4097, False)),
            (b"\n" + b"x" * 4096, (b"x" * 4096, False)),
            (b"one\n", (b"one", True)),
            (b"one", (b"one", False)),
            (b"one\ntwo\n", (b"two", True)),
            (b"one\ntwo", (b"two", False)),
            (b"one\n\n\n", (b"one", True)),
            (b"\n", (b"", True)),
            (b"one\n" + b"x" * 5000 + b"\n", (b"x" * 5000, True)),
            (b"y" * 9000 + b"\n" + b"x" * 9000, (b"x" * 9000, False)),
            (b"x" * 9000, (b"x" * 9000, False)),
        ],
    )
    def test_whole_or_cut(self, content, found):
        assert _read_last_line(BytesIO(content)) == found

    def test_no_more_is_read_than_needed(self):
        """A journal is long, and each event is appended to it."""
        content = BytesIO(b"line\n" * 100_000)
        read = []
        out = SimpleNamespace(seek=content.seek, read=lambda size: read.append(size) or content.read(size))
        assert _read_last_line(out) == (b"line", True)
        assert sum(read) < 10_000


class TestTheChain:
    def test_a_whole_one(self, journal):
        written(journal, 1, 2, 3)
        assert (first_broken_line(journal.path), is_intact(journal.path)) == (0, True)

    @pytest.mark.parametrize(
        "line",
        [
            b'{"prev": "x"}', b"{}", b"[]", b"1", b"null", b"", b"cut sh", b"\xff", b"[" * 100_000,
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_the_first_wrong_line_is_named(self, journal, line, place):
        """Whatever it is."""
        lines = written(journal, 1, 2, 3)
        lines[place] = line + b"\n"
        journal.path.write_bytes(b"".join(lines))
        assert first_broken_line(journal.path) == place + 1
        assert not is_intact(journal.path)

    def test_what_was_altered_shows_in_the_next_line(self, journal):
        lines = written(journal, 1, 2, 3)
        journal.path.write_bytes(lines[0] + lines[1].replace(b'"n": 2', b'"n": 7') + lines[2])
        assert first_broken_line(journal.path) == 3
