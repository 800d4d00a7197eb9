"""`runbook local …`: start, end and inspect the embedded AWS."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

import runbook_lib
from embedded_aws.cli import commands
from embedded_aws.client import process
from embedded_aws.process_identity import ProcessIdentity
from embedded_aws.testing import embedded
from runbook_lib.errors import WrongUsage

BIN = Path(sys.executable).parent
CLIENT = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
MAKE = (
    "import boto3; boto3.client('s3').create_bucket(Bucket='by-hand', "
    "CreateBucketConfiguration={'LocationConstraint': 'us-west-2'})"
)
LIST = "import boto3; print([b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']])"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("by-hand")
    try:
        yield folder
    finally:
        process.stop(folder)


@pytest.fixture(scope="module")
def shell(root):
    """Return a function that runs a command in the shell of a user with AWS credentials of their own."""
    profile = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "mine", "AWS_ACCESS_KEY_ID": "AKIAMINE"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = inherited | profile | {"RUNBOOK_ROOT": str(root), "PATH": f"{BIN}:{os.environ['PATH']}"}

    def run(command):
        return subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, timeout=90, check=False, env=environment, cwd=root
        )

    return run


def test_up_prints_the_url_and_can_be_repeated(shell, root):
    first, second = shell("runbook local up"), shell("runbook local up")
    assert (first.returncode, first.stderr) == (0, "")
    assert process.find(root).url in first.stdout
    assert second.stdout == first.stdout
    assert shell("runbook local status").stdout.startswith(first.stdout)


def test_a_stock_client_needs_nothing_but_the_eval(shell):
    """Even where a profile and a session of the real AWS are set: `env` unsets them."""
    done = shell(f'eval "$(runbook local env)" && python -c "{CLIENT}"')
    assert done.stdout.strip() == "123456789012", done.stderr


def test_env_prints_only_shell_commands(shell):
    """Any other output would be run as a command."""
    lines = shell("runbook local env").stdout.splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "export AWS_ENDPOINT_URL",
        "export AWS_ACCESS_KEY_ID",
        "export AWS_SECRET_ACCESS_KEY",
        "export AWS_REGION",
        "export AWS_DEFAULT_REGION",
        "unset AWS_PROFILE AWS_SESSION_TOKEN",
    ]


def test_down_keeps_the_account_and_forget_does_not(shell, root):
    """The next start restores the account, unless it was deleted."""
    client = f'eval "$(runbook local env)" && python -c "{LIST}"'
    made = shell(f'eval "$(runbook local env)" && python -c "{MAKE}"')
    assert made.returncode == 0, made.stderr
    assert "has ended" in shell("runbook local down").stdout
    assert process.find(root) is None
    assert shell("runbook local status").stdout == "The embedded AWS is not running.\n"
    assert shell(client).stdout.strip() == "['by-hand']"
    assert "is deleted" in shell("runbook local down --forget").stdout
    assert shell(client).stdout.strip() == "[]"


def test_down_can_be_repeated_and_the_log_stays(shell):
    """A second `down` is not an error."""
    shell("runbook local down")
    again = shell("runbook local down")
    assert (again.returncode, again.stdout) == (0, "The embedded AWS was not running.\n")
    assert shell("runbook local logs --lines 1").stdout.rstrip().endswith("ended")


def test_down_fails_when_the_account_could_not_be_saved(tmp_path, shell):
    """Otherwise nobody would know, before the next start, that changes are lost."""
    shell(f"runbook local up --root {tmp_path}")
    (tmp_path / ".runbook" / "local" / "state.pickle").mkdir()
    shell(f'eval "$(runbook local env --root {tmp_path})" && python -c "{MAKE}"')
    done = shell(f"runbook local down --root {tmp_path}")
    assert done.returncode == 1
    assert "the account of the embedded AWS cannot be saved (IsADirectoryError" in done.stderr
    assert "`runbook local logs`" in done.stderr
    assert "Traceback" not in done.stderr
    assert process.find(tmp_path) is None


@pytest.mark.parametrize("lines", ["0", "-3"])
def test_the_number_of_lines_must_be_positive(shell, lines):
    done = shell(f"runbook local logs --lines {lines}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "x>=1" in done.stderr


def test_open_starts_nothing(shell, tmp_path):
    """Where no embedded AWS is running, the error says how to start it."""
    done = shell(f"runbook local open --root {tmp_path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the embedded AWS is not running" in done.stderr
    assert "`runbook local up`" in done.stderr
    assert not (tmp_path / ".runbook").exists()


def test_without_a_log_the_error_says_what_to_do(shell, tmp_path):
    """In one line, without a traceback."""
    done = shell(f"runbook local logs --root {tmp_path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "start the embedded AWS: `runbook local up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_root_that_cannot_be_written_is_an_error(shell, tmp_path):
    """The message names the folder, the reason and the remedy."""
    (tmp_path / ".runbook").mkdir()
    (tmp_path / ".runbook" / "local").write_text("a file where a folder should be")
    done = shell(f"runbook local up --root {tmp_path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path}/.runbook/local cannot be written" in done.stderr
    assert "RUNBOOK_ROOT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.exhaustive
def test_the_pace_can_be_changed_while_it_runs(shell):
    """By option or environment; otherwise it stays as it is."""
    assert "Pace 0: everything is ready at once." in shell("runbook local up").stdout
    assert "Pace 0.02: what takes AWS a minute takes 1.2 s here." in shell("runbook local up --pace 0.02").stdout
    assert "Pace 0.02:" in shell("runbook local up").stdout
    assert "Pace 0.5:" in shell("RUNBOOK_LOCAL_PACE=0.5 runbook local up").stdout
    assert "Pace 1:" in shell("RUNBOOK_LOCAL_PACE=0.5 runbook local up --pace 1").stdout
    assert "Pace 1:" in shell("runbook local status").stdout
    assert "Pace 0:" in shell("runbook local up --pace 0 && runbook local status").stdout


@pytest.mark.parametrize("pace", ["fast", "-0.1", "nan", "inf", "1000"])
def test_an_invalid_pace_is_wrong_usage(shell, tmp_path, pace):
    """The message explains paces, and nothing is started."""
    for command in (f"runbook local up --pace={pace}", f"RUNBOOK_LOCAL_PACE={pace} runbook local up"):
        done = shell(f"{command} --root {tmp_path}")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"The pace {pace!r} is not a number from 0 to 10." in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / ".runbook").exists()


def test_only_the_owner_can_read_the_folder(root, shell):
    """It holds the token and the secrets of a rehearsal."""
    shell("runbook local up")
    assert (root / ".runbook" / "local").stat().st_mode & 0o077 == 0


def test_by_default_the_root_is_this_repository():
    """Not the current folder."""
    (option,) = [parameter for parameter in commands.up.params if parameter.name == "root"]
    assert option.default() == Path(runbook_lib.__file__).parents[1]


def test_list_shows_what_runs_for_whom_and_since_when(shell, root):
    shell("runbook local up")
    done = shell("runbook local list")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["PROCESS", "USER", "SINCE", "MEMORY", "ROOT"]
    (line,) = [line for line in lines if line.endswith(str(root))]
    pid, user, day, minute, memory, unit, folder = line.split()
    server = psutil.Process(process.find(root).process.pid)
    assert (int(pid), user, folder) == (server.pid, server.username(), str(root))
    assert f"{day} {minute}" == f"{datetime.fromtimestamp(server.create_time()):%Y-%m-%d %H:%M}"
    assert 20 < int(memory) < 2000
    assert unit == "MB"


def test_list_says_that_nothing_runs_and_which_root_is_gone(monkeypatch, tmp_path):
    monkeypatch.setattr(process, "list_running", list)
    assert CliRunner().invoke(commands.local, ["list"]).output == "No embedded AWS is running.\n"
    identity = ProcessIdentity(77, datetime(2026, 11, 3, 7, 5).timestamp())
    servers = [
        process.RunningServer(identity, tmp_path, "ann", 61_400_000),
        process.RunningServer(ProcessIdentity(7, identity.began), tmp_path / "none", "bob", 1_000_000_000),
    ]
    monkeypatch.setattr(process, "list_running", lambda: servers)
    assert CliRunner().invoke(commands.local, ["list"]).output.splitlines() == [
        f"PROCESS  USER  SINCE             MEMORY   {'ROOT'}",
        f"77       ann   2026-11-03 07:05  61 MB    {tmp_path}",
        f"7        bob   2026-11-03 07:05  1000 MB  {tmp_path / 'none'}  (gone)",
    ]


def test_down_all_ends_each_server_of_this_user(monkeypatch, tmp_path):
    """Here of two: other tests have servers of the same user."""
    monkeypatch.setenv("RUNBOOK_LOCAL_MACHINES", "none")
    roots = [tmp_path / "one", tmp_path / "two"]
    listed = process.list_running
    with embedded(roots[0]), embedded(roots[1]):
        foreign = process.RunningServer(ProcessIdentity.current(), tmp_path, "somebody-else", 1)
        monkeypatch.setattr(process, "list_running", lambda: [foreign, *(one for one in listed() if one.root in roots)])
        done = CliRunner().invoke(commands.local, ["down", "--all"])
        assert sorted(done.output.splitlines()) == [f"The embedded AWS of {root} has ended." for root in roots]
        assert [process.find(root) for root in roots] == [None, None]
        again = CliRunner().invoke(commands.local, ["down", "--all"])
        assert (again.exit_code, again.output) == (0, "No embedded AWS was running.\n")


def test_down_all_deletes_no_account(tmp_path):
    done = CliRunner().invoke(commands.local, ["down", "--all", "--forget", "--root", str(tmp_path)])
    assert isinstance(done.exception, WrongUsage)
    assert "deletes no account" in str(done.exception)
