"""Name role sessions after the run, so that all calls of a run are found in CloudTrail.

The run is in the user agent of each call, too, but only the session name is part of the caller's ARN.
"""

from __future__ import annotations

import re
from typing import Any

_MAX_LENGTH = 64
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""


def with_session_name(session: Any, run: str) -> None:
    """Set the run as the session name of each profile that has none of its own.

    A configured session name is kept: policies may require it (``sts:RoleSessionName``).

    Args:
        session: A botocore session that has not loaded credentials yet.
        run: The run's id; nothing is changed when it is empty.
    """
    if not run:
        return
    name = re.sub(r"[^\w+=,.@-]", "-", run, flags=re.ASCII)[:_MAX_LENGTH]
    profiles = session.full_config.setdefault("profiles", {})
    # AWS_WEB_IDENTITY_TOKEN_FILE configures a role without a profile.  One that is named has to be in the files.
    if session.get_config_variable("profile") is None:
        profiles.setdefault("default", {})
    for profile in profiles.values():
        profile.setdefault("role_session_name", name)
