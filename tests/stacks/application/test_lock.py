"""`runbook lock` writes `requirements.txt` with the hashes of the wheels that the servers need."""

import re

import pytest

from runbook_lib.stacks.application import lock as module
from runbook_lib.stacks.application import wheels
from runbook_lib.stacks.application.findings import BundleError
from runbook_lib.stacks.application.lock import dependencies, make_lock
from runbook_lib.stacks.application.pins import read_lock
from runbook_lib.stacks.application.targets import Target
from runbook_lib.stacks.application.wheels import Wheelhouse

from .conftest import write

ARM = Target("3.11", "Linux", "aarch64")


@pytest.fixture
def lock(tmp_path, index, monkeypatch):
    """Locks an application of these files for one target, in order to be quick; returns the lines without hashes."""
    monkeypatch.setattr(module, "TARGETS", (ARM,))
    monkeypatch.setattr(Wheelhouse.choose, "__defaults__", ((ARM,),))
    monkeypatch.setattr(wheels, "required_targets", lambda architectures: (ARM,))

    def run(**files):
        folder = write(tmp_path / "app", files)
        written = make_lock(folder, tmp_path / "cache", ("arm64",))
        return written, re.sub(r" \\\n    --hash=sha256:\w+", "", written.path.read_text())

    return run


def test_what_a_package_needs_is_locked_too_and_the_bundle_packs_all_of_it(lock, index, app, build, tmp_path):
    index.add("one", requires=["two>=1"])
    index.add("two", "1.0")
    index.add("two", "2.0")
    written, text = lock(**{"requirements.in": "one\n", "Procfile": "web: one\n"})
    assert (
        text == "# Made by `runbook lock` from requirements.in: every hash is that of one wheel.\none==1.0\ntwo==2.0\n"
    )
    assert (written.packages, written.wheels, written.renamed) == (2, 2, False)
    assert read_lock(written.path.read_bytes()).findings == ()
    assert build(tmp_path / "app", tmp_path, architectures=["arm64"]).wheels == 2


@pytest.fixture
def nothing_needed(monkeypatch):
    """In order to see what is locked without asking pip; returns the requirements that it would be asked for."""
    asked = []
    monkeypatch.setattr(module, "_resolve", lambda webapp, source, text, machine: asked.append(text) or {})
    return asked


def test_dependencies_of_a_project_are_locked(lock, nothing_needed):
    written, _ = lock(**{"pyproject.toml": "[project]\nname = 'x'\ndependencies = ['one>=1', 'two']\n"})
    assert written.source == "pyproject.toml"
    assert nothing_needed == ["one>=1\ntwo\n"]


def test_requirements_without_hashes_become_the_source(lock, nothing_needed, tmp_path):
    """One rule: the lock is always requirements.txt."""
    written, text = lock(**{"requirements.txt": "one\n"})
    assert (written.source, written.renamed) == ("requirements.in", True)
    assert (tmp_path / "app" / "requirements.in").read_text() == "one\n"
    assert "from requirements.in" in text


def test_what_only_another_python_needs_is_locked(lock, index):
    """pip evaluates markers for the Python that it runs on: what 3.11 needs would be missing on a server."""
    index.add("one", requires=['other-python; implementation_version == "3.11.0"', 'windows; sys_platform == "win32"'])
    index.add("other-python")
    _, text = lock(**{"requirements.in": 'one\ntoo; implementation_version == "3.11.0"\n'} if index.add("too") else {})
    assert re.findall(r"^[\w-]+==", text, re.MULTILINE) == ["one==", "other-python==", "too=="]


def test_a_package_without_a_wheel_is_named(lock, index, tmp_path):
    """And nothing is written."""
    index.add("one", tags="cp311-cp311-manylinux2014_x86_64")
    index.add_source("one")
    with pytest.raises(BundleError, match=r"one"):
        lock(**{"requirements.in": "one\n"})
    assert not (tmp_path / "app" / "requirements.txt").exists()


@pytest.mark.parametrize(
    "files",
    [{"a": "x"}, {"requirements.txt": f"one==1.0 --hash=sha256:{'0' * 64}\n"}, {"pyproject.toml": "[tool.x]\n"}],
)
def test_nothing_to_lock_is_told(lock, files):
    with pytest.raises(BundleError, match=r"nothing to lock[\s\S]*requirements\.in, one a line"):
        lock(**files)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['flask']\n"),
        ("requirements.in", "flask\n"),
    ],
)
def test_a_project_with_dependencies_and_no_lock_is_told(app, read_contents, name, text):
    """It would be deployed without its packages."""
    one = app(**{name: text})
    found = read_contents(one).findings
    assert [(each.place, each.fix.split(",")[0], each.is_problem) for each in found] == [
        (name, "Run `runbook lock`", True)
    ]


def test_a_wheel_that_came_later_is_locked(lock, index, monkeypatch):
    """What pip chose before is remembered for a lock's hashes only."""
    monkeypatch.setattr(module, "_resolve", lambda *_: {"one": "1.0"})
    only = index.add("one", tags="cp311-cp311-manylinux_2_34_aarch64")
    first, _ = lock(**{"requirements.in": "one\n"})
    assert only in first.path.read_text()
    later = index.add("one", tags="cp311-cp311-manylinux2014_aarch64")
    assert later in lock(**{"requirements.in": "one\n"})[0].path.read_text()


@pytest.mark.parametrize(
    ("project", "problem"),
    [
        (b"project=[1]", "something else than a list"),
        (b"[project]\ndependencies=5", "something else than a list"),
        (b"[project]\ndependencies=[5]", "something else than a list"),
        (b"a=" + b"[" * 9999, "is not TOML"),
    ],
)
def test_a_project_of_another_shape_is_told_and_no_traceback(project, problem):
    with pytest.raises(BundleError, match=problem):
        dependencies(project)


@pytest.mark.parametrize("name", ["requirements.in", "requirements.txt"])
def test_requirements_that_are_not_utf_8_are_told_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"flask  # caf\xe9\n")
    with pytest.raises(BundleError, match=rf"{name} is not text in UTF-8"):
        make_lock(tmp_path, tmp_path)


def test_a_folder_that_is_not_there_is_told_as_that(tmp_path):
    with pytest.raises(BundleError, match="There is no folder"):
        make_lock(tmp_path / "nowhere", tmp_path)
