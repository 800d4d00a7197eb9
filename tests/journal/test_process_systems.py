"""Processes and signals as each system has them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from runbook_lib.journal import process as process_module
from runbook_lib.journal.process import (
    CANCELLED,
    ProcessIdentity,
    handle_cancellation,
    interrupt_this_process,
    process_space,
)

HOST = socket.gethostname()


def look_anew():
    """The space of this process, which is otherwise looked at once."""
    return process_space.__wrapped__()


@pytest.fixture
def system(monkeypatch):
    """Another system than this one."""
    process_space()

    def be(name):
        monkeypatch.setattr(sys, "platform", name)

    return be


@pytest.fixture
def proc(monkeypatch, tmp_path):
    """A folder in place of /proc, with what a Linux of today has."""
    process_space()  # that of this process is known from then on
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("0a1b-2c3d\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").symlink_to("pid:[41]")
    (tmp_path / "self/ns/time").symlink_to("time:[42]")
    monkeypatch.setattr(process_module, "_PROC", tmp_path)
    return tmp_path


class TestSpace:
    def test_on_linux_it_is_the_boot_and_the_namespaces(self, proc):
        assert look_anew() == "0a1b-2c3d pid:[41] time:[42]"

    def test_before_linux_5_6_there_is_one_time(self, proc):
        (proc / "self/ns/time").unlink()
        assert look_anew() == "0a1b-2c3d pid:[41] time"

    @pytest.mark.parametrize("hidden", ["sys/kernel/random/boot_id", "self/ns/pid"])
    def test_where_one_of_them_is_not_known_it_is_empty(self, proc, hidden):
        (proc / hidden).unlink()
        assert look_anew() == ""

    def test_on_macos_it_is_the_boot(self, system, monkeypatch):
        asked = []

        def run(command, **more):
            asked.append((command, more))
            return SimpleNamespace(stdout=b"0A1B-2C3D\n")

        monkeypatch.setattr(subprocess, "run", run)
        system("darwin")
        assert look_anew() == "0A1B-2C3D"
        command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        assert asked == [(command, {"capture_output": True, "check": False})]

    def test_on_windows_it_is_the_machine(self, system):
        system("win32")
        assert look_anew() == f"windows {HOST}"


class TestDeath:
    """Only of what is surely of this boot and these namespaces."""

    @pytest.mark.parametrize("error", [PermissionError, OverflowError, ProcessLookupError, None])
    @pytest.mark.parametrize(
        ("space", "ours", "known"), [("a", "a", True), ("a", "b", False), ("", "a", False), ("", "", False)]
    )
    def test_of_a_process_that_the_system_does_not_have(self, proc, monkeypatch, error, space, ours, known):
        def kill(pid, number):
            assert (pid, number) == (7, 0)
            if error:
                raise error

        monkeypatch.setattr(os, "kill", kill)
        monkeypatch.setattr(process_module, "process_space", lambda: ours)
        assert ProcessIdentity(HOST, 7, 1.0, space).is_dead is (known and error is ProcessLookupError)

    @pytest.mark.parametrize(
        ("stat", "started"),
        [
            ("7 (a) S" + " 1" * 18 + " 500 9", 500),
            ("7 (a ) b) S" + " 1" * 18 + " 500", 500),
            ("7 (a) S" + " 1" * 17, 0),
            ("7 (a) S" + " 1" * 18 + " x", 0),
            ("", 0),
        ],
    )
    def test_when_it_started_is_the_22nd_of_its_values(self, proc, stat, started):
        (proc / "7").mkdir()
        (proc / "7/stat").write_text(stat)
        assert ProcessIdentity.of_pid(7).started == started / os.sysconf("SC_CLK_TCK")


class TestEvents:
    def test_all_of_a_process(self):
        event = {"host": "h", "pid": 7, "started": 1.5, "space": "s"}
        assert ProcessIdentity.of_event(event) == ProcessIdentity("h", 7, 1.5, "s")

    def test_an_earlier_version_wrote_no_space(self):
        """On this host it is taken to be this boot."""
        assert ProcessIdentity.of_event({"host": HOST, "pid": 7}) == ProcessIdentity(HOST, 7, 0.0, process_space())
        assert ProcessIdentity.of_event({"host": "other", "pid": 7}) == ProcessIdentity("other", 7, 0.0, "")

    def test_what_is_not_said_is_not_known(self):
        assert ProcessIdentity.of_event({}) == ProcessIdentity("?", 0, 0.0, "")
        assert ProcessIdentity("h", 7, 1.5).space == ""

    def test_a_process_that_does_not_run_has_not_started(self, proc):
        assert ProcessIdentity.of_pid(7) == ProcessIdentity(HOST, 7, 0.0, process_space())


class TestStartTimes:
    @pytest.mark.parametrize("name", ["darwin", "win32"])
    def test_on_other_systems_psutil_tells_them(self, system, monkeypatch, name):
        monkeypatch.setattr(psutil, "Process", lambda pid: SimpleNamespace(create_time=lambda: pid + 0.5))
        monkeypatch.setattr(psutil, "pid_exists", lambda pid: True)
        system(name)
        assert ProcessIdentity.of_pid(7).started == 7.5
        now = ProcessIdentity.this_process()
        assert not now.is_dead
        assert replace(now, started=now.started + 1).is_dead

    @pytest.mark.parametrize("error", [psutil.NoSuchProcess(7), psutil.AccessDenied(7)])
    def test_where_it_cannot_be_read_the_process_is_not_called_dead(self, system, monkeypatch, error):
        def refuse(pid):
            raise error

        monkeypatch.setattr(psutil, "Process", refuse)
        me = replace(ProcessIdentity.this_process(), started=1.0)
        system("darwin")
        assert ProcessIdentity.of_pid(7).started == 0.0
        assert not me.is_dead

    @pytest.mark.parametrize("exists", [True, False])
    def test_windows_is_not_asked_by_a_signal(self, system, monkeypatch, exists):
        """It would end the process."""
        me = ProcessIdentity.this_process()
        monkeypatch.setattr(os, "kill", lambda pid, number: pytest.fail("it ends the process"))
        monkeypatch.setattr(psutil, "pid_exists", lambda pid: exists)
        monkeypatch.setattr(psutil, "Process", lambda pid: SimpleNamespace(create_time=lambda: me.started))
        system("win32")
        assert me.is_dead is not exists


class TestSignals:
    def test_what_cancels_a_run(self):
        assert CANCELLED == ("SIGTERM", "SIGHUP", "SIGBREAK")

    @pytest.mark.parametrize(
        ("has", "ignored", "handled"),
        [
            ({"SIGTERM": 15, "SIGHUP": 1}, (), [15, 1]),
            ({"SIGTERM": 15, "SIGHUP": 1}, (1,), [15]),
            ({"SIGTERM": 15, "SIGBREAK": 21}, (), [15, 21]),
        ],
    )
    def test_those_that_the_system_has_are_handled_and_nohup_is_respected(self, monkeypatch, has, ignored, handled):
        done = []
        fake = SimpleNamespace(
            SIG_IGN=signal.SIG_IGN,
            getsignal=lambda number: signal.SIG_IGN if number in ignored else signal.SIG_DFL,
            signal=lambda number, handler: done.append((number, handler)),
            **has,
        )
        monkeypatch.setattr(process_module, "signal", fake)
        handle_cancellation(print)
        assert done == [(number, print) for number in handled]

    def test_a_run_interrupts_itself_as_ctrl_c_does(self, system, monkeypatch):
        done = []
        monkeypatch.setattr(os, "kill", lambda pid, number: done.append((pid, number)))
        monkeypatch.setattr(signal, "raise_signal", done.append)
        for name in ("linux", "darwin", "win32"):
            system(name)
            interrupt_this_process()
        assert done == [(os.getpid(), signal.SIGINT)] * 2 + [signal.SIGINT]
