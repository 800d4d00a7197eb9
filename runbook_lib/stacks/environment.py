"""All stacks, in the order of the notebooks."""

from __future__ import annotations

from ..params import Params
from .application.bundle import Bundle
from .compute import compute
from .data import data
from .deploy import deploy
from .network import network
from .stack import Stack


def stacks(params: Params, bundle: Bundle | None = None) -> tuple[Stack, ...]:
    """The four stacks of an environment; each depends on the ones before it.

    Args:
        bundle: The application to deploy, as ``04_deploy`` packs it.
    """
    return network(params), data(params), compute(params), deploy(params, bundle)


def whole(params: Params) -> Stack:
    """The whole environment as one stack."""
    return Stack("everything", all=[r for stack in stacks(params) for r in stack])
