"""Cached reads of one survey: each call is made once, with all its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import Ambiguous, IdentityLost, NotOwned, RequestRejected
from .absent_fields import with_absent_fields

if TYPE_CHECKING:
    from .client import Aws, Named, NamedInAws

ApiObject = dict[str, Any]
"""An object in a response of AWS; a field that AWS left out reads as empty (:mod:`.absent_fields`)."""
_RETAG = "aws ec2 create-tags --resources {}"


class Snapshot:
    """The reads of one survey of an environment; each new survey takes a new snapshot."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self._cache: dict[Any, Any] = {}

    def all(self, service: str, operation: str, result: str, **request: Any) -> list[ApiObject]:
        """Return all items of a list call, e.g. ``snapshot.all("rds", "describe_db_instances", "DBInstances")``."""

        def send() -> list[ApiObject]:
            if _lacks_id(request):
                return []
            response = {result: self.aws.pages(service, operation, result, **request)}
            return list(with_absent_fields(service, operation, response)[result])

        items: list[ApiObject] = self._cached((service, operation, result), request, send)
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
                return with_absent_fields(service, operation, response)
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
        filter_field: str = "Filters",
        ignore_states: tuple[str, ...] = (),
    ) -> ApiObject | None:
        """Return the EC2 object with the resource's identity tag, or ``None``.

        Args:
            filter_field: The request's field for filters; NAT gateways and flow logs call it ``Filter``.
            ignore_states: States of objects that are deleted but still listed.

        Raises:
            Ambiguous: Several objects have the tag.
            IdentityLost: None has it, and one that can only be ours has lost it.
        """
        listed = self.tagged_with_env(operation, result, filter_field=filter_field)
        return self.identify([one for one in listed if one.get("State") not in ignore_states], result, resource)

    def identify(
        self, items: Iterable[ApiObject], result: str, resource: Named, *, retag: str = _RETAG
    ) -> ApiObject | None:
        """Return the resource among objects of its type that have this environment's tags, or ``None``.

        Args:
            result: The field of the answer that lists them, e.g. ``Vpcs``.
            retag: The command that writes a tag; without it, EC2's.

        Raises:
            Ambiguous: Several objects have the tag.
            IdentityLost: None has it, and one that can only be ours has lost it: it has our name and our other tags.
        """
        aws, candidates, lost = self.aws, [], []
        kind_of = resource.key.partition(".")[0]
        for item in items:
            tags = tags_of(item)
            key = tags.get(aws.KEY, "")
            if key == resource.key:
                candidates.append(item)
            elif tags.get("Name") == aws.name(resource) and key.partition(".")[0] in ("", kind_of):
                lost.append(_id_of(item, result))
        if lost and not candidates:
            names = ", ".join(lost)
            raise IdentityLost(
                f"{resource.key}: identity lost. {names} has this environment's tags and the name {aws.name(resource)},"
                f" but not the tag {aws.KEY}={resource.key}. Nothing makes a second one.",
                fix=f"Give it its tag back: {retag.format(lost[0])} --region {aws.region} --tags"
                f" Key={aws.KEY},Value={resource.key}",
            )
        return at_most_one(candidates, resource, result)

    def tagged_with_env(self, operation: str, result: str, *, filter_field: str = "Filters") -> list[ApiObject]:
        """Return the EC2 objects of one type that have this environment's tags."""
        return self.all("ec2", operation, result, **{filter_field: self.aws.filters()})

    def require_ownership(self, resource: NamedInAws, tags: Mapping[str, str]) -> None:
        """Check that the object with the resource's name in AWS also has its tags.

        Raises:
            NotOwned: It does not: whoever created it may still need it, and a destroy would delete it.
        """
        if tags.get(self.aws.ENV) != self.aws.env or tags.get(self.aws.KEY) != resource.key:
            name = resource.aws_name(self.aws)
            raise NotOwned(
                f"{resource.key}: the name {name} is taken by something that is not tagged as ours.",
                fix=f"Rename or delete it, or tag it {self.aws.KEY}={resource.key} and {self.aws.ENV}={self.aws.env}.",
            )

    def _cached(self, call: tuple[Any, ...], request: Mapping[str, Any], send: Callable[[], Any]) -> Any:
        key = (*call, repr(sorted(request.items())))
        if key not in self._cache:
            self._cache[key] = send()
        return self._cache[key]


def _lacks_id(request: Mapping[str, Any]) -> bool:
    """Whether an id in the request is empty, because AWS left it out: it identifies nothing."""
    return any(value in ("", [""]) for value in request.values())


def at_most_one(candidates: list[ApiObject], resource: Named, result: str = "") -> ApiObject | None:
    """Return the only object of a list, or ``None`` when the list is empty.

    Args:
        result: For EC2, the field of its answer that lists them: it tells their ids.

    Raises:
        Ambiguous: Several objects have the identity tag of the resource.
    """
    if len(candidates) > 1:
        told = ", ".join(f"{_id_of(one, result)}{_age(one)}" for one in candidates) if result else ""
        raise Ambiguous(
            f"{len(candidates)} objects in AWS are tagged as {resource.key}{': ' + told if told else ''}.",
            fix="Look which of them is in use. Remove the tag from the others: they stay as they are.",
        )
    return candidates[0] if candidates else None


_IDS = {"SecurityGroups": "GroupId", "Addresses": "AllocationId"}
_MADE = ("CreateTime", "CreationTime", "CreationTimestamp", "LaunchTime", "CreatedAt")


def _id_of(item: ApiObject, result: str) -> str:
    return str(item[_IDS.get(result, f"{result.removesuffix('s')}Id")])


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
