"""Role sessions are named after the run, so that CloudTrail names the run as the caller."""

import os

import botocore.session
import pytest

from runbook_lib.aws.client import Aws
from runbook_lib.aws.role_session import with_session_name

RUN = "20261124T080000Z-apply-0a1b"
CONFIG = """
[default]
region = us-west-2
[profile keys]
region = us-west-2
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = keys
[profile own]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = keys
role_session_name = ann
"""


@pytest.fixture
def session(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text("[keys]\naws_access_key_id = AK\naws_secret_access_key = SK\n")
    (tmp_path / "token").write_text("a token")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def session_names(session, run=RUN):
    """The session names in the requests that botocore would send."""
    core = botocore.session.Session()
    with_session_name(core, run)
    names = []

    def stop(params, **_):
        names.append(params["body"]["RoleSessionName"])
        raise InterruptedError

    core.register("before-call.sts", stop)
    with pytest.raises(InterruptedError):
        core.get_credentials().get_frozen_credentials()
    return names


def test_the_role_of_a_profile_is_assumed_with_the_run_as_session_name(session, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "role")
    assert session_names(session) == [RUN]


def test_a_web_identity_role_is_assumed_with_the_run_as_session_name(session, monkeypatch):
    """As in a pod, or in a pipeline."""
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(session / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
    assert session_names(session) == [RUN]


@pytest.mark.parametrize("where", ["profile", "environment"])
def test_a_configured_session_name_is_kept(session, monkeypatch, where):
    """The role's trust policy may require it."""
    if where == "profile":
        monkeypatch.setenv("AWS_PROFILE", "own")
    else:
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(session / "token"))
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
        monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "ann")
    assert session_names(session) == ["ann"]


def test_a_session_name_is_valid_for_sts(session, monkeypatch):
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html: up to 64 of [\\w+=,.@-]."""
    monkeypatch.setenv("AWS_PROFILE", "role")
    assert session_names(session, "a run/ä" + "x" * 80) == ["a-run--" + "x" * 57]


def test_without_a_role_nothing_changes(session, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "keys")
    core = botocore.session.Session()
    with_session_name(core, RUN)
    assert core.get_credentials().access_key == "AK"


def test_the_aws_client_does_it(session, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "role")
    aws = Aws(env="prod", region="us-west-2", run=RUN)
    profiles = aws._session._session.full_config["profiles"]
    assert profiles["role"]["role_session_name"] == RUN
