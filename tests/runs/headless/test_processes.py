"""The processes of a headless run: what they have of the command that starts them, and that they end with it."""

import subprocess
import sys

import psutil
import pytest

from embedded_aws.testing import eventually
from runbook_lib.runs.headless import processes

pytestmark = pytest.mark.skipif(not processes.FORKS, reason="Elsewhere no process is a fork.")
COMMAND = '''
import _thread, os, sys, threading, time
from runbook_lib.runs.headless import processes

sys.modules["imported"] = sys
kept = os.open(os.__file__, os.O_RDONLY)
sys.modules["log"] = open(os.devnull, "w")
if "threads" in sys.argv:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
if "hidden" in sys.argv:
    _thread.start_new_thread(time.sleep, (60,))
processes.warm_up()
code = """
import os, sys, tempfile
files = list(map(tempfile.TemporaryFile, ["w"] * 9))
if log := sys.modules.get("log"):
    log.write("What somebody logs here is lost.")
    log.close()
    assert not any(os.fstat(each.fileno()).st_size for each in files)
opened = {os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")}
os._exit(20 + 10 * ("imported" in sys.modules) + (os.path.realpath(os.__file__) in opened))
"""
started = processes.start("builtins:exec", dict(os.environ), code)
started.join()
print(started.exitcode, flush=True)
'''


def ran(more, *arguments):
    command = [sys.executable, "-c", COMMAND + more, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_process_has_what_the_command_has_imported_and_none_of_its_open_files():
    """What the command has still open, a log, say, neither writes to a file of the process nor closes it."""
    output, _ = ran("").communicate(timeout=60)
    assert output == "30\n"


@pytest.mark.parametrize("kind", ["threads", "hidden"])
def test_a_command_with_threads_is_not_forked(kind):
    """One of them may hold a lock, and nobody would release it in the fork; ``threading`` does not know each."""
    output, _ = ran("", kind).communicate(timeout=60)
    assert output == "20\n"


@pytest.mark.parametrize("arguments", [(), ("threads",)])
def test_what_is_forked_ends_with_a_killed_command(arguments):
    command = ran("sys.stdin.read()", *arguments)
    with command:
        assert command.stdout.readline()
        started = psutil.Process(command.pid).children(recursive=True)
        assert started
        command.kill()
    eventually(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in started))
