"""A run's name in every session of a role that is assumed for it, so that CloudTrail finds all that it did.

It is in the user agent of every call, too; but only the session's name is part of the caller's ARN.
"""

from __future__ import annotations

import re
from typing import Any

_LONGEST = 64
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""


def with_session_name(session: Any, run: str) -> None:
    """Let botocore name role sessions after the run, where nobody has named them otherwise.

    A name that somebody chose is kept: policies may ask for it (``sts:RoleSessionName``).

    Args:
        session: botocore's, before it has looked for credentials.
    """
    if not run:
        return
    name = re.sub(r"[^\w+=,.@-]", "-", run, flags=re.ASCII)[:_LONGEST]
    profiles = session.full_config.setdefault("profiles", {})
    # The one in use counts also where only the environment says which role: AWS_WEB_IDENTITY_TOKEN_FILE.
    profiles.setdefault(session.get_config_variable("profile") or "default", {})
    for profile in profiles.values():
        profile.setdefault("role_session_name", name)
