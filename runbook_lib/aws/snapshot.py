"""Cached reads of one survey: each call is made once, with all its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Ambiguous, NotOwned, RequestRejected
from .absent_fields import with_absent_fields

if TYPE_CHECKING:
    from .client import Aws, Named, NamedInAws

ApiObject = dict[str, Any]
"""An object in a response of AWS; a field that AWS left out reads as empty (:mod:`.absent_fields`)."""


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
        """
        candidates = [
            item
            for item in self.tagged_with_env(operation, result, filter_field=filter_field)
            if tags_of(item).get(self.aws.KEY) == resource.key and item.get("State") not in ignore_states
        ]
        return at_most_one(candidates, resource)

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


def at_most_one(candidates: list[ApiObject], resource: Named) -> ApiObject | None:
    """Return the only object of a list, or ``None`` when the list is empty.

    Raises:
        Ambiguous: Several objects have the identity tag of the resource.
    """
    if len(candidates) > 1:
        raise Ambiguous(
            f"{len(candidates)} objects in AWS are tagged as {resource.key}.", fix="Remove the tag from the wrong ones."
        )
    return candidates[0] if candidates else None


def tags_of(item: Mapping[str, Any], field: str = "Tags") -> dict[str, str]:
    """Return the tags of an object as a dict, from any of AWS's forms: Key/Value, key/value, TagKey/TagValue."""
    pairs = item.get(field) or []
    if isinstance(pairs, Mapping):
        return dict(pairs)
    return {
        t.get("Key", t.get("key", t.get("TagKey", ""))): t.get("Value", t.get("value", t.get("TagValue", "")))
        for t in pairs
    }
