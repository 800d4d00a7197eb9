"""macOS and Windows: what only POSIX has is neither imported nor used where there is another way."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import runbook_lib.files
from runbook_lib.stacks.application import files as application_files

REPOSITORY = Path(__file__).parents[1]
OURS = ("runbook_lib", "embedded_aws.endpoint", "embedded_aws.client", "embedded_aws.cli")
# https://docs.python.org/3/library/: "Availability: Unix" of modules, and of what is in os and signal.
MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
FUNCTIONS = (
    "chown",
    "fork",
    "getegid",
    "geteuid",
    "getgid",
    "getpgid",
    "getuid",
    "killpg",
    "mkfifo",
    "setsid",
    "uname",
)
SIGNALS = ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGUSR1", "SIGUSR2")
# Other packages have ways of their own for Windows, which this Python lacks: they are loaded before anything is hidden.
HIDDEN = f"""
import importlib, os, pkgutil, signal, sys

def load():
    for name in {OURS!r}:
        module = importlib.import_module(name)
        for each in pkgutil.walk_packages(getattr(module, "__path__", ()), name + "."):
            if not each.name.endswith("__main__"):
                importlib.import_module(each.name)

load()
for name in [name for name in sys.modules if name.partition(".")[0] in ("runbook_lib", "embedded_aws")]:
    del sys.modules[name]
sys.modules |= dict.fromkeys({MODULES!r})
for module, names in ((os, {FUNCTIONS!r}), (signal, {SIGNALS!r})):
    for name in names:
        delattr(module, name)
load()
"""


def run_hidden(code, *arguments):
    """Run code in a Python that lacks what Windows lacks, with our packages loaded there; returns what it prints."""
    command = [sys.executable, "-c", HIDDEN + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_is_imported_and_a_run_begins_without_posix(tmp_path):
    """The library, the command, and of the embedded AWS what says that it cannot run there.

    The notebooks of one run write to its journal at the same time: a lost lock would break the chain.
    """
    code = """
    import getpass, threading
    from pathlib import Path
    from runbook_lib.evidence.attestation.keys import machine_key
    from runbook_lib.journal.journal import Journal, is_intact
    from runbook_lib.journal.process import handle_cancellation
    from runbook_lib.runs import start

    path = Path(sys.argv[1], "journal.jsonl")
    def write():
        for number in range(20):
            Journal(path).write("change", number=number)
    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(path.read_bytes().splitlines()), is_intact(path))
    def nameless():
        raise KeyError  # as where a container's user has no name
    getpass.getuser = nameless
    print(start.find_operator().partition(" on ")[0])
    print(machine_key(path.parent).public_key == machine_key(path.parent).public_key)
    handle_cancellation(signal.default_int_handler)
    print(signal.getsignal(signal.SIGTERM) is signal.default_int_handler)
    """
    assert run_hidden(code, tmp_path).splitlines() == ["80 True", "an unnamed user", "True", "True"]


def test_the_embedded_aws_says_on_windows_that_it_wants_wsl():
    """Before anything is started."""
    code = """
    from click.testing import CliRunner
    from embedded_aws.client import process
    from runbook_lib.cli.main import main

    process.os = type("Windows", (), {"name": "nt"})
    for command in (["local", "status"], ["local", "up"], ["plan", "--env", "local"]):
        done = CliRunner().invoke(main, command)
        print(done.exit_code, done.stderr)
    """
    told = run_hidden(code)
    what = "1 LocalError: the embedded AWS needs Linux or macOS, and this is Windows\n  → run the rehearsal in WSL"
    assert told.count(what) == 3


def test_git_says_what_is_executable_where_a_mode_does_not(tmp_path, monkeypatch):
    """So that the same commit is the same bundle on Windows; a script that git does not know yet is executable."""
    webapp = tmp_path / "webapp"
    webapp.mkdir()
    for name in ("run.sh", "plain.sh", "new.sh", "page.html"):
        (webapp / name).write_text("<p>" if name == "page.html" else "#!/bin/sh\n", encoding="utf-8")
    (webapp / "run.sh").chmod(0o755)
    for command in (["init", "-q"], ["add", "webapp/run.sh", "webapp/plain.sh", "webapp/page.html"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(application_files, "HAS_MODE_BITS", False)
    for path in webapp.iterdir():
        path.chmod(0o666)
    packed = application_files.read_files(webapp).packed
    assert {name for name, file in packed.items() if file.executable} == {"run.sh", "new.sh"}


def test_a_key_is_not_refused_for_modes_that_the_system_does_not_have(tmp_path, monkeypatch):
    """On Windows every file has the mode 0666."""
    path = tmp_path / "key"
    path.touch()
    path.chmod(0o666)
    assert runbook_lib.files.may_others_read(path)
    monkeypatch.setattr(runbook_lib.files, "HAS_MODE_BITS", False)
    assert not runbook_lib.files.may_others_read(path)


def test_a_run_under_nohup_stays_deaf_to_a_closed_terminal():
    """nohup lets its command ignore SIGHUP: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/nohup.html."""
    code = (
        "import signal\nfrom runbook_lib.journal.process import handle_cancellation\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nhandle_cancellation(lambda *_: None)\n"
        "print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, callable(signal.getsignal(signal.SIGTERM)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"


def test_a_pipe_s_encoding_without_the_symbols_of_a_plan_stops_no_command(tmp_path):
    """As cp1252 does, which a pipe has on Windows."""
    command = [sys.executable, "-m", "runbook_lib", "app", "check", "--webapp", str(tmp_path / "absent")]
    around = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=REPOSITORY, env=around, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert b"correct what is marked" in done.stderr
    assert done.returncode == 1
