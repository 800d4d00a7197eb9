"""What a bundle is made of, byte by byte, and what is told of it."""

import hashlib
import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from runbook_lib.stacks.application.bundle import Bundle, pack, require_replaceable, unpack
from runbook_lib.stacks.application.contents import Contents, digest
from runbook_lib.stacks.application.files import PackedFile
from runbook_lib.stacks.application.findings import BundleError, Finding
from runbook_lib.stacks.application.ignore import LeftOut
from tests.stacks.application.conftest import write

WARNING = Finding("Procfile:1", "may be slow", "make it fast", is_problem=False)
FILES = {"b": PackedFile(b"b"), "a/run": PackedFile(b"#!/bin/sh\n", executable=True)}
ADDED = {"appspec.yml": PackedFile(b"version: 0.0\n")}
LOCKED = {"wheels/x.whl": PackedFile(b"x"), "wheels/y.whl": PackedFile(b"y"), "node_modules/z/z.js": PackedFile(b"z")}
WHEELS = {name: file for name, file in LOCKED.items() if name.startswith("wheels/")}
LEFT = (LeftOut(".env", "default: .env"), LeftOut("docs/", ".bundleignore:3: docs/"), LeftOut("x", "default: x"))


def contents(**changes):
    given = Contents(FILES, ADDED, LOCKED, left_out=LEFT, findings=(WARNING,))
    return replace(given, **changes)


def told(**fields):
    return repr(Bundle(Path("x.zip"), "5ba256", 1_250_000, "0123", **fields))


def test_of_a_bundle_its_size_its_files_and_its_revision_are_told():
    assert told() == "bundle 5ba256, 1.2 MB, 0 files, 0 wheels; revision: 0123"
    assert told(packed=("a", "b"), wheels=3, modules=4, left_out=LEFT[:1]) == (
        "bundle 5ba256, 1.2 MB, 2 files, 3 wheels, 4 files of node_modules; revision: 0123; left out: 1 by default"
    )


def test_what_is_left_out_is_counted_by_whose_rule_it_is():
    assert told(left_out=LEFT).endswith("; revision: 0123; left out: 1 by .bundleignore, 2 by default")


def test_each_warning_has_lines_of_its_own():
    lines = ["! Procfile:1: may be slow", "    → make it fast"]
    assert told(warnings=(WARNING, WARNING)).splitlines()[1:] == lines * 2


def test_a_bundle_says_what_is_in_it(tmp_path):
    bundle = pack(contents(), tmp_path)
    sha256 = hashlib.sha256(bundle.path.read_bytes()).hexdigest()
    assert bundle == Bundle(
        tmp_path / f"{sha256}.zip", sha256, bundle.path.stat().st_size, digest(FILES | ADDED), ("a/run", "b"), 2, 1,
        LEFT, (WARNING,),
    )  # fmt: skip


@pytest.mark.parametrize("commit", ["", "abc"])
def test_the_zip_holds_every_file_in_order_uncompressed_and_with_its_mode(tmp_path, commit):
    """The commit is in it only when there is one; nobody who gives none gets one."""
    bundle = pack(contents(), tmp_path, commit=commit) if commit else pack(contents(), tmp_path)
    revision = f"{digest(FILES | ADDED)}\n".encode()
    wanted = {name: file.data for name, file in (FILES | ADDED | LOCKED).items()} | {"REVISION": revision}
    wanted |= {"COMMIT": b"abc\n"} if commit else {}
    with zipfile.ZipFile(bundle.path) as archive:
        entries = archive.infolist()
        assert {name: archive.read(name) for name in archive.namelist()} == wanted
    assert [entry.filename for entry in entries] == sorted(wanted)
    for entry in entries:
        mode = 0o100755 if entry.filename == "a/run" else 0o100644
        assert (entry.external_attr, entry.create_system) == (mode << 16, 3)
        assert (entry.date_time, entry.compress_type) == ((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)
        assert entry.file_size == len(wanted[entry.filename])


def test_a_problem_is_told_before_anything_is_written(tmp_path):
    problem = replace(WARNING, is_problem=True)
    with pytest.raises(BundleError, match="Procfile:1: may be slow"):
        pack(contents(findings=(problem,)), tmp_path / "out")
    with pytest.raises(BundleError, match="Procfile:1: may be slow"):
        unpack(contents(findings=(problem,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Unpacked, in place of a former bundle.


def written(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("commit", ["", "abc"])
def test_a_bundle_is_unpacked_into_a_new_folder(tmp_path, commit):
    into = tmp_path / "new" / "folder"
    unpack(contents(), into, commit=commit) if commit else unpack(contents(), into)
    wanted = contents().all(commit)
    assert {name: path.read_bytes() for name, path in written(into).items()} == {
        name: file.data for name, file in wanted.items()
    }
    modes = {name: stat.S_IMODE(path.stat().st_mode) for name, path in written(into).items()}
    assert modes == {name: 0o755 if name == "a/run" else 0o644 for name in wanted}


def test_what_replaces_a_bundle_leaves_only_the_history(tmp_path):
    branch, outside = tmp_path / "branch", write(tmp_path / "outside", {"mine": "x"})
    unpack(contents(locked=WHEELS), branch, commit="abc")
    write(branch, {".git/HEAD": "x"})
    (branch / "empty").mkdir()
    (branch / "link").symlink_to(outside)
    unpack(contents(files={"c": PackedFile(b"c")}, locked={}), branch)
    assert {path.name for path in branch.iterdir()} == {".git", "c", "appspec.yml", "REVISION"}
    assert (
        (branch / ".git" / "HEAD").read_text(encoding="utf-8") == (outside / "mine").read_text(encoding="utf-8") == "x"
    )


def test_nothing_and_a_history_alone_can_be_replaced(tmp_path):
    require_replaceable(tmp_path / "nowhere")
    require_replaceable(tmp_path)
    require_replaceable(write(tmp_path, {".git/config": "x", ".git/objects/0": "y"}))


@pytest.mark.parametrize("change", [{"b": "changed"}, {"more": "x"}, {"REVISION": "0" * 64}, {".gitignore": "x"}])
def test_what_is_not_as_it_was_written_is_not_replaced(tmp_path, change):
    unpack(contents(locked={}), tmp_path)
    require_replaceable(tmp_path)
    write(tmp_path, change)
    with pytest.raises(BundleError) as caught:
        require_replaceable(tmp_path)
    assert caught.value.what == f"{tmp_path} is not empty, and does not hold a former bundle as it was written."
    assert caught.value.fix == (
        "Name a new or empty folder, or a checkout of the deployment branch; files beside .git are replaced."
    )


@pytest.mark.parametrize("gone", ["REVISION", "b"])
def test_a_bundle_that_lacks_a_file_is_not_replaced(tmp_path, gone):
    unpack(contents(locked=WHEELS), tmp_path)
    require_replaceable(tmp_path)
    (tmp_path / gone).unlink()
    with pytest.raises(BundleError, match="is not empty"):
        require_replaceable(tmp_path)


@pytest.mark.parametrize("lock", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_node_modules_are_left_out_of_the_revision_where_a_lock_made_them(tmp_path, lock, own):
    """With a lock they may also be the application's own; without one they always are.  Wheels never count."""
    modules = {name: file for name, file in LOCKED.items() if name.startswith("node_modules")}
    files = FILES | ({"package-lock.json": PackedFile(b"{}")} if lock else {}) | (modules if own else {})
    locked = {name: file for name, file in LOCKED.items() if not own or name not in modules}
    unpack(contents(files=files, locked=locked), tmp_path)
    if lock or own:
        require_replaceable(tmp_path)
        return
    with pytest.raises(BundleError, match="is not empty"):
        require_replaceable(tmp_path)


def test_a_folder_in_place_of_the_revision_is_no_bundle(tmp_path):
    write(tmp_path, {"REVISION/x": "x"})
    with pytest.raises(BundleError, match="is not empty"):
        require_replaceable(tmp_path)


def test_a_revision_that_is_no_text_is_none(tmp_path):
    unpack(contents(locked=WHEELS), tmp_path)
    (tmp_path / "REVISION").write_bytes(b"\xff\xfe")
    with pytest.raises(BundleError, match="is not empty"):
        require_replaceable(tmp_path)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_file_that_became_a_link_or_a_pipe_is_not_replaced(tmp_path, kind):
    """The link leads to the same content: only its own file would be gone.  Reading the pipe would wait for ever."""
    branch, outside = tmp_path / "branch", write(tmp_path / "outside", {"b": "b"})
    unpack(contents(locked=WHEELS), branch)
    (branch / "b").unlink()
    (branch / "b").symlink_to(outside / "b") if kind == "link" else os.mkfifo(branch / "b")
    with pytest.raises(BundleError, match="is not empty"):
        require_replaceable(branch)


def test_modes_apply_also_when_a_bundle_is_packed_on_windows(tmp_path, monkeypatch):
    """There zipfile would mark each file as one of DOS, and unzip would ignore its mode."""
    monkeypatch.setattr(zipfile, "sys", SimpleNamespace(platform="win32"))
    with zipfile.ZipFile(pack(contents(), tmp_path).path) as archive:
        assert {entry.create_system for entry in archive.infolist()} == {3}


def test_a_file_may_be_larger_than_a_plain_zip_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    with zipfile.ZipFile(pack(contents(files={"large": PackedFile(1000 * b"x")}), tmp_path).path) as archive:
        assert archive.read("large") == 1000 * b"x"
