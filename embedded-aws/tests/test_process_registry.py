"""No process outlives the embedded AWS that started it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.process_registry import ProcessRegistry
from embedded_aws.testing import eventually

ENV = {"PATH": os.environ["PATH"]}
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w'); time.sleep(600)",
]
#: Leaves its parent, its group and its session, as a daemon does.
DAEMON = [
    sys.executable,
    "-c",
    "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ntime.sleep(600)",
]


def start(registry, tmp_path, command=SLEEP, owner="i-1"):
    return registry.start(command, tmp_path, ENV, tmp_path / "log", owner)


def test_ending_one_owner_leaves_the_others(registry, tmp_path):
    """Owners with a common prefix are different; a part of an owner is ended with it."""
    one, part, ten = (start(registry, tmp_path, owner=owner) for owner in ("i-1", "i-1 placeholder.service", "i-10"))
    registry.end("i-1")
    assert one.running() is None
    assert part.running() is None
    assert ten.running()


def test_a_daemon_that_has_left_its_group_is_found(registry, tmp_path):
    """Processes that an application's hook starts belong to the host."""
    start(registry, tmp_path, DAEMON)
    eventually(lambda: len(registry.running("i-1")) == 1 and registry.running("i-1")[0].ppid() != os.getpid())
    registry.end("i-1")
    assert registry.running() == []


def test_a_process_that_ignores_sigterm_is_killed(registry, tmp_path):
    stubborn = start(registry, tmp_path, STUBBORN)
    eventually((tmp_path / "ready").exists)
    registry.end("i-1", seconds=0.2)
    assert stubborn.running() is None


def test_after_a_kill_nothing_is_left(tmp_path):
    """The next server ends what a killed server has left behind: groups and daemons."""
    code = f"""
import os, pathlib, signal
from embedded_aws.process_registry import ProcessRegistry
here = pathlib.Path({str(tmp_path)!r})
registry = ProcessRegistry(here / "processes.json")
for command in ({SLEEP!r}, {DAEMON!r}):
    registry.start(command, here, dict(PATH=os.environ["PATH"]), here / "log", "i-1")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    registry = ProcessRegistry(tmp_path / "processes.json")
    try:
        eventually(lambda: len(registry.running()) == 2)
    finally:
        registry.end_all()
    assert registry.running() == []


def test_a_lost_file_loses_no_process(registry, tmp_path):
    """The environment variables are enough to find them."""
    process = start(registry, tmp_path)
    (tmp_path / "processes.json").write_text("{ half a fi")
    ProcessRegistry(tmp_path / "processes.json").end_all()
    assert process.running() is None


def test_processes_of_other_registries_are_left_alone(registry, tmp_path):
    """Two rehearsals at once do not end each other's hosts."""
    process = start(registry, tmp_path)
    ProcessRegistry(tmp_path / "other.json").end_all()
    assert process.running()


def test_another_process_with_a_registered_number_is_left_alone(tmp_path):
    """As after a reboot of the laptop."""
    bystander = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        entry = {"process": {"pid": bystander.pid, "began": psutil.Process().create_time() - 86400}, "owner": "i-1"}
        (tmp_path / "processes.json").write_text(json.dumps([entry]))
        ProcessRegistry(tmp_path / "processes.json").end_all(seconds=0)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_missing_program_is_an_error_and_not_registered(registry, tmp_path):
    with pytest.raises(FileNotFoundError):
        start(registry, tmp_path, ["/no/such/program"])
    assert registry.adopt("i-1") == []


def test_an_entry_is_on_disk_at_once(registry, tmp_path):
    """So a crash right after the start loses nothing."""
    process = start(registry, tmp_path)
    written = json.loads(Path(tmp_path / "processes.json").read_text())
    assert ProcessIdentity(**written[0]["process"]) == process
