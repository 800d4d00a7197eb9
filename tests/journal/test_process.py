"""A process is known by its boot and namespaces, its id and its start time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

import psutil
import pytest

from runbook_lib.journal import process as process_module
from runbook_lib.journal.process import ProcessIdentity


def test_this_process_is_not_dead_and_is_read_back_from_an_event():
    me = ProcessIdentity.this_process()
    assert me.pid == os.getpid()
    assert not me.is_dead
    assert ProcessIdentity.of_event({"event": "run", **asdict(me)}) == me


def test_a_process_that_has_ended_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of_pid(process.pid)
    assert not identity.is_dead
    process.communicate()
    assert identity.is_dead


def test_a_later_process_with_the_same_id_is_another_one():
    me = ProcessIdentity.this_process()
    assert replace(me, started=me.started - 1).is_dead


@pytest.mark.parametrize("space", ["", "another boot pid:[1] time:[1]"])
def test_a_process_of_another_boot_or_namespace_is_never_called_dead(space):
    """Also with the same host name, which all containers of a pipeline may have."""
    assert not replace(ProcessIdentity.this_process(), pid=2**22 + 1, started=0.0, space=space).is_dead


def test_a_process_of_an_earlier_versions_journal_is_dead_on_its_host_alone():
    event = {"event": "run", "pid": os.getpid(), "started": 1.0}
    assert ProcessIdentity.of_event({**event, "host": ProcessIdentity.this_process().host}).is_dead
    assert not ProcessIdentity.of_event({**event, "host": "elsewhere"}).is_dead


def test_a_changed_clock_changes_no_start_time(monkeypatch):
    """The kernel's boot time moves with the clock, and psutil adds it to every start time."""
    me = ProcessIdentity.this_process()
    monkeypatch.setattr(psutil, "boot_time", lambda: 1.0)
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 1.0)
    monkeypatch.setattr(psutil._pslinux, "BOOT_TIME", 1.0, raising=False)
    assert ProcessIdentity.of_pid(me.pid) == me
    assert not me.is_dead


def test_a_process_that_may_not_be_looked_at_is_not_called_dead(monkeypatch):
    """Of another user, where /proc hides those (hidepid)."""

    def not_permitted(pid, signal):
        raise PermissionError

    monkeypatch.setattr(process_module.os, "kill", not_permitted)
    monkeypatch.setattr(process_module, "_start_time", lambda pid: None)
    assert not replace(ProcessIdentity.this_process(), pid=1, started=5.0).is_dead


IN_CONTAINER = (
    "import json, sys; from runbook_lib.journal.process import ProcessIdentity;"
    "print(json.dumps(ProcessIdentity(**json.loads(sys.argv[1])).is_dead))"
)


def in_another_namespace(*command):
    """Run a command where it sees no process of this machine."""
    isolated = ["unshare", "--pid", "--fork", "--mount-proc"]
    for prefix in ([*isolated, "--user", "--map-root-user"], ["sudo", "-n", "--preserve-env", *isolated]):
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("unshare")
def test_a_process_is_not_dead_because_another_container_does_not_see_it():
    """With the same host name."""
    identity = json.dumps(asdict(ProcessIdentity.this_process()))
    assert json.loads(in_another_namespace(sys.executable, "-c", IN_CONTAINER, identity)) is False


def test_the_name_of_a_program_is_any_bytes(monkeypatch, tmp_path):
    """What follows it is read all the same: the process with this number is not the one that was written down."""
    me = ProcessIdentity.this_process()
    fields = " ".join(["S", *map(str, range(4, 22)), "123", "0"])
    (tmp_path / str(me.pid)).mkdir()
    (tmp_path / str(me.pid) / "stat").write_bytes(f"{me.pid} (".encode() + b"\xff) (\xfe) " + fields.encode())
    monkeypatch.setattr(process_module, "_PROC", tmp_path)
    now = ProcessIdentity.of_pid(me.pid)
    assert now.started == 123 / os.sysconf("SC_CLK_TCK")
    assert replace(now, started=124 / os.sysconf("SC_CLK_TCK")).is_dead
    assert not now.is_dead


@pytest.mark.parametrize("stat", ["", "1 (x", "1 (x) S 1", "1 (x) " + "S " * 30, None])
def test_a_process_whose_start_cannot_be_read_is_not_called_dead(monkeypatch, tmp_path, stat):
    """As where /proc is hidden, or is another system's."""
    me = ProcessIdentity.this_process()
    if stat is not None:
        (tmp_path / str(me.pid)).mkdir()
        (tmp_path / str(me.pid) / "stat").write_text(stat)
    monkeypatch.setattr(process_module, "_PROC", tmp_path)
    assert not replace(me, started=1.0).is_dead


@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError, OverflowError])
def test_only_a_process_that_the_system_does_not_have_is_dead(monkeypatch, tmp_path, error):
    """Neither one of another user, nor one whose number no system has."""

    def kill(pid, signal):
        assert signal == 0
        raise error

    monkeypatch.setattr(process_module.os, "kill", kill)
    monkeypatch.setattr(process_module, "_PROC", tmp_path)
    assert ProcessIdentity.this_process().is_dead is (error is ProcessLookupError)
