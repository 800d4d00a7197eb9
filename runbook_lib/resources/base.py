"""What a resource is: one class says what is wanted, what is there, and how to close the gap.

A kind is a frozen dataclass.  Its fields *are* the desired state, so a field is
written down once.  A field that holds another resource is a dependency, so the
order of work is never written down at all.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from ..aws.client import Aws
    from ..aws.snapshot import Snapshot

State = Mapping[str, Any]
Ids = Mapping["Resource", str]


@dataclass(frozen=True)
class Observed:
    """A resource as AWS reports it.

    Args:
        id: What AWS calls it: id, ARN or name, whatever other calls take.
        state: The fields comparable with the desired ones.
        ready: Whether it can be used by something that needs it ready.
        status: AWS's own word for its state, shown while waiting and in tables.
        failed: Why it will never become ready, as AWS says it; empty while it may.
        deleting: Whether AWS is deleting it.
        retain: Why a destroy leaves this very one; empty when it doesn't.
        detail: What else a person or another call wants to know; never compared.  What begins
            with an underscore is for calls only.
    """

    id: str
    state: State
    ready: bool = True
    status: str = ""
    failed: str = ""
    deleting: bool = False
    retain: str = ""
    detail: State = field(default_factory=dict)

    @property
    def facts(self) -> State:
        """What of the detail a person wants to know."""
        return {name: value for name, value in self.detail.items() if not name.startswith("_")}


@dataclass(frozen=True)
class Unknown:
    """Stands for an id that exists only after its resource is created."""

    key: str

    def __str__(self) -> str:
        return self.key


Kind = TypeVar("Kind", bound="Resource")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def kind(cls: type[Kind]) -> type[Kind]:
    """Make a class a kind: a frozen dataclass whose instances are told apart by their key."""
    return dataclass(frozen=True, kw_only=True, eq=False)(cls)


@dataclass(frozen=True, eq=False)
class Resource(ABC):
    """One thing in AWS that the runbook owns.

    Two resources are the same when kind and name are: what is wanted of one may
    change, and it is still that one.
    """

    name: str

    immutable: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS cannot change in place."""
    ready_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields whose resource has to be ready first; for all others its id is enough."""
    update_when_ready: ClassVar[bool] = False
    """Whether AWS takes changes only when the last one has settled."""
    eventual_errors: ClassVar[frozenset[str]] = frozenset()
    """Error codes by which AWS says that it has not heard of a need yet; worth another try."""
    wait_timeout: ClassVar[int] = 120
    """Seconds after which waiting for it is given up."""
    external: ClassVar[bool] = False
    """Looked up, never made or destroyed: it belongs to AWS or to somebody else."""
    implicit: ClassVar[bool] = False
    """Has no end of its own: it goes when what it belongs to goes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """Name within an environment, e.g. ``nat_gateway.a``; also the identity tag."""
        return f"{snake(type(self).__name__)}.{self.name}"

    @cached_property
    def dependencies(self) -> tuple[Resource, ...]:
        """The resources that the fields refer to."""
        return tuple(referenced_resources(getattr(self, f.name) for f in fields(self)))

    @property
    def ready_dependencies(self) -> tuple[Resource, ...]:
        """Those of the needs that have to be ready before this one is made."""
        return tuple(referenced_resources(getattr(self, name) for name in sorted(self.ready_fields)))

    def desired(self, ids: Ids) -> State:
        """The fields, with every reference replaced by its id."""
        return {f.name: _resolve(getattr(self, f.name), ids) for f in fields(self) if f.name != "name"}

    @property
    def prevent_destroy(self) -> str:
        """Why the parameters forbid to destroy it; empty when they don't."""
        return ""

    @property
    def retain(self) -> str:
        """Why a destroy leaves it on purpose; empty when it doesn't."""
        return ""

    @property
    def left_behind(self) -> str:
        """What stays behind on purpose when it is destroyed, e.g. a final snapshot."""
        return ""

    @abstractmethod
    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the resource in *snapshot*; ``None`` means that it does not exist.

        Never writes.  A need that does not exist has no entry in *ids*.
        """

    @abstractmethod
    def create(self, aws: Aws, ids: Ids) -> None:
        """Make the bare thing, tagged as ours, and return when AWS has accepted.

        Fields left out are set by :meth:`update`.
        """

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the fields in *drift*; called on drift, and after :meth:`create` for what it left out."""
        raise NotImplementedError(f"{self.key} cannot update {sorted(drift)}")

    @abstractmethod
    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Remove it, with what stands in the way and is ours to remove."""


def snake(name: str) -> str:
    """``NatGateway`` → ``nat_gateway``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def drifted_fields(observed: State, wanted: State) -> frozenset[str]:
    """Names of the wanted fields that are seen otherwise."""
    return frozenset(name for name, value in wanted.items() if observed.get(name) != value)


def referenced_resources(values: Iterable[Any]) -> Iterator[Resource]:
    """Every resource that the values refer to, also inside tuples."""
    for value in values:
        if isinstance(value, Resource):
            yield value
        elif isinstance(value, tuple):
            yield from referenced_resources(value)


def _resolve(value: Any, ids: Ids) -> Any:
    if isinstance(value, Resource):
        return ids.get(value, Unknown(value.key))
    if isinstance(value, tuple):  # order carries no meaning in AWS, so compare as sets
        return frozenset(_resolve(v, ids) for v in value)
    return value


ObservedState = dict[Resource, Observed | None]
