"""Signing in to AWS: what a profile needs is asked for, and what is wrong with it is said."""

import pytest

from runbook_lib.aws.client import Aws
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
