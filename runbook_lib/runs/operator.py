"""Who is at the keyboard, as far as a machine can know."""

from __future__ import annotations

import getpass
import os
import platform

OPERATOR_VARIABLES = ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR", "JUPYTERHUB_USER")
"""Where a service that runs notebooks for others says for whom, the surest first.

https://docs.github.com/en/actions/reference/workflows-and-actions/variables
https://jupyterhub.readthedocs.io/en/stable/reference/spawners.html
"""


def operator() -> str:
    """Who runs this, and on which machine, e.g. ``ann on build-7``: what the account at AWS can't tell of a role."""
    named = next((os.environ[name] for name in OPERATOR_VARIABLES if os.environ.get(name)), "")
    return f"{named or _account()} on {platform.node() or 'an unnamed machine'}"


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return f"user {os.getuid()}"
