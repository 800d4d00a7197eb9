"""Whether a stack may be removed, asked of the whole environment before anything is."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DestroyPrevented, StillNeeded
from ..resources.base import ObservedState, Resource
from ..stacks.stack import Stack


def require_destroyable(stack: Stack, everything: Stack, seen: ObservedState) -> None:
    """Stop where something of the whole environment is guarded, or still stands on the stack.

    Args:
        everything: The environment, of which *stack* is a part.
        seen: What is there of it.

    Raises:
        DestroyPrevented: AWS protects something, as the parameters ask.
        StillNeeded: Something else stands on the stack.
    """
    require_unprotected(r for r in everything if seen[r])
    own = set(stack)
    above = [r.key for r in everything if seen[r] and r not in own and not r.external and own & set(r.dependencies)]
    if above:
        raise StillNeeded(
            f"{', '.join(above)} still stand{'s' if len(above) == 1 else ''} on {stack.name}.",
            fix="Destroy the later notebooks first: 04, 03, 02, 01.",
        )


def require_unprotected(resources: Iterable[Resource]) -> None:
    """Stop when the parameters protect any of the resources.

    Raises:
        DestroyPrevented: Naming all of them.
    """
    guards = [f"{r.key}: {r.prevent_destroy}" for r in resources if r.prevent_destroy]
    if guards:
        raise DestroyPrevented(
            "\n".join(guards),
            fix="To destroy it all the same: set the guard to false in params/, apply, then destroy.",
        )
