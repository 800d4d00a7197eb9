"""No process outlives the embedded AWS that started it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from embedded_aws.process_registry import Ledger
from embedded_aws.state_folder import Process
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


def start(ledger, tmp_path, command=SLEEP, what="i-1"):
    return ledger.start(command, tmp_path, ENV, tmp_path / "log", what)


def test_ending_one_leaves_the_others(ledger, tmp_path):
    """Names that begin alike are told apart; a part goes with the whole."""
    one, part, ten = (start(ledger, tmp_path, what=what) for what in ("i-1", "i-1 placeholder.service", "i-10"))
    ledger.end("i-1")
    assert one.running() is None
    assert part.running() is None
    assert ten.running()


def test_a_daemon_that_has_left_its_group_is_found(ledger, tmp_path):
    """What an application's own hook leaves running belongs to the machine."""
    start(ledger, tmp_path, DAEMON)
    eventually(lambda: len(ledger.running("i-1")) == 1 and ledger.running("i-1")[0].ppid() != os.getpid())
    ledger.end("i-1")
    assert ledger.running() == []


def test_who_does_not_listen_is_killed(ledger, tmp_path):
    """A process that ignores SIGTERM gets its time, then SIGKILL."""
    stubborn = start(ledger, tmp_path, STUBBORN)
    eventually((tmp_path / "ready").exists)
    ledger.end("i-1", patience=0.2)
    assert stubborn.running() is None


def test_after_a_kill_nothing_is_left(tmp_path):
    """The next server ends what a server that was killed has left behind: groups and daemons."""
    code = f"""
import os, pathlib, signal
from embedded_aws.process_registry import Ledger
here = pathlib.Path({str(tmp_path)!r})
ledger = Ledger(here / "processes.json")
for command in ({SLEEP!r}, {DAEMON!r}):
    ledger.start(command, here, dict(PATH=os.environ["PATH"]), here / "log", "i-1")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    ledger = Ledger(tmp_path / "processes.json")
    try:
        eventually(lambda: len(ledger.running()) == 2)
    finally:
        ledger.end_all()
    assert ledger.running() == []


def test_a_lost_file_loses_no_process(ledger, tmp_path):
    """The mark alone is enough to find them."""
    process = start(ledger, tmp_path)
    (tmp_path / "processes.json").write_text("{ half a fi")
    Ledger(tmp_path / "processes.json").end_all()
    assert process.running() is None


def test_others_are_left_alone(ledger, tmp_path):
    """Two rehearsals side by side do not end each other's machines."""
    process = start(ledger, tmp_path)
    Ledger(tmp_path / "other.json").end_all()
    assert process.running()


def test_a_number_that_somebody_else_has_now_is_not_ended(tmp_path):
    """After a reboot of the laptop the numbers in the file are other people's."""
    bystander = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        entry = {"process": {"pid": bystander.pid, "began": psutil.Process().create_time() - 86400}, "what": "i-1"}
        (tmp_path / "processes.json").write_text(json.dumps([entry]))
        Ledger(tmp_path / "processes.json").end_all(patience=0)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_missing_program_is_an_error_and_no_entry(ledger, tmp_path):
    """Whoever starts something learns that it is not there."""
    with pytest.raises(FileNotFoundError):
        start(ledger, tmp_path, ["/no/such/program"])
    assert ledger.adopt("i-1") == []


def test_an_entry_is_on_disk_at_once(ledger, tmp_path):
    """A crash right after the start costs nothing."""
    process = start(ledger, tmp_path)
    written = json.loads(Path(tmp_path / "processes.json").read_text())
    assert Process(**written[0]["process"]) == process
