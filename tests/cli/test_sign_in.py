"""The command signs in once, before any kernel: one question, one message."""

import os
import shutil
import sys

import pytest
from click.testing import CliRunner

from runbook_lib.cli import verbs
from runbook_lib.cli.main import main
from runbook_lib.paths import checkout
from tests.support.minimal_notebooks import notebook


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root with the parameters of dev, and a notebook that fails without the session of the command."""
    shutil.copytree(checkout() / "params", tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    monkeypatch.setattr(verbs, "checkout", lambda: tmp_path)
    notebook(tmp_path, "01_network", handoff="import os; assert os.environ['AWS_SESSION_TOKEN'] == 'token-1'")
    return tmp_path


@pytest.fixture
def account(root, sts):
    """The account of dev."""
    text = (root / "params" / "dev.yaml").read_text(encoding="utf-8")
    sts.account = text.partition('account: "')[2][:12]
    return sts


def plan(*options):
    return CliRunner().invoke(main, ["plan", "--env", "dev", "--only", "01", *options])


def refused(root, *options):
    """What the command says on standard error when it starts nothing."""
    done = plan(*options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert isinstance(done.exception, SystemExit), "would end in a traceback"
    assert not (root / "artifacts").exists()
    return done.stderr


def test_a_code_is_asked_for_once_and_the_notebooks_use_the_session(root, account, monkeypatch):
    """A code is valid once: a second question would be refused."""
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    account.codes, questions = ["123456"], []

    def answer(question):
        questions.append(question)
        return "123456"

    monkeypatch.setattr("runbook_lib.runs.start.ask_code", answer)
    done = plan()
    assert (done.exit_code, len(questions)) == (0, 1), done.output
    assert "token-1" not in done.output
    assert not [path for path in root.glob("artifacts/**/*.*") if b"secret-1" in path.read_bytes()]


def test_a_code_can_be_passed(root, account, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    monkeypatch.setattr(verbs, "run", lambda job, on_event: [verbs.Progress(name, state="done") for name in job.only])
    monkeypatch.setattr(verbs, "_finish", lambda params, job: "archive")
    account.codes = ["654321"]
    assert plan("--mfa-token", "654321").exit_code == 0
    assert os.environ["AWS_SESSION_TOKEN"] == "token-1"
    assert account.requests == [("AssumeRole", "us-west-2"), ("GetCallerIdentity", "us-west-2")]


def test_without_a_terminal_the_command_says_what_to_do(root, account, monkeypatch):
    """As in a pipeline: it must neither wait nor end in a traceback."""
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    assert not sys.stdin.isatty()
    text = refused(root)
    assert text.startswith("NoAccess: AWS_PROFILE needs the code of an MFA device, and nobody is here to answer")
    assert "--mfa-token CODE" in text
    assert "In a pipeline, use a role" in text


@pytest.mark.parametrize("verb", ["plan", "apply", "verify", "destroy"])
def test_without_credentials_one_message_and_no_kernel(root, sts, verb):
    confirm = ["--confirm", "dev"] if verb == "destroy" else []
    done = CliRunner().invoke(main, [verb, "--env", "dev", *confirm])
    assert (done.exit_code, done.stdout, done.stderr.count("NoAccess")) == (1, "", 1)
    assert not (root / "artifacts").exists()


def test_a_misspelt_profile_starts_nothing(root, account, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mfaa")
    text = refused(root)
    assert "The config profile (mfaa) could not be found" in text
    assert "there are: default, keys, mfa." in text


def test_another_account_starts_nothing(root, sts, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "keys")
    sts.account = "999999999999"
    assert "WrongAccount: These credentials are for account 999999999999, but dev is account" in refused(root)
