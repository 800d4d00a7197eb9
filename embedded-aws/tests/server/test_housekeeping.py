"""A server whose folder is gone ends itself, and no log grows for ever."""

import gc
import json
import os
import shutil
from dataclasses import asdict

import psutil
import pytest

from embedded_aws.client import process
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.server.housekeeping import KEPT_BYTES, LOG_BYTES, Housekeeping, trim_logs
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import embedded, eventually

ME = ProcessIdentity.current()


@pytest.fixture
def folder(tmp_path):
    folder = StateFolder(tmp_path / "root")
    folder.create()
    folder.server_lock.write_text(json.dumps(asdict(ME)))
    return folder


class Watched:
    """A watch, the time that passes for it, and how often it ended the server."""

    def __init__(self, folder):
        self.now, self.ended = 0.0, 0
        self.watch = Housekeeping(folder, self.end, lambda: self.now)

    def end(self):
        self.ended += 1

    def after(self, seconds):
        self.now += seconds
        assert self.watch.tick() is False, "the account stays as it is"
        return self.ended


def test_a_server_with_its_folder_goes_on(folder):
    watched = Watched(folder)
    assert [watched.after(1.0) for _ in range(3)] == [0, 0, 0]
    assert not watched.watch.is_gone


@pytest.mark.parametrize(("seconds", "cleaned"), [(9.0, 0), (10.0, 1)])
def test_every_ten_seconds_garbage_is_collected_and_logs_are_cut(folder, monkeypatch, seconds, cleaned):
    collected = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
    folder.log.write_bytes(b"x\n" * (LOG_BYTES // 2 + 1))
    watched = Watched(folder)
    watched.after(seconds)
    assert len(collected) == cleaned
    assert (folder.log.stat().st_size <= KEPT_BYTES) is bool(cleaned)
    watched.after(1.0)
    assert len(collected) == cleaned + (seconds == 9.0)


def gone(folder):
    shutil.rmtree(folder.root)


def anew(folder):
    shutil.rmtree(folder.root)
    folder.create()


def of_another(folder):
    anew(folder)
    folder.server_lock.write_text(json.dumps(asdict(ProcessIdentity(1, 5.0))))


@pytest.mark.parametrize("change", [gone, anew, of_another])
def test_a_server_whose_folder_is_gone_ends_once(folder, change):
    """Also when another one is in its place: it is another server's."""
    watched = Watched(folder)
    change(folder)
    assert watched.after(0.9) == 0, "it looks once a second"
    assert watched.after(0.1) == 1
    assert watched.after(5.0) == 1


def test_nothing_is_left_of_a_folder_that_was_deleted(folder):
    """Processes that end write their last lines, and so create it again."""
    watched = Watched(folder)
    gone(folder)
    (folder.path / "machines" / "i-1").mkdir(parents=True)
    watched.watch.remove_remains()
    assert not folder.root.exists()


def test_what_another_server_or_person_has_there_stays(folder):
    watched = Watched(folder)
    of_another(folder)
    watched.watch.remove_remains()
    assert folder.server_lock.exists()
    anew(folder)
    (folder.root / "params").mkdir()
    watched.watch.remove_remains()
    assert [path.name for path in folder.root.iterdir()] == ["params"]


@pytest.mark.parametrize("name", ["server.log", "databases/web.log", "machines/i-1/init.log"])
def test_a_large_log_keeps_its_last_lines(folder, name):
    path = folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    line = b"x" * 99 + b"\n"
    with path.open("ab", buffering=0) as log:
        log.write(line * (LOG_BYTES // 100))
        trim_logs(folder.path)
        assert path.stat().st_size == LOG_BYTES
        log.write(b"the last one\n")
        trim_logs(folder.path)
        assert path.read_bytes() == line * (KEPT_BYTES // 100 - 1) + b"the last one\n"
        log.write(b"and on\n")
        assert path.read_bytes().endswith(b"the last one\nand on\n")


def test_a_server_whose_root_is_deleted_ends_and_leaves_nothing(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with embedded(root) as aws:
        server = psutil.Process(aws.address.process.pid)
        aws.client("s3").list_buckets()
        assert [one.process.pid for one in process.list_running() if one.root == root] == [server.pid]
        shutil.rmtree(root)
        eventually(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, within=20)
    assert not os.path.lexists(root)
