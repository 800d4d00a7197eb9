"""A check: a claim about the running system, and the function that tests it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...aws.snapshot import Snapshot
    from ...resources.base import ObservedState


@dataclass(frozen=True)
class Check:
    """A claim that no single resource can prove, e.g. that each zone has a server.

    Args:
        claim: One sentence.
        probe: Reads the account; returns whether the claim holds, and the findings as JSON.
    """

    claim: str
    probe: Callable[[Snapshot, ObservedState], tuple[bool, Any]]
