"""A check: a claim about the running system, and the probe that tests it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...aws.snapshot import Snapshot
    from ...resources.base import ObservedState


@dataclass(frozen=True)
class Check:
    """Something that no single resource can show, e.g. that each zone has a server.

    Args:
        claim: One sentence that should be true.
        probe: Reads what is there and answers whether it holds, with what was found.
    """

    claim: str
    probe: Callable[[Snapshot, ObservedState], tuple[bool, Any]]
