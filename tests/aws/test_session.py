"""Signing in to AWS: what a profile needs is asked for, and what is wrong with it is said."""

import pytest

from runbook_lib.aws.client import Aws
from runbook_lib.aws.connection import Connection
from runbook_lib.aws.session import MfaDevice, create_session, credential_variables
from runbook_lib.errors import NoAccess

RUN = "20261124T080000Z-apply-0a1b"


def aws(region="us-west-2", **more):
    return Aws(env="dev", region=region, run=RUN, **more)


@pytest.mark.parametrize("profile", ["mfaa", "nobody"])
def test_a_misspelt_profile_is_reported_with_those_there_are(sts, monkeypatch, profile):
    """Also where other credentials could be found: they are not those that were asked for."""
    monkeypatch.setenv("AWS_PROFILE", profile)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    with pytest.raises(NoAccess) as caught:
        aws().caller()
    assert f"({profile}) could not be found" in caught.value.what
    assert caught.value.fix == "Correct AWS_PROFILE; there are: default, keys, mfa."
    assert sts.requests == []


def test_a_profile_with_an_mfa_device_asks_for_its_code(sts, monkeypatch):
    """Once for all services of the client."""
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    sts.codes, questions = ["123456"], []

    def ask(question):
        questions.append(question)
        return "123456"

    client = aws(ask_code=ask)
    assert client.session_variables() == {}
    client.caller()
    client.caller()
    assert questions == ["Enter MFA code for arn:aws:iam::111122223333:mfa/ann: "]
    assert client.session_variables() == {
        "AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "secret-1", "AWS_SESSION_TOKEN": "token-1",
    }  # fmt: skip


def test_without_a_code_no_credentials_are_handed_on(sts, monkeypatch):
    """Whoever has the profile renews them by itself."""
    monkeypatch.setenv("AWS_PROFILE", "keys")
    client = aws(ask_code=lambda question: pytest.fail("there is no MFA device"))
    client.caller()
    assert client.session_variables() == {}


def test_where_nobody_can_answer_the_error_says_what_to_do(sts, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    with pytest.raises(NoAccess, match=r"(?s)needs the code of an MFA device.*mfa/ann\..*--mfa-token.*pipeline"):
        aws().caller()


def test_a_wrong_code_is_no_missing_permission(sts, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    with pytest.raises(NoAccess, match=r"(?s)AssumeRole was refused: AccessDenied.*invalid MFA.*wait for the next one"):
        aws(ask_code=lambda question: "000000").caller()


def test_a_region_that_the_account_has_not_enabled_is_named(sts, monkeypatch):
    """STS answers there as to unknown credentials."""
    monkeypatch.setenv("AWS_PROFILE", "keys")
    sts.refusing = {"eu-south-1"}
    with pytest.raises(NoAccess) as caught:
        aws("eu-south-1").caller()
    assert "Account 111122223333 has not enabled the region eu-south-1" in caught.value.what
    assert "aws account enable-region --region-name eu-south-1" in caught.value.fix
    assert "aws sso login" not in str(caught.value)


@pytest.mark.parametrize("region", ["eu-south-1", "us-east-1"])
def test_credentials_that_are_accepted_nowhere_are_reported_as_such(sts, monkeypatch, region):
    monkeypatch.setenv("AWS_PROFILE", "keys")
    sts.refusing = {"eu-south-1", "us-east-1"}
    with pytest.raises(NoAccess, match=r"(?s)does not accept these credentials: InvalidClientTokenId.*Sign in again"):
        aws(region).caller()


def test_where_there_is_no_profile_that_is_said(sts, monkeypatch, tmp_path):
    for name in ("aws_config", "aws_keys"):
        (tmp_path / name).write_text("")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(NoAccess) as caught:
        aws()
    assert caught.value.what == "Cannot access AWS: The config profile (nobody) could not be found."
    assert caught.value.fix == "Correct AWS_PROFILE; there are: none."


@pytest.mark.parametrize("name", ["aws_config", "aws_keys"])
def test_files_that_cannot_be_read_stop_only_who_needs_them(sts, monkeypatch, tmp_path, name):
    """The embedded AWS has its own credentials."""
    (tmp_path / name).write_text("[broken\nx = 1\n")
    with pytest.raises(NoAccess, match=rf"^Cannot access AWS: Unable to parse config file: .*{name}"):
        aws().caller()
    local = aws(connection=Connection("https://sts.us-west-2.example.org", "K", "S"))
    assert local.caller()["Account"] == "111122223333"


def test_a_connection_has_credentials_of_its_own(sts, monkeypatch):
    """Whatever the operator's profile is."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    session = create_session("us-west-2", Connection("https://sts.us-west-2.example.org", "K", "S"), "", None)
    assert credential_variables(session) == {
        "AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": None,
    }  # fmt: skip
    assert session.region_name == "us-west-2"


def test_a_role_is_assumed_in_the_name_of_the_run(sts, monkeypatch):
    """CloudTrail keeps it with each call."""
    monkeypatch.setenv("AWS_PROFILE", "mfa")
    sts.codes, names, answer = ["123456"], [], sts._AssumeRole
    sts._AssumeRole = lambda query, region: names.append(query["RoleSessionName"]) or answer(query, region)
    aws(ask_code=lambda question: "123456").caller()
    assert names == [RUN]


def test_who_cannot_answer_is_told_what_was_asked():
    device = MfaDevice(lambda question: None)
    with pytest.raises(NoAccess) as caught:
        device.code("Enter MFA code for arn:aws:iam::1:mfa/ann: ")
    assert caught.value.what == (
        "AWS_PROFILE needs the code of an MFA device, and nobody is here to answer:"
        " Enter MFA code for arn:aws:iam::1:mfa/ann."
    )
    assert caught.value.fix == (
        "Run `runbook` in a terminal, which asks once, or pass --mfa-token CODE. In a pipeline, use a role without an"
        " MFA device: docs/operating.md, Signing in."
    )
    assert not device.asked


def test_a_code_is_passed_on_and_remembered_to_have_been_asked_for():
    asked = []
    device = MfaDevice(lambda question: asked.append(question) or "")
    assert not device.asked
    assert device.code("Code: ") == ""
    assert (asked, device.asked) == (["Code: "], True)
