"""A Procfile is read as Heroku and Foreman read it, and what they skip without a word is told with its line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.stacks.application.procfile import Process, parse


def test_each_line_is_a_process_with_its_command():
    read = parse(
        b"# how it runs\n\nweb: gunicorn --bind 0.0.0.0:$PORT app:app # all of it\n  # more\nrelease:\tmigrate \n"
    )
    assert read.processes == (
        Process("web", "gunicorn --bind 0.0.0.0:$PORT app:app # all of it", 3),
        Process("release", "migrate", 5),
    )
    assert read.findings == ()


def test_the_last_line_needs_no_end():
    assert [process.name for process in parse(b"web: a\nmail_2-x: b").processes] == ["web", "mail_2-x"]


@pytest.mark.parametrize(
    ("text", "place", "what", "fix"),
    [
        ("", "Procfile", "no web process", "web: gunicorn"),
        ("worker: a\n", "Procfile", "no web process", "web: gunicorn"),
        ("Web: a\n", "Procfile", "no web process", "web: gunicorn"),
        ("web: a\r\nworker: b\r\n", "Procfile:1", "Windows line end", "LF"),
        ("\ufeffweb: a\n", "Procfile:1", "byte order mark", "without it"),
        ("# one\nweb a\n", "Procfile:2", "'web a' is not a process", "name: command"),
        ("web:\n", "Procfile:1", "web has no command", "web: command"),
        (" web: a\n", "Procfile:1", "web is indented", "Begin"),
        ("w.b: a\n", "Procfile:1", "'w.b' is not a process's name", "letters, digits"),
        ("wéb: a\n", "Procfile:1", "not a process's name", "letters, digits"),
        (f"{'w' * 65}: a\n", "Procfile:1", "not a process's name", "at most 64"),
        ("web: a\n\nweb: b\n", "Procfile:3", "web is on line 1 already", "another name"),
        ("web: a \\\n  --more\n", "Procfile:1", "ends with a backslash", "on one line"),
        ("web: a\x1b[2J\n", "Procfile:1", r"cannot be printed: '\x1b'", "Remove"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(text, place, what, fix):
    finding = parse(text.encode()).findings[0]
    assert finding.place == place
    assert what in finding.what
    assert fix in finding.fix
    assert finding.is_problem


def test_all_mistakes_are_told_together():
    assert [each.place for each in parse(b"web\nb: \nc: d\nc: e\n").findings] == [
        "Procfile:1",
        "Procfile:2",
        "Procfile:4",
    ]


def test_bytes_that_are_no_text_are_told_with_their_line():
    assert [str(each) for each in parse(b"web: a\nmail: caf\xe9\n").findings] == ["Procfile:2: is not text in UTF-8."]


names = st.text("abcXYZ019_-", min_size=1, max_size=8)
commands = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1).filter(
    lambda text: not text.endswith("\\")
)


@given(st.dictionaries(names, commands), commands, st.sampled_from(["", " ", "\t", "  "]))
def test_what_is_written_is_what_is_read(others, web, gap):
    """Every valid Procfile, whatever is in its commands."""
    wanted = others | {"web": web}
    text = "\n# a comment\n".join(f"{name}:{gap}{command}" for name, command in wanted.items())
    read = parse(text.encode())
    assert not read.findings
    assert {process.name: process.command for process in read.processes} == wanted
    assert [process.line for process in read.processes] == [1 + 2 * number for number in range(len(wanted))]


@given(st.binary() | st.text(":#\\ \t\r\nwebx\ufeff\x00").map(str.encode))
def test_anything_is_read_or_told(data):
    """No text is an error without a line, and what is read can be the name of a unit."""
    read = parse(data)
    assert read.findings or any(process.name == "web" for process in read.processes)
    assert all(re.fullmatch(r"Procfile(:\d+)?", each.place) for each in read.findings)
    for process in read.processes:
        assert re.fullmatch("[A-Za-z0-9_-]+", process.name)
        assert process.command.replace("\t", " ").isprintable()
