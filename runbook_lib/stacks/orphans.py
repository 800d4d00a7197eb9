"""Known orphans: resources that earlier parameters asked for and today's do not."""

from __future__ import annotations

from collections.abc import Iterable

from ..params import Params
from ..resources.base import Resource
from .environment import stacks


def known_orphans(params: Params, earlier: Iterable[Params]) -> dict[str, tuple[Resource, ...]]:
    """What stacks of earlier parameters hold beside those of *params*, whether or not it still exists.

    Left out is what others remove: what belongs to AWS or goes with its parent, and what its owner, which is still
    in a stack, reports as its own orphan; and what a destroy keeps on purpose.

    Returns:
        The resources of each stack, by the stack's name; each is in the newest of the stacks that had it.
    """
    wanted = {resource for stack in stacks(params) for resource in stack}
    found: dict[str, dict[Resource, None]] = {}
    for past in earlier:
        for stack in stacks(past):
            for resource in stack:
                if resource not in wanted and not _is_removed_by_others(resource, wanted):
                    layer = found.setdefault(stack.name, {})
                    layer.pop(resource, None)
                    layer[resource] = None
    return {name: tuple(resources) for name, resources in found.items()}


def _is_removed_by_others(resource: Resource, wanted: set[Resource]) -> bool:
    if resource.external or resource.implicit or resource.inherent or resource.retain:
        return True
    return bool(resource.owner_field) and getattr(resource, resource.owner_field) in wanted
