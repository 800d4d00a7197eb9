"""A file is written as a whole, or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from runbook_lib.files import write_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_is_created_and_others_may_read_the_file(tmp_path):
    path = write_atomically(tmp_path / "deep" / "er" / "topology.svg", b"<svg/>")
    assert path.read_bytes() == b"<svg/>"
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_mode_is_the_one_asked_for(tmp_path):
    assert write_atomically(tmp_path / "key.pem", b"secret", mode=0o600).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("overwrite", "content"), [(True, b"new"), (False, b"old")])
def test_an_existing_file_is_replaced_unless_it_has_to_stay(tmp_path, overwrite, content):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    write_atomically(path, b"new", overwrite=overwrite)
    assert path.read_bytes() == content
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch, call):
    def no_space(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, call, no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
