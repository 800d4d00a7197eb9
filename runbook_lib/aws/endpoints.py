"""Where an environment's calls go: AWS itself, or an endpoint that an installed package offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from ..errors import WrongEndpoint
from .connection import Connection

GROUP = "runbook.endpoints"
"""Entry points of other packages: the name that a parameter file gives, and the module that offers it."""
LOCAL_ENV = "local"


@dataclass(frozen=True)
class Given:
    """What an environment takes as given: it exists outside its stacks, and a rehearsal needs it, too.

    Args:
        hosted_zones: The domain that is validated in each, by the zone's id.
        certificates: A domain, by the certificate's ARN.
        images: The architecture, by the machine image's id.
        secrets: By name or ARN; the value says nothing.
        ssm_parameters: SecureStrings, in the same way.
        policies: ``boundary`` or ``attached``, by the policy's ARN.
    """

    account: str
    region: str
    hosted_zones: Mapping[str, str] = field(default_factory=dict)
    certificates: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    ssm_parameters: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)


class Endpoint(Protocol):
    """What a package offers for ``endpoint: <name>`` in a parameter file."""

    def connect(self, root: Path, account: str) -> Connection:
        """Address, and credentials of an account; starts the endpoint when it does not run."""

    def check(self, root: Path) -> None:
        """Raise WrongUsage for settings that it cannot be started with, LocalError for a state it cannot load."""

    def rehearse(self, root: Path, given: Given) -> None:
        """Start with an environment's account and region, and with what it takes as given.

        Raise LocalError where the endpoint's account has another number or region.
        """

    def require_saved(self, root: Path) -> None:
        """Raise LocalError when the changes of a run would be lost with the endpoint's next start."""


def connection(env: str, endpoint: str | None, root: Path, account: str = "") -> Connection | None:
    """The connection of an environment to its account, or to the endpoint's own: None is the real AWS.

    Raises:
        WrongEndpoint: `local` without an endpoint, so that nothing reaches the real AWS by accident,
            or an endpoint that no installed package offers.
        LocalError: The endpoint could not be started.
    """
    if endpoint is None:
        if env == LOCAL_ENV:
            raise WrongEndpoint(
                "the environment 'local' names no endpoint: its calls would go to the real AWS",
                fix="write `endpoint: embedded` in params/local.yaml",
            )
        return None
    # `local` is the endpoint's own account: another number in its parameters is a mistake, and is told.
    return _find(env, endpoint).connect(root, "" if env == LOCAL_ENV else account)


def check(env: str, endpoint: str | None, root: Path) -> None:
    """Stop before a run at what would stop each of its notebooks."""
    if endpoint is not None:
        _find(env, endpoint).check(root)


def rehearse(env: str, endpoint: str, root: Path, given: Given) -> None:
    """Prepare the endpoint of a rehearsal.

    Raises:
        WrongEndpoint: No installed package offers it.
        LocalError: It could not be started; or its account has another number or region.
    """
    _find(env, endpoint).rehearse(root, given)


def require_saved(env: str, endpoint: str | None, root: Path) -> None:
    """Check after a run that its changes survive the endpoint's next start; AWS itself keeps them.

    Raises:
        LocalError: They do not.
    """
    if endpoint is not None:
        _find(env, endpoint).require_saved(root)


def _find(env: str, name: str) -> Endpoint:
    for offered in entry_points(group=GROUP, name=name):
        endpoint: Endpoint = offered.load()
        return endpoint
    raise WrongEndpoint(
        f"{env} would run on the endpoint {name!r}, and no installed package offers it",
        fix="for the embedded AWS install its package beside this one: `pip install ./embedded-aws` in a checkout of"
        " the runbook's own repository; for the real AWS write no `endpoint`",
    )
