"""Check whether a stack may be changed or destroyed, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import DestroyPrevented, NotOwned, StillNeeded
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


def require_owned(observed_state: ObservedState) -> None:
    """Stop when something may be somebody else's, or has lost the tags by which it is known.

    Raises:
        NotOwned: Naming all such things, and what to do; the error itself where there is one.
    """
    errors = [seen.unowned for seen in observed_state.values() if seen and seen.unowned]
    if len(errors) > 1:
        raise NotOwned(
            "\n".join(error.what for error in errors),
            fix="\n".join(dict.fromkeys(error.fix for error in errors)),
        )
    for error in errors:
        raise error
