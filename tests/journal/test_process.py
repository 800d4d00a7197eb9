"""A process is known by its host, its id and its start time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, replace

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


def test_a_process_of_another_host_is_never_called_dead():
    assert not replace(ProcessIdentity.this_process(), host="elsewhere", started=0.0).is_dead
