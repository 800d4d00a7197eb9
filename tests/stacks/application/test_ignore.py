"""`.bundleignore` leaves out what git would leave out, and says by which line."""

import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runbook_lib.stacks.application.files import read_files
from runbook_lib.stacks.application.ignore import DEFAULT, IgnoreRules

from .conftest import write


def left_out(folder):
    return {each.name: each.why for each in read_files(folder).left_out}


def test_what_is_left_out_is_told_with_the_rule(app):
    one = app(**{".bundleignore": "# ours\n\ndocs/\r\n/notes.txt\n", "docs/a.md": "a", "notes.txt": "a", ".env": "A=1"})
    assert left_out(one) == {
        ".bundleignore": "default: /.bundleignore",
        ".env": "default: .env",
        "docs/": ".bundleignore:3: docs/",
        "notes.txt": ".bundleignore:4: /notes.txt",
    }


def test_what_an_application_may_need_is_packed(app):
    """Whatever its name: only the owner knows. Tests and documents were left out before, without a word."""
    kept = [
        "tests/test_a.py",
        "README.md",
        "run/main",
        ".next/build",
        "node_modules/a/index.js",
        ".well-known/a",
        "x.bak",
    ]
    assert set(read_files(app(**dict.fromkeys(kept, "a"))).packed) >= set(kept)


def test_the_default_is_short_and_documented():
    assert len(DEFAULT.splitlines()) <= 25


def test_a_default_can_be_taken_back(app):
    one = app(**{".bundleignore": "!.env\n!__pycache__/\n", ".env": "A=1", "__pycache__/a.pyc": "a"})
    assert ".env" in read_files(one).packed
    assert left_out(one)["__pycache__/a.pyc"] == "default: *.py[cod]"


def test_a_line_that_is_no_pattern_is_told(app):
    found = read_files(app(**{".bundleignore": "a\n!\n"})).findings
    assert [(each.place, each.what) for each in found] == [(".bundleignore:2", "'!' is not a pattern.")]


segments = st.sampled_from(["a", "b", "ab", "*", "a*", "?", "**", "[ab]", "[!a]", "*.c", "b.c"])
patterns = st.builds(
    lambda bang, root, parts, end: f"{bang}{root}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "!"]), st.sampled_from(["", "/"]), st.lists(segments, min_size=1, max_size=3),
    st.sampled_from(["", "/", " ", "/**"]),
)  # fmt: skip
paths = st.lists(st.sampled_from(["a", "b", "ab", "b.c"]), min_size=1, max_size=3).map("/".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    folder = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(patterns, min_size=1, max_size=4), st.lists(paths, min_size=1, max_size=8, unique=True))
@example(["b", "*.c/a/**/"], ["b.c/a/a"])
@example(["a", "!*", "a/"], ["a/a"])
@example(["*", "!*/", "!*.c"], ["a/a", "a/b.c", "b.c"])
def test_it_ignores_what_git_ignores(repository, lines, names):
    """git decides of each path and of the folders around it, as the reader does."""
    text = "\n".join(lines)
    (repository / ".git" / "info" / "exclude").write_text(f"{text}\n")
    rules = IgnoreRules(text.encode())
    asked = subprocess.run(
        ["git", "-C", repository, "check-ignore", "--no-index", "--stdin"],
        input="\n".join(names), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.returncode in (0, 1), asked.stderr
    ignored = {
        name
        for name in names
        if any(
            rules.reason("/".join(name.split("/")[:depth]), is_folder=depth <= name.count("/"))
            for depth in range(1, name.count("/") + 2)
        )
    }
    assert ignored == set(asked.stdout.splitlines())


def test_the_reader_skips_all_of_a_folder_that_is_left_out(tmp_path):
    """As git does: nothing in it can be taken back."""
    one = write(tmp_path / "one", {".bundleignore": "a/\n!a/b\n", "a/b": "x", "c": "x"})
    assert set(read_files(one).packed) == {"c"}
    assert left_out(one) == {".bundleignore": "default: /.bundleignore", "a/": ".bundleignore:1: a/"}
