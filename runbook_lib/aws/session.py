"""The boto3 session of an environment: its profile, the code of an MFA device, and what is wrong with signing in."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import boto3
from botocore import exceptions as botocore_errors

from ..errors import NoAccess
from .connection import Connection
from .role_session import with_session_name
from .service_models import new_session

AskCode = Callable[[str], str | None]
"""Called with a question; returns the code of an MFA device, or ``None`` where nobody can answer."""

_DEFAULT_REGION = "us-east-1"
"""A region that every account has."""


class MfaDevice:
    """Gets the code of an MFA device when the profile needs one."""

    def __init__(self, ask: AskCode) -> None:
        self._ask, self.asked = ask, False

    def code(self, question: str) -> str:
        """Return the code; botocore passes a question that names the device.

        Raises:
            NoAccess: Nobody can answer.
        """
        code = self._ask(question)
        if code is None:
            raise NoAccess(
                f"AWS_PROFILE needs the code of an MFA device, and nobody is here to answer: {question.strip(' :')}.",
                fix="Run `runbook` in a terminal, which asks once, or pass --mfa-token CODE. In a pipeline, use a role"
                " without an MFA device: docs/operating.md, Signing in.",
            )
        self.asked = True
        return code


def create_session(region: str, connection: Connection | None, run: str, mfa: MfaDevice) -> Any:
    """Create a boto3 session with the operator's profile, or with the connection's credentials.

    Args:
        run: The run's id, for the names of role sessions.

    Raises:
        NoAccess: The profile does not exist, or the AWS configuration of this machine cannot be used.
    """
    if connection is None:
        core = new_session()
        try:
            with_session_name(core, run)
            core.get_component("credential_provider").get_provider("assume-role")._prompter = mfa.code
            return boto3.Session(region_name=region, botocore_session=core)
        except botocore_errors.ProfileNotFound as error:
            known = ", ".join(core.available_profiles) or "none"
            raise NoAccess(f"Cannot access AWS: {error}.", fix=f"Correct AWS_PROFILE; there are: {known}.") from error
        except botocore_errors.BotoCoreError as error:
            raise no_access(error) from error
    # The operator's own AWS configuration must not reach, or break, a session with another endpoint.
    no_files = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
    no_files["credentials_file"] = (None, None, os.devnull, None)
    return boto3.Session(
        aws_access_key_id=connection.access_key,
        aws_secret_access_key=connection.secret_key,
        region_name=region,
        botocore_session=new_session(no_files),
    )


def credential_variables(session: Any) -> dict[str, str]:
    """Return the environment variables that hold the credentials of a session."""
    keys = session.get_credentials().get_frozen_credentials()
    names = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
    return names | {"AWS_SESSION_TOKEN": keys.token}


def disabled_region(session: Any, region: str, error: NoAccess) -> NoAccess | None:
    """Return the error to raise instead when the credentials are good, and only this region does not accept them.

    A region that an account has not enabled answers as to unknown credentials.  Opt-in regions also refuse tokens of
    STS's global endpoint.
    https://github.com/aws/aws-sdk-ruby/issues/2850
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    """
    if region == _DEFAULT_REGION:
        return None
    try:
        account = session.client("sts", region_name=_DEFAULT_REGION).get_caller_identity()["Account"]
    except (botocore_errors.ClientError, botocore_errors.BotoCoreError):
        return None
    return NoAccess(
        f"Account {account} has not enabled the region {region}: AWS does not accept these credentials there, and"
        f" accepts them in {_DEFAULT_REGION}.",
        fix=f"Enable it, which takes some minutes: aws account enable-region --region-name {region}. If it is enabled,"
        " the credentials come from STS's global endpoint: set AWS_STS_REGIONAL_ENDPOINTS=regional and sign in again.",
        code=error.code,
    )


def no_access(error: Exception) -> NoAccess:
    """Return the error for credentials that are missing or cannot be got."""
    return NoAccess(
        f"Cannot access AWS: {error}",
        fix="Set AWS_PROFILE (in a notebook: %env AWS_PROFILE=…) or sign in (aws sso login), then run this again.",
    )
