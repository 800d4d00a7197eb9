"""A stack: the resources of one notebook, in named parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ..resources.base import Resource

Kind = TypeVar("Kind", bound=Resource)


class Stack:
    """Named parts of resources: ``Stack("network", vpc=..., subnets=(...))``.

    Each part is itself a stack, so ``net`` and ``net.subnets`` are used in the same way,
    and parts can be added: ``net.gateway + net.public_routes``.
    """

    def __init__(self, name: str, **parts: Resource | Iterable[Resource]) -> None:
        self.name = name
        self.parts = {part: (value,) if isinstance(value, Resource) else tuple(value) for part, value in parts.items()}

    @property
    def whole(self) -> str:
        """The name of the whole stack: ``network`` for ``network.vpc``."""
        return self.name.partition(".")[0]

    def __getattr__(self, part: str) -> Stack:
        if part.startswith("_"):
            raise AttributeError(part)
        try:
            return Stack(f"{self.name}.{part}", **{part: self.__dict__["parts"][part]})
        except KeyError:
            raise AttributeError(f"{self.name} has no part {part!r}; it has {', '.join(self.parts)}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.parts]

    def __add__(self, other: Stack) -> Stack:
        return Stack(f"{self.name} + {other.name}", **self.parts, **other.parts)

    def with_part(self, part: str, resources: Iterable[Resource]) -> Stack:
        """The same stack with one more part, of other resources."""
        return Stack(self.name, **self.parts, **{part: resources})

    def __iter__(self) -> Iterator[Resource]:
        """The resources, each after its dependencies."""
        own = {r: None for part in self.parts.values() for r in part}
        return (r for r in in_order(own) if r in own)

    def __getitem__(self, key: str) -> Resource:
        """The resource with that key, e.g. ``net["subnet.private-a"]``."""
        for resource in self:
            if resource.key == key:
                return resource
        raise KeyError(f"{self.name} has no {key}; it has {', '.join(r.key for r in self)}")

    def every(self, kind: type[Kind]) -> Iterator[Kind]:
        """All resources of one kind, e.g. ``net.subnets.every(Subnet)``."""
        return (resource for resource in self if isinstance(resource, kind))

    def the(self, kind: type[Kind]) -> Kind:
        """The only resource of a kind, e.g. ``net.the(Vpc)``."""
        (only,) = self.every(kind)
        return only


def in_order(resources: Iterable[Resource]) -> list[Resource]:
    """The resources and all their dependencies, dependencies first, otherwise as declared.

    A resource can only refer to one that was built before it, so there are no cycles.
    """
    ordered: dict[Resource, None] = {}

    def visit(resource: Resource) -> None:
        if resource not in ordered:
            for dependency in resource.dependencies:
                visit(dependency)
            ordered[resource] = None

    for resource in resources:
        visit(resource)
    return list(ordered)
