"""The base class of all resources: desired state, observed state, create, update and delete.

A kind is a frozen dataclass whose fields are the desired state.  A field that holds another
resource is a dependency; the order of work follows from the dependencies.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

from ..aws.permissions import Permission
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from ..errors import NotOwned
from .predictions import Refusal, Remainder, Twin
from .tagging import Tagging

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
        recreated: Whether AWS may have created it again by itself after it was deleted: a destroy deletes it again.
        retain: Why a destroy keeps it; empty when it doesn't.
        note: What a person should know of it beside its state; plans show it, and it is never compared.
        step: Which request of a longer update is due; the update is sent once for each step.
        foreign: Why it is somebody else's although it has our name; empty when it is ours.  A plan refuses it, a
            destroy leaves it.
        unowned: Why it may be somebody else's, or ours without its tags.  A plan and a destroy refuse it.
        detail: Other values, never compared.  Names that begin with an underscore are for
            later calls only and are not shown.
        tagging: Its tags; ``None`` when it has none, or AWS does not tell them now.
        tag_drift: The tags that differ from those that it should have: old and new value by key.
        orphans: What belongs to it, is tagged as ours and is in no stack; a plan deletes it.
    """

    id: str
    state: State
    ready: bool = True
    status: str = ""
    failed: str = ""
    deleting: bool = False
    recreated: bool = False
    retain: str = ""
    note: str = ""
    step: str = ""
    foreign: str = ""
    unowned: NotOwned | None = None
    detail: State = field(default_factory=dict)
    tagging: Tagging | None = None
    tag_drift: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    orphans: Mapping[Resource, Observed] = field(default_factory=dict)

    @property
    def public_detail(self) -> State:
        """The part of the detail that is shown."""
        return {name: value for name, value in self.detail.items() if not name.startswith("_")}


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
    """One resource in AWS; two instances are equal when kind and name are, whatever their desired state."""

    name: str

    immutable: ClassVar[frozenset[str]] = frozenset()
    """Fields that AWS cannot change in place."""
    ready_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields whose resources have to be ready first; for all others an id is enough."""
    update_when_ready: ClassVar[bool] = False
    """Whether AWS accepts an update only while the resource is ready."""
    eventual_errors: ClassVar[frozenset[str]] = frozenset()
    """Errors caused by eventual consistency, e.g. a dependency that AWS does not know yet; retried.

    Each is a code, or ``code: words``: those words of the message, where AWS uses the code for mistakes as well.
    """
    eventual_timeout: ClassVar[int] = 90
    """Seconds to retry them."""
    if_failed: ClassVar[str] = "Correct the cause, then apply again."
    """What to do when AWS reports it as failed, in the imperative."""
    repeatable_create: ClassVar[bool] = True
    """Whether a create that is sent twice creates one: it has a client token, or a name that AWS gives only once."""
    wait_timeout: ClassVar[int] = 120
    """Seconds to wait until it is ready, or gone."""
    delete_timeout: ClassVar[int] = 0
    """Seconds to wait until it is gone, where that takes longer than ``wait_timeout``."""
    usual_wait: ClassVar[str] = ""
    """How long AWS usually takes until it is ready, shown while it is waited for; empty where it is seconds.

    AWS promises no times: all are of public terminal logs of other people's runs, rounded, unless a source is named.
    """
    usual_delete: ClassVar[str] = ""
    """How long AWS usually takes until it is gone."""
    external: ClassVar[bool] = False
    """Only looked up, never created, changed or deleted: it belongs to AWS or to somebody else."""
    implicit: ClassVar[bool] = False
    """Deleted by AWS together with its parent."""
    inherent: ClassVar[bool] = False
    """Comes with its parent, so it is only updated, never created."""
    holds_lock: ClassVar[bool] = False
    """Whether the environment's lock is in it: a destroy deletes it last."""
    owner_field: ClassVar[str] = ""
    """The field with the resource that reports it as an orphan when no stack asks for it any more."""
    needs: ClassVar[tuple[Permission, ...]] = ()
    """The actions that its methods need, and what AWS checks along with them."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """Name within an environment, e.g. ``nat_gateway.a``; also the identity tag."""
        return f"{snake(type(self).__name__)}.{self.name}"

    def aws_name(self, aws: Aws) -> str:
        """Its name in AWS."""
        return aws.name(self)

    @cached_property
    def dependencies(self) -> tuple[Resource, ...]:
        """The resources that the fields refer to."""
        return tuple(referenced_resources(getattr(self, f.name) for f in fields(self)))

    @property
    def ready_dependencies(self) -> tuple[Resource, ...]:
        """The dependencies that have to be ready before this resource is created."""
        return tuple(referenced_resources(getattr(self, name) for name in sorted(self.ready_fields)))

    def is_eventual(self, code: str, message: str) -> bool:
        """Whether an error is one of ``eventual_errors``."""
        entries = (entry.partition(": ") for entry in self.eventual_errors)
        return any(code == expected and words in message for expected, _, words in entries)

    def desired(self, ids: Ids) -> State:
        """The fields, with every reference replaced by its id."""
        return {f.name: _resolve(getattr(self, f.name), ids) for f in fields(self) if f.name != "name"}

    def is_satisfied_by(self, dependency: Observed) -> bool:
        """Whether a dependency of ``ready_fields`` is ready enough; by default when AWS reports it as ready."""
        return dependency.ready

    def required_permissions(self) -> tuple[Permission, ...]:
        """The permissions of its kind, and those that depend on its fields."""
        return self.needs

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

    def remedy(self, observed: Observed, blocked: frozenset[str]) -> str:
        """What to write in the parameters when AWS cannot change the *blocked* fields; empty for the old value."""
        return ""

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Ask AWS whether it offers what the *fields* want; ``None`` when nothing is known against it.  Never writes.

        It is asked only for what is to be created (then *observed* is ``None``) or updated.

        Args:
            ids: The ids of its dependencies that exist.
            fields: Those that are set or change.
        """
        return None

    def twins(self, snapshot: Snapshot, ids: Ids) -> Iterator[Twin]:
        """What AWS would refuse a second one of, asked before a create."""
        yield from ()

    def texts(self, observed: Observed) -> Mapping[str, tuple[str, str]]:
        """For a field that is a digest, the observed and the desired text; a plan shows their difference."""
        return {}

    def users(self, snapshot: Snapshot, observed: Observed) -> str:
        """What still uses it when AWS rejects its deletion, by AWS's names; empty when that is not known."""
        return ""

    def obstacles(self, snapshot: Snapshot, observed: Observed) -> Iterable[str]:
        """What is not this environment's and keeps it from being deleted: each with its id, and whose it is."""
        return ()

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


TAGS = "tags"
"""The name under which differing tags are in a plan, beside the fields."""


def drift_of(observed: Observed, desired: State) -> frozenset[str]:
    """Names of the fields that differ from the desired state, and ``tags`` when a tag differs."""
    return drifted_fields(observed.state, desired) | ({TAGS} if observed.tag_drift else frozenset())


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


def ids_of(observed_state: ObservedState) -> dict[Resource, str]:
    """The ids of the resources that exist and are not being deleted."""
    return {r: observed.id for r, observed in observed_state.items() if observed and not observed.deleting}


def is_owned(snapshot: Snapshot, resource: Resource, tags: ApiObject | None, field: str = "Tags") -> bool:
    """Whether the thing with the resource's name still exists; it must carry the resource's tags.

    Args:
        tags: AWS's response with its tags; ``None`` when it was deleted meanwhile.
        field: The field of the response that holds them.

    Raises:
        NotOwned: It is not tagged as ours; in a survey that is noted, and the answer is yes.
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
    filters = [{"Key": aws.ENV, "Values": [aws.env]}, {"Key": aws.OWNER, "Values": [aws.OURS]}]
    return snapshot.all(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourcesPerPage=100
    )
