"""What a stack needs of earlier stacks, and whether it exists."""

from __future__ import annotations

from ..errors import MissingDependency
from ..resources.base import ObservedState, Resource, ids_of
from ..stacks.stack import Stack, in_order


def missing_dependencies(stack: Stack, observed_state: ObservedState) -> tuple[Resource, ...]:
    """Dependencies outside the stack that do not exist."""
    own, existing = set(stack), ids_of(observed_state)
    return tuple(need for need in in_order(stack) if need not in own and need not in existing)


def require_dependencies(stack: Stack, observed_state: ObservedState) -> None:
    """Stop when a dependency outside the stack does not exist.

    Raises:
        MissingDependency: Naming it, and what to apply first.
    """
    missing = missing_dependencies(stack, observed_state)
    if external := [need.key for need in missing if need.external and not need.dependencies]:
        raise MissingDependency(
            f"{stack.name} needs {', '.join(external)}: it does not exist, and this runbook does not create it.",
            fix="Correct its name or id in params/, or have it created.",
        )
    if missing:
        raise MissingDependency(
            f"{stack.name} needs {', '.join(need.key for need in missing)}, which"
            f" {'does' if len(missing) == 1 else 'do'} not exist.",
            fix="Apply the sections and notebooks before this one first.",
        )
