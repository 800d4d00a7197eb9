"""Cached reads of one survey: each call is made once, with all its pages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import Ambiguous, IdentityLost, NotOwned, RequestRejected
from .absent_fields import with_absent_fields

if TYPE_CHECKING:
    from .client import Aws, Named, NamedInAws

ApiObject = dict[str, Any]
"""An object in a response of AWS; a field that AWS left out reads as empty (:mod:`.absent_fields`)."""


class Snapshot:
    """The reads of one survey of an environment; each new survey takes a new snapshot.

    Args:
        unowned: Where to note what has a resource's name or tags and may be somebody else's, by the resource's key,
            in order to plan beside it.  Without it such a thing is an error, as it has to be before a write.
        adopted: What is taken for ours although it is not tagged so, as in :class:`.client.Aws`, which has the default.
    """

    def __init__(
        self, aws: Aws, unowned: dict[str, NotOwned] | None = None, adopted: Mapping[str, str] | None = None
    ) -> None:
        self.aws = aws
        self._adopted = adopted
        self._unowned = unowned
        self._answers: dict[Any, Future[Any]] = {}
        self._lock = threading.Lock()

    @property
    def unowned(self) -> Mapping[str, NotOwned]:
        """What was noted."""
        return self._unowned or {}

    def again(self) -> Snapshot:
        """Return an empty snapshot of the same strictness, which shares no answer that was given before."""
        self.aws.reads.expire()
        return Snapshot(self.aws, None if self._unowned is None else {}, self._adopted)

    @property
    def is_survey(self) -> bool:
        """Whether it is that of a survey, which looks at everything."""
        return self._unowned is not None

    def all(self, service: str, operation: str, result: str, **request: Any) -> list[ApiObject]:
        """Return all items of a list call, e.g. ``snapshot.all("rds", "describe_db_instances", "DBInstances")``."""

        def send() -> ApiObject:
            return {result: [] if _lacks_id(request) else self.aws.pages(service, operation, result, **request)}

        items: list[ApiObject] = self._cached((service, operation, result), request, send)[result]
        return items

    def get(
        self, service: str, operation: str, *, missing: str | tuple[str, ...] = (), **request: Any
    ) -> ApiObject | None:
        """Return the response of a call about one object; ``None`` when AWS returns an error code of *missing*."""
        codes = (missing,) if isinstance(missing, str) else missing

        def send() -> ApiObject | None:
            if _lacks_id(request):
                return None
            try:
                response = getattr(self.aws.client(service), operation)(**request)
                return {name: value for name, value in response.items() if name != "ResponseMetadata"}
            except RequestRejected as error:
                if error.code in codes:
                    return None
                raise

        response: ApiObject | None = self._cached((service, operation, codes), request, send)
        return response

    def find(
        self,
        operation: str,
        result: str,
        resource: Named,
        *,
        vpc: str | None = None,
        filter_field: str = "Filters",
        ignore_states: tuple[str, ...] = (),
    ) -> ApiObject | None:
        """Return the EC2 object with the resource's identity tags, or the adopted one, or ``None``.

        Args:
            vpc: The id of the VPC that it is in, if it is in one that exists.
            filter_field: The request's field for filters; NAT gateways and flow logs call it ``Filter``.
            ignore_states: States of objects that are deleted but still listed.

        Raises:
            NotOwned: As :meth:`identify` does.
        """
        listed = self.candidates(operation, result, resource, vpc=vpc, filter_field=filter_field)
        return self.identify([one for one in listed if one.get("State") not in ignore_states], result, resource)

    def candidates(
        self,
        operation: str,
        result: str,
        resource: Named,
        *,
        vpc: str | None = None,
        filter_field: str = "Filters",
        **request: Any,
    ) -> list[ApiObject]:
        """Return the EC2 objects among which :meth:`identify` finds the resource.

        Those of its VPC, which others list as well; if it is not there, all that have one of our tags, so that one that
        has lost another of them is seen; where the resource is to be adopted, all there are.
        """
        if self._adopted_as(resource):
            return self.all("ec2", operation, result, **request)
        if vpc:
            inside = self.inside(operation, result, vpc, filter_field=filter_field)
            if any(self._has_identity(resource, tags) for item in inside for tags in _all_tags_of(item)):
                return inside
        return self._marked(operation, result, filter_field, **request)

    def inside(self, operation: str, result: str, vpc: str, *, filter_field: str = "Filters") -> list[ApiObject]:
        """Return all EC2 objects of one type that are in a VPC, whoever's they are."""
        return self.all("ec2", operation, result, **{filter_field: [{"Name": "vpc-id", "Values": [vpc]}]})

    def identify(self, items: Iterable[ApiObject], result: str, resource: Named) -> ApiObject | None:
        """Return the resource among objects of its type, or ``None``.

        It is the one with this environment's tags and the resource's key; or the one that the operator adopts.

        Args:
            result: The field of the answer that lists them, e.g. ``Vpcs``.

        Raises:
            Ambiguous: Several objects have the tags.
            IdentityLost: None has them, and one that can only be ours has lost some: it has our name and the others.
            NotOwned: What is to be adopted belongs to another environment.
        """
        adopted = self._adopted_as(resource)
        by_id = {_id_of(item, result): item for item in items}
        ours = {id_: item for id_, item in by_id.items() if self._has_identity(resource, tags_of(item))}
        if adopted in by_id:
            ours[adopted] = by_id[adopted]
            self._require_free(resource, adopted, tags_of(by_id[adopted]))
        if len(ours) > 1:
            self._refuse(resource, _ambiguous(resource, len(ours), {id_: _age(item) for id_, item in ours.items()}))
        lost = [] if ours else [id_ for id_, item in by_id.items() if self._has_lost_identity(resource, tags_of(item))]
        if lost:
            self._refuse(resource, self._identity_lost(resource, lost[0], tags_of(by_id[lost[0]])))
        return next(iter(ours.values()), by_id[lost[0]] if lost else None)

    def tagged_with_env(self, operation: str, result: str) -> list[ApiObject]:
        """Return the EC2 objects of one type that have this environment's tags, or have just lost some of them.

        Of instances it returns the reservations in which one has.
        """
        return [
            item
            for item in self._marked(operation, result, "Filters")
            if any(map(self._may_be_ours, _all_tags_of(item)))
        ]

    def _may_be_ours(self, tags: Mapping[str, str]) -> bool:
        aws = self.aws
        return tags.get(aws.ENV, aws.env) == aws.env and tags.get(aws.OWNER, aws.OURS) == aws.OURS

    def require_ownership(self, resource: NamedInAws, tags: Mapping[str, str]) -> None:
        """Check that the object with the resource's name in AWS also has its tags, or is adopted.

        Raises:
            IdentityLost: It has some of them: it has lost the others.
            NotOwned: It has not: whoever created it may still need it, and a destroy would delete it.
        """
        if self._has_identity(resource, tags):
            return
        aws, name = self.aws, resource.aws_name(self.aws)
        if _names(self._adopted_as(resource), name):
            self._require_free(resource, name, tags)
        elif self._has_lost_identity(resource, tags, named=True):
            self._refuse(resource, self._identity_lost(resource, name, tags))
        else:
            error = NotOwned(
                f"{resource.key}: the name {name} is taken by something that is not tagged as ours.",
                fix=f"If it is somebody else's, have it renamed or deleted. If it is {aws.env}'s, or shall be:"
                f" {self._adopt(resource, name)}",
            )
            self._refuse(resource, error)

    def _adopted_as(self, resource: Named) -> str:
        return (self.aws.adopted if self._adopted is None else self._adopted).get(resource.key, "")

    def _marked(self, operation: str, result: str, filter_field: str, **request: Any) -> list[ApiObject]:
        """All EC2 objects of a type that have one of the tags by which a runbook knows its own."""
        keys = [self.aws.OWNER, self.aws.ENV, self.aws.KEY]
        request[filter_field] = [{"Name": "tag-key", "Values": keys}]
        return self.all("ec2", operation, result, **request)

    def _has_identity(self, resource: Named, tags: Mapping[str, str]) -> bool:
        """Whether the tags say so; a lost owner's tag is written again like any other."""
        return tags.get(self.aws.ENV) == self.aws.env and tags.get(self.aws.KEY) == resource.key

    def _has_lost_identity(self, resource: Named, tags: Mapping[str, str], *, named: bool = False) -> bool:
        """Whether something without the resource's identity can only be ours: it has our name and most of our tags.

        A tag that somebody changed is lost as well.

        Args:
            named: Whether AWS found it by the name that it gives only once; otherwise the name is a tag, too.
        """
        aws, wanted = self.aws, self.aws.tag_map(resource)
        right = {name for name in (aws.OWNER, aws.ENV, aws.KEY) if tags.get(name) == wanted[name]}
        kind = resource.key.partition(".")[0]
        of_kind = tags.get(aws.KEY, kind).partition(".")[0] in ("", kind)
        return len(right) == 2 and of_kind and (named or tags.get("Name") == wanted["Name"])

    def _identity_lost(self, resource: Named, id_: str, tags: Mapping[str, str]) -> IdentityLost:
        aws, wanted = self.aws, self.aws.tag_map(resource)
        lost = [f"{name}={wanted[name]}" for name in (aws.ENV, aws.KEY) if tags.get(name) != wanted[name]]
        return IdentityLost(
            f"{resource.key}: identity lost. {id_} has its name and its other tags, but not the tag {', '.join(lost)}."
            " Nothing makes a second one.",
            fix=f"Give it its tags back: {self._adopt(resource, id_)}",
        )

    def _adopt(self, resource: Named, id_: str) -> str:
        return f"runbook adopt --env {self.aws.env} {resource.key} {id_}"

    def _require_free(self, resource: Named, id_: str, tags: Mapping[str, str]) -> None:
        """Refuse to adopt what another environment has."""
        owner = tags.get(self.aws.ENV, self.aws.env)
        if tags.get(self.aws.OWNER) == self.aws.OURS and owner != self.aws.env:
            error = NotOwned(
                f"{resource.key}: {id_} belongs to the environment {owner}.",
                fix=f"Remove the tag {self.aws.ENV} from it, if {owner} shall do without it. Otherwise adopt another.",
            )
            self._refuse(resource, error)

    def _refuse(self, resource: Named, error: NotOwned) -> None:
        """Raise the error; in a survey, note it, and go on with the object."""
        if self._unowned is None:
            raise error
        self._unowned[resource.key] = error

    def _cached(self, call: tuple[Any, ...], request: Mapping[str, Any], send: Callable[[], ApiObject | None]) -> Any:
        """The answer to a call; of threads that ask the same, one sends it and the others wait for its answer."""
        key = (*call, repr(sorted(request.items())))
        with self._lock:
            if is_new := key not in self._answers:
                self._answers[key] = Future()
            answer = self._answers[key]
        if not is_new:
            return answer.result()
        try:
            given = self.aws.reads.read(key, send)
            full = None if given is None else with_absent_fields(call[0], call[1], given)
            answer.set_result(full)
            return full
        except BaseException as error:
            with self._lock:
                del self._answers[key]  # whoever asks again asks AWS
            answer.set_exception(error)
            raise


def _lacks_id(request: Mapping[str, Any]) -> bool:
    """Whether an id in the request is empty, because AWS left it out: it identifies nothing."""
    return any(value in ("", [""]) for value in request.values())


def at_most_one(candidates: list[ApiObject], resource: Named) -> ApiObject | None:
    """Return the only object of a list, or ``None`` when the list is empty.

    Raises:
        Ambiguous: Several objects have the identity tag of the resource.
    """
    if len(candidates) > 1:
        raise _ambiguous(resource, len(candidates), {})
    return candidates[0] if candidates else None


def _ambiguous(resource: Named, number: int, ages: Mapping[str, str]) -> Ambiguous:
    """The error for several objects that have the identity tags of one resource.

    Args:
        ages: When each was made, by id, or an empty text where nobody knows; none where the ids say nothing.
    """
    which = f": {', '.join(f'{id_}{age}' for id_, age in ages.items())}" if ages else ""
    return Ambiguous(
        f"{number} objects in AWS are tagged as {resource.key}{which}.",
        fix="Look which of them is in use. Remove the tag from the others: they stay as they are.",
        ids=tuple(ages),
    )


def _names(id_: str, name: str) -> bool:
    """Whether an id is a name in AWS, or an ARN that has it."""
    return id_ == name or any(f"{mark}{name}" in id_ for mark in (":", "/"))


_IDS = {"SecurityGroups": "GroupId", "Addresses": "AllocationId"}
_MADE = ("CreateTime", "CreationTime", "CreationTimestamp", "LaunchTime", "CreatedAt")


def _id_of(item: ApiObject, result: str) -> str:
    return str(item[_IDS.get(result, f"{result.removesuffix('s')}Id")])


def _all_tags_of(item: ApiObject) -> Iterator[dict[str, str]]:
    """The tags of an object; of each instance of a reservation."""
    return (tags_of(one) for one in item.get("Instances") or [item])


def _age(item: ApiObject) -> str:
    """When it was made, where EC2 tells."""
    made = next((item[name] for name in _MADE if name in item), None)
    return f" (made {made:%Y-%m-%d %H:%M} UTC)" if isinstance(made, datetime) else ""


def tags_of(item: Mapping[str, Any], field: str = "Tags") -> dict[str, str]:
    """Return the tags of an object as a dict, from any of AWS's forms: Key/Value, key/value, TagKey/TagValue."""
    pairs = item.get(field) or []
    if isinstance(pairs, Mapping):
        return dict(pairs)
    return {
        t.get("Key", t.get("key", t.get("TagKey", ""))): t.get("Value", t.get("value", t.get("TagValue", "")))
        for t in pairs
    }
