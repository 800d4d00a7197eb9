"""The base class of all resources: desired state, observed state, create, update and delete.

A kind is a frozen dataclass whose fields are the desired state.  A field that holds another
resource is a dependency; the order of work follows from the dependencies.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

from ..aws.snapshot import ApiObject, Snapshot, tags_of

if TYPE_CHECKING:
    from ..aws.client import Aws

State = Mapping[str, Any]
Ids = Mapping["Resource", str]


@dataclass(frozen=True)
class Observed:
    """A resource as AWS reports it.

    Args:
        id: Its id, ARN or name in AWS: what other calls take.
        state: Its fields, compared with the desired state.
        ready: Whether resources that need it ready can use it.
        status: AWS's own word for its state, shown while waiting and in tables.
        failed: Why it will never become ready, in AWS's words; empty otherwise.
        deleting: Whether AWS is deleting it.
        retain: Why a destroy keeps it; empty when it doesn't.
        detail: Other values, never compared.  Names that begin with an underscore are for
            later calls only and are not shown.
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
    def public_detail(self) -> State:
        """The part of the detail that is shown."""
        return {name: value for name, value in self.detail.items() if not name.startswith("_")}


@dataclass(frozen=True)
class Remainder:
    """What remains in AWS when a resource is destroyed.

    Args:
        id: Its id, ARN or name in AWS.
        reason: What it is, or why it remains.
    """

    id: str
    reason: str


@dataclass(frozen=True)
class Unknown:
    """The placeholder for an id that exists only after its resource is created."""

    key: str

    def __str__(self) -> str:
        return self.key


Kind = TypeVar("Kind", bound="Resource")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def kind(cls: type[Kind]) -> type[Kind]:
    """Make a class a kind: a frozen dataclass whose instances are equal when their keys are."""
    return dataclass(frozen=True, kw_only=True, eq=False)(cls)


@dataclass(frozen=True, eq=False)
class Resource(ABC):
    """One resource in AWS.

    Two instances are equal when kind and name are: the desired state of a resource may change,
    and it is still the same resource.
    """

    name: str

    immutable: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS cannot change in place."""
    ready_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields whose resources have to be ready first; for all others an id is enough."""
    update_when_ready: ClassVar[bool] = False
    """Whether AWS accepts an update only while the resource is ready."""
    eventual_errors: ClassVar[frozenset[str]] = frozenset()
    """Error codes caused by eventual consistency, e.g. a dependency that AWS does not know yet; retried."""
    wait_timeout: ClassVar[int] = 120
    """Seconds to wait until it is ready, or gone."""
    external: ClassVar[bool] = False
    """Only looked up, never created, changed or deleted: it belongs to AWS or to somebody else."""
    implicit: ClassVar[bool] = False
    """Deleted by AWS together with its parent."""

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
        """The dependencies that have to be ready before this resource is created."""
        return tuple(referenced_resources(getattr(self, name) for name in sorted(self.ready_fields)))

    def desired(self, ids: Ids) -> State:
        """The fields, with every reference replaced by its id."""
        return {f.name: _resolve(getattr(self, f.name), ids) for f in fields(self) if f.name != "name"}

    @property
    def prevent_destroy(self) -> str:
        """Why the parameters protect it from a destroy; empty when they don't."""
        return ""

    @property
    def retain(self) -> str:
        """Why a destroy keeps it; empty when it doesn't."""
        return ""

    def left_behind(self, observed: Observed) -> Remainder | None:
        """What remains when it is destroyed: itself when it is retained, or e.g. a final snapshot."""
        reason = self.retain or observed.retain
        return Remainder(observed.id, reason) if reason else None

    @abstractmethod
    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Read the resource through *snapshot*; ``None`` when it does not exist.  Never writes.

        Args:
            ids: The ids of its dependencies that exist.
        """

    @abstractmethod
    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the resource with its tags; returns when AWS has accepted it.

        Fields that are left out drift, and are set by :meth:`update`.
        """

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the fields in *drift*."""
        raise NotImplementedError(f"{self.key} cannot update {sorted(drift)}")

    @abstractmethod
    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the resource, and what belongs to it and would prevent that."""


class ExternalResource(Resource):
    """A resource that is only looked up: it belongs to AWS or to somebody else."""

    external = True

    def desired(self, ids: Ids) -> State:
        """Nothing: whatever is there is accepted as it is."""
        return {}

    def create(self, aws: Aws, ids: Ids) -> None:
        """Never called."""
        raise NotImplementedError(f"{self.key} is external")

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Never called."""
        raise NotImplementedError(f"{self.key} is external")


def snake(name: str) -> str:
    """``NatGateway`` → ``nat_gateway``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def drifted_fields(observed: State, desired: State) -> frozenset[str]:
    """Names of the fields whose observed value differs from the desired one."""
    return frozenset(name for name, value in desired.items() if observed.get(name) != value)


def referenced_resources(values: Iterable[Any]) -> Iterator[Resource]:
    """All resources among the values, also inside tuples."""
    for value in values:
        if isinstance(value, Resource):
            yield value
        elif isinstance(value, tuple):
            yield from referenced_resources(value)


def _resolve(value: Any, ids: Ids) -> Any:
    if isinstance(value, Resource):
        return ids.get(value, Unknown(value.key))
    if isinstance(value, tuple):  # AWS keeps no order, so compare as sets
        return frozenset(_resolve(v, ids) for v in value)
    return value


ObservedState = dict[Resource, Observed | None]
"""A survey's result: each resource as AWS shows it; ``None`` where it does not exist."""


def is_owned(snapshot: Snapshot, resource: Resource, tags: ApiObject | None, field: str = "Tags") -> bool:
    """Whether the thing with the resource's name still exists; it must carry the resource's tags.

    Args:
        tags: AWS's response with its tags; ``None`` when it was deleted meanwhile.
        field: The field of the response that holds them.

    Raises:
        NotOwned: It is not tagged as ours.
    """
    if tags is None:
        return False
    snapshot.require_ownership(resource, tags_of(tags, field))
    return True


def tagged_resources(snapshot: Snapshot) -> list[ApiObject]:
    """ARN and tags of everything that carries this environment's tags, as the tagging API lists it.

    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """
    aws = snapshot.aws
    filters = [{"Key": aws.ENV, "Values": [aws.env]}, {"Key": aws.OWNER, "Values": ["runbook"]}]
    return snapshot.all(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourcesPerPage=100
    )
