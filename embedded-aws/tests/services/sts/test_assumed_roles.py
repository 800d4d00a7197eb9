"""Sessions of sts:AssumeRole end, and are forgotten."""

import json
from datetime import timedelta

import pytest
from moto.core.utils import utcnow

import embedded_aws.services.sts.assumed_roles as assumed_roles
from embedded_aws.account import backends
from embedded_aws.authorization.principal import InvalidCredentialsError, principal_of
from embedded_aws.settings import REGION


@pytest.fixture
def assume():
    """Assumes a role in this process; returns its session."""
    iam, sts = backends.backend("iam"), backends.backend("sts")
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    role = iam.create_role("watched", trust, "/", None, "", [], "3600")
    before = list(sts.assumed_roles)
    yield lambda: sts.assume_role(REGION, "me", role.arn, None, 3600, None)
    iam.delete_role("watched")
    sts.assumed_roles[:] = before


def call_of(session):
    """A call that is signed with a session's credentials, as the server sees it."""
    return {
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={session.access_key_id}/20260504/{REGION}/ec2/aws4_request",
        "HTTP_X_AMZ_SECURITY_TOKEN": session.session_token,
    }


def test_a_session_that_has_ended_is_refused_as_expired(assume):
    session = assume()
    assert principal_of(call_of(session)).arn == session.arn
    session.expiration = utcnow()
    with pytest.raises(InvalidCredentialsError) as refused:
        principal_of(call_of(session))
    assert refused.value.code == "ExpiredToken"


def test_a_session_is_forgotten_a_day_after_its_end(assume):
    """With its access key; others stay."""
    old, ended, new = assume(), assume(), assume()
    old.expiration = utcnow() - assumed_roles.KEPT - timedelta(seconds=1)
    ended.expiration = utcnow() - assumed_roles.KEPT + timedelta(minutes=1)
    latest = assume()
    kept = backends.backend("sts").assumed_roles
    assert old not in kept
    assert [one in kept for one in (ended, new, latest)] == [True, True, True]
    keys = backends.backend("iam").access_keys
    assert [one.access_key_id in keys for one in (old, ended, new, latest)] == [False, True, True, True]
