"""Check whether a stack may be destroyed, before anything is deleted."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DestroyPrevented, StillNeeded
from ..resources.base import ObservedState, Resource
from ..stacks.stack import Stack


def require_destroyable(stack: Stack, everything: Stack, observed_state: ObservedState) -> None:
    """Stop when a resource of the environment is protected, or one of another stack depends on this stack.

    Args:
        everything: The whole environment, of which *stack* is a part.
        observed_state: Of all resources in *everything*.

    Raises:
        DestroyPrevented: The parameters protect a resource.
        StillNeeded: A resource outside the stack depends on the stack.
    """
    existing = [r for r in everything if observed_state[r]]
    require_unprotected(existing)
    own = set(stack)
    dependents = [r.key for r in existing if r not in own and not r.external and own & set(r.dependencies)]
    if dependents:
        raise StillNeeded(
            f"{', '.join(dependents)} still depend{'s' if len(dependents) == 1 else ''} on {stack.name}.",
            fix="Destroy the later notebooks first: 04, 03, 02, 01.",
        )


def require_unprotected(resources: Iterable[Resource]) -> None:
    """Stop when the parameters protect a resource.

    Raises:
        DestroyPrevented: Naming all that are protected.
    """
    guards = [f"{r.key}: {r.prevent_destroy}" for r in resources if r.prevent_destroy]
    if guards:
        raise DestroyPrevented(
            "\n".join(guards),
            fix="To destroy it anyway: set the guard to false in params/, apply, then destroy.",
        )
