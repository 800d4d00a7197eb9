"""One look at the account: each list call is made once, with all its pages, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Ambiguous, NotOwned, RequestRejected

if TYPE_CHECKING:
    from .client import Aws, Named

ApiObject = dict[str, Any]


class Snapshot:
    """What a survey reads from.  Never writes; a new survey takes a new look."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self._memory: dict[Any, Any] = {}

    def all(self, service: str, operation: str, result: str, **request: Any) -> list[ApiObject]:
        """Every item of a list call, e.g. ``look.all("rds", "describe_db_instances", "DBInstances")``."""
        found: list[ApiObject] = self._once(
            (service, operation, result), request, lambda: self.aws.pages(service, operation, result, **request)
        )
        return found

    def get(
        self, service: str, operation: str, *, missing: str | tuple[str, ...] = (), **request: Any
    ) -> ApiObject | None:
        """The answer of a call about one thing; ``None`` when AWS answers one of the codes *missing*."""
        codes = (missing,) if isinstance(missing, str) else missing

        def ask() -> ApiObject | None:
            try:
                return dict(getattr(self.aws.client(service), operation)(**request))
            except RequestRejected as error:
                if error.code in codes:
                    return None
                raise

        answer: ApiObject | None = self._once((service, operation, codes), request, ask)
        return answer

    def find(
        self, operation: str, result: str, resource: Named, *, under: str = "Filters", gone: tuple[str, ...] = ()
    ) -> ApiObject | None:
        """The one EC2 thing that carries the resource's identity in its tags, or ``None``.

        Args:
            under: The request's field for filters; NAT gateways and flow logs call it ``Filter``.
            gone: States in which AWS still lists what is no more.
        """
        found = [
            x
            for x in self.tagged_with_env(operation, result, under=under)
            if tags_of(x).get(self.aws.KEY) == resource.key
        ]
        return at_most_one([x for x in found if x.get("State") not in gone], resource)

    def tagged_with_env(self, operation: str, result: str, *, under: str = "Filters") -> list[ApiObject]:
        """Every EC2 thing of one kind that carries this environment's tags."""
        return self.all("ec2", operation, result, **{under: self.aws.filters()})

    def require_ownership(self, resource: Named, tags: Mapping[str, str]) -> None:
        """Stop unless what has the resource's name also carries its tags.

        Raises:
            NotOwned: It is somebody else's: adopting it would mean to destroy it one day.
        """
        if tags.get(self.aws.ENV) != self.aws.env or tags.get(self.aws.KEY) != resource.key:
            raise NotOwned(
                f"{resource.key}: the name {self.aws.name(resource)} is taken by something that is not tagged as ours.",
                fix=f"Rename or remove it, or tag it {self.aws.KEY}={resource.key} and {self.aws.ENV}={self.aws.env}.",
            )

    def _once(self, call: tuple[Any, ...], request: Mapping[str, Any], ask: Callable[[], Any]) -> Any:
        memo = (*call, repr(sorted(request.items())))
        if memo not in self._memory:
            self._memory[memo] = ask()
        return self._memory[memo]


def at_most_one(found: list[ApiObject], resource: Named) -> ApiObject | None:
    """The one thing that was found, or ``None``.

    Raises:
        Ambiguous: Two things carry the identity of one resource.
    """
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} things are tagged as {resource.key}.", fix="Remove the tag from the wrong one.")
    return found[0] if found else None


def tags_of(found: Mapping[str, Any], field: str = "Tags") -> dict[str, str]:
    """The tags of a thing as a dict, from any of AWS's shapes: Key/Value, key/value, TagKey/TagValue."""
    pairs = found.get(field) or []
    if isinstance(pairs, Mapping):
        return dict(pairs)
    return {
        t.get("Key", t.get("key", t.get("TagKey"))): t.get("Value", t.get("value", t.get("TagValue"))) for t in pairs
    }
