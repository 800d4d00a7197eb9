"""``runbook logs``: what the servers' processes wrote, and what it says when there is nothing."""

import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

import runbook_lib
from embedded_aws import services
from runbook_lib.aws.client import Aws
from runbook_lib.cli import logs as command
from runbook_lib.cli.logs import LogReader
from runbook_lib.cli.main import main
from runbook_lib.journal.redaction.redactor import Redactor

REPOSITORY = Path(runbook_lib.__file__).parents[1]
REGION = "us-west-2"
ONE, OTHER = "i-0aaaaaaaaaaaaaaa1", "i-0bbbbbbbbbbbbbbb2"
APP, SERVER = "/local/web/app", "/local/web/server"


class Account:
    """An account in this process, with log groups."""

    def __init__(self):
        self.logs = boto3.client("logs", region_name=REGION)

    def create(self):
        for group in (APP, SERVER):
            self.logs.create_log_group(logGroupName=group)
        return self

    def write(self, server, process, *lines, ago=60.0):
        """Write lines as a server's agent does."""
        group = SERVER if process in ("cloud-init", "codedeploy-agent") else APP
        stream = f"{server}_{process}" if group == SERVER else f"{server}__var_log_webapp_{process}.log"
        with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        at = int((time.time() - ago) * 1000)
        events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
        self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    services.install()
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.setattr(command, "check_endpoint", lambda params, root: None)
    monkeypatch.setattr(command, "aws_client", lambda params, root, run: Aws(env="local", region=REGION, run=run))
    with mock_aws():
        yield Account()


@pytest.fixture
def account(empty):
    return empty.create()


@pytest.fixture
def runbook():
    def run(*arguments):
        return CliRunner().invoke(main, ["logs", "--env", "local", *arguments])

    return run


def texts(result):
    assert result.exit_code == 0, result.output
    return [line.split(" ", 3)[3] for line in result.stdout.splitlines()]


def test_each_line_has_time_server_and_process(account, runbook):
    account.write(ONE, "web", "hello  world")
    (line,) = runbook().stdout.splitlines()
    at, rest = line.split(" ", 1)
    assert rest == f"{ONE} web hello  world"
    written = datetime.fromisoformat(at)
    assert timedelta(seconds=55) < datetime.now(UTC) - written < timedelta(seconds=90)


def test_lines_of_all_servers_are_sorted_by_time(account, runbook):
    account.write(ONE, "web", "second", ago=20)
    account.write(OTHER, "worker", "first", ago=30)
    account.write(ONE, "codedeploy-agent", "not the application's", ago=25)
    account.write(OTHER, "web", "third", ago=10)
    assert texts(runbook()) == ["first", "second", "third"]


def test_one_server_and_one_process_can_be_chosen(account, runbook):
    account.write(ONE, "web", "a", ago=30)
    account.write(OTHER, "web", "b", ago=20)
    account.write(ONE, "worker", "c", ago=10)
    account.write(ONE, "cloud-init", "d")
    assert texts(runbook("--server", ONE)) == ["a", "c"]
    assert texts(runbook("--process", "web")) == ["a", "b"]
    assert texts(runbook("--server", ONE, "--process", "worker")) == ["c"]
    assert texts(runbook("--process", "cloud-init")) == ["d"]


@pytest.mark.parametrize(
    ("since", "shown"),
    [("30s", 1), ("10m", 2), ("2h", 3), ("1d", 4), ("utc", 3), ("naive", 3), ("0001-01-01", 4)],
)
def test_since_is_a_time_or_how_long_ago(account, runbook, since, shown):
    for ago in (10, 300, 3600, 7200 + 600):
        account.write(ONE, "web", str(ago), ago=ago)
    two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
    value = {
        "utc": two_hours_ago.isoformat(),
        "naive": two_hours_ago.replace(tzinfo=None).isoformat(timespec="seconds"),
    }
    assert len(texts(runbook("--since", value.get(since, since)))) == shown


@pytest.mark.parametrize("since", ["", "yesterday", "10", "-5m", "99999999999d", "1e3s"])
def test_a_wrong_time_is_wrong_usage(account, runbook, since):
    result = runbook("--since", since)
    assert (result.exit_code, "is no time. Write 10m" in result.stderr) == (2, True)
    result = runbook("--since", "2999-01-01")
    assert (result.exit_code, "in the future" in result.stderr) == (2, True)


def test_more_than_one_page_is_read(account, runbook, monkeypatch):
    account.write(ONE, "web", *map(str, range(25)))
    reader = LogReader(Aws(env="local", region=REGION))
    whole = type(reader.aws.logs).__getattr__
    limited = {"filter_log_events": 0}

    def with_limit(client, name):
        operation = whole(client, name)
        if name != "filter_log_events":
            return operation
        limited[name] += 1
        return lambda **request: operation(limit=10, **request)

    monkeypatch.setattr(type(reader.aws.logs), "__getattr__", with_limit)
    assert texts(runbook()) == [str(number) for number in range(25)]
    assert limited["filter_log_events"] == 3


def test_secrets_are_redacted_and_control_characters_escaped(account, runbook, monkeypatch):
    """What is printed can neither give away a secret nor change what the terminal shows."""
    monkeypatch.setattr(command, "REDACTOR", Redactor(["Tr0ub4dor-and-three"]))
    account.write(ONE, "web", "the key is Tr0ub4dor-and-three", "\x1b]0;owned\x07\x1b[2Kgone\r\ttab")
    result = runbook()
    assert "Tr0ub4dor" not in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "\\x1b]0;owned\\x07\\x1b[2Kgone" in result.stdout
    assert "\ttab" in result.stdout


def test_an_unknown_server_or_process_is_told_with_those_that_there_are(account, runbook):
    account.write(ONE, "web", "a")
    account.write(OTHER, "my-worker", "b")
    result = runbook("--server", "i-0")
    assert result.exit_code == 2
    assert f"No server 'i-0' has written to {APP}.\n  → Use one of: " in result.stderr
    assert ONE in result.stderr
    assert OTHER in result.stderr
    result = runbook("--process", "wrker")
    assert result.exit_code == 2
    assert "Use one of: cloud-init, codedeploy-agent, my-worker, web." in result.stderr
    assert texts(runbook("--process", "codedeploy-agent")) == []


def test_without_log_groups_it_says_how_to_get_them(empty, runbook):
    for options in ((), ("--server", ONE)):
        result = runbook(*options)
        assert result.exit_code == 2
        assert f"local has no logs: there is no log group {APP}.\n  → Create it: runbook apply" in result.stderr


def test_a_missing_environment_is_wrong_usage():
    assert CliRunner().invoke(main, ["logs"]).exit_code == 2
    assert CliRunner().invoke(main, ["logs", "--env", "nowhere"]).exit_code == 2


def test_follow_prints_each_line_once_also_one_that_arrives_late(account, runbook, monkeypatch):
    """Until Ctrl-C, which is no error and leaves two lines."""
    account.write(ONE, "web", "one", "two", ago=5)
    later = iter(
        [
            lambda: account.write(ONE, "web", "three", ago=1),
            lambda: account.write(OTHER, "web", "late", ago=3),
            lambda: None,
        ]
    )

    def sleep(seconds):
        step = next(later, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(command.time, "sleep", sleep)
    result = runbook("--follow")
    assert texts(result) == ["one", "two", "three", "late"]
    assert result.stderr.strip().splitlines()[0] == "Stopped."
    assert result.stderr.strip().splitlines()[1].startswith("Go on: runbook logs --env local --since 20")
    assert "Traceback" not in result.output
