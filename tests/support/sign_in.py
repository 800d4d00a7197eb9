"""STS as AWS answers it, for tests that sign in to the real AWS: no request leaves the process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSResponse

CONFIG = """
[default]
region = us-west-2
[profile keys]
region = us-west-2
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/operator
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/ann
"""


@dataclass
class Sts:
    """The answers of STS; *requests* are what was sent.

    Args:
        codes: The codes of the MFA device that are still valid.
        refusing: Regions that answer as to unknown credentials.
    """

    account: str = "111122223333"
    codes: list[str] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, session: Any, request: Any) -> AWSResponse:
        """In place of botocore's HTTP session."""
        body = request.body if isinstance(request.body, str) else request.body.decode()
        query = {key: value[0] for key, value in parse_qs(body).items()}
        host = str(urlsplit(request.url).hostname)
        assert host.startswith("sts."), request.url
        action, region = query["Action"], host.split(".")[1]
        self.requests.append((action, region))
        status, text = getattr(self, f"_{action}")(query, region)
        raw = SimpleNamespace(stream=lambda: iter([text.encode()]))
        return AWSResponse(request.url, status, {"content-type": "text/xml"}, raw)

    def _AssumeRole(self, query: dict[str, str], region: str) -> tuple[int, str]:
        if query.get("TokenCode") not in self.codes:
            return _error("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.")
        self.codes.remove(query["TokenCode"])  # it is valid once
        keys = "<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>secret-1</SecretAccessKey>"
        keys += "<SessionToken>token-1</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        user = "<AssumedRoleUser><AssumedRoleId>AROA:ann</AssumedRoleId><Arn>arn:aws:sts::1:a</Arn></AssumedRoleUser>"
        return _result("AssumeRole", f"<Credentials>{keys}</Credentials>{user}")

    def _GetCallerIdentity(self, query: dict[str, str], region: str) -> tuple[int, str]:
        if region in self.refusing:
            return _error("InvalidClientTokenId", "The security token included in the request is invalid.")
        arn = f"arn:aws:sts::{self.account}:assumed-role/operator/ann"
        return _result(
            "GetCallerIdentity", f"<Arn>{arn}</Arn><UserId>AROA:ann</UserId><Account>{self.account}</Account>"
        )


def _result(action: str, text: str) -> tuple[int, str]:
    return 200, f"<{action}Response><{action}Result>{text}</{action}Result></{action}Response>"


def _error(code: str, message: str) -> tuple[int, str]:
    return 403, f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


@pytest.fixture
def sts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sts:
    """AWS's STS, and an AWS configuration with the profiles ``keys`` and ``mfa`` in place of the machine's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "")  # so that they are removed after the test
        monkeypatch.delenv(name)
    (tmp_path / "aws_config").write_text(CONFIG)
    (tmp_path / "aws_keys").write_text("[keys]\naws_access_key_id = AKIA1\naws_secret_access_key = secret-0\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws_config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws_keys"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    answers = Sts()
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda *request: answers.answer(*request))
    return answers
