"""Write references to resources by key in a plan, never by id: a plan reads the same before and after its apply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..resources.base import ObservedState, Resource
from ..stacks.stack import in_order


class Keys(Mapping[Resource, str]):
    """Maps every resource, existing or not, to its key, by which a plan refers to it."""

    def __getitem__(self, resource: Resource) -> str:
        return resource.key

    def __iter__(self) -> Iterator[Resource]:
        return iter(())

    def __len__(self) -> int:
        return 0


def to_json(value: Any, names: Mapping[str, str]) -> Any:
    """A value as JSON, with every id in it replaced by the key of its resource.

    Args:
        names: Keys by id.
    """
    if isinstance(value, (set, frozenset)):
        return sorted((to_json(v, names) for v in value), key=str)
    if isinstance(value, (tuple, list)):
        return [to_json(v, names) for v in value]
    if isinstance(value, Mapping):
        return {str(k): to_json(v, names) for k, v in value.items()}
    if isinstance(value, (int, float, type(None))):
        return value
    return _replace_ids(str(value), names)


def placeholders(resource: Resource, observed_state: ObservedState) -> dict[str, str]:
    """The key of each other resource by its id.

    Ids that are names are not unique across AWS's services: dependencies of *resource* win.
    """
    others = [(r, observed) for r, observed in observed_state.items() if observed and r != resource]
    needs = {*in_order([resource])}
    return {observed.id: r.key for r, observed in sorted(others, key=lambda pair: pair[0] in needs)}


# Unique ids: ARNs, and those that AWS generates, such as vpc-0a1b2c3d4e5f67890.
_UNIQUE_ID = re.compile(r"arn:.+|[a-z]+(-[a-z]+)*-[0-9a-f]{8,}")


def _replace_ids(text: str, names: Mapping[str, str]) -> str:
    if text in names:
        return names[text]
    ids = sorted((name for name in names if name in text and _UNIQUE_ID.fullmatch(name)), reverse=True)
    if not ids:
        return text
    # Whole ids only: one ARN may be the beginning of another, which comes before it.
    pattern = "|".join(map(re.escape, ids))
    return re.sub(rf"(?<![\w-])(?:{pattern})(?![\w-])", lambda match: names[match[0]], text)
