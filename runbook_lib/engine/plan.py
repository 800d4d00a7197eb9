"""Desired against observed: a pure comparison that yields a plan.  No AWS here."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import Blocked, MissingDependency
from ..formatting import format_value
from ..resources.base import Observed, ObservedState, Resource, State, drifted_fields
from ..stacks.stack import Stack, in_order


class Action(StrEnum):
    """What happens to a resource."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    BLOCKED = "blocked"


ACTION_SYMBOLS = {Action.KEEP: "=", Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.BLOCKED: "!"}


@dataclass(frozen=True)
class Change:
    """What has to happen to one resource, and why.

    Args:
        fields: For each field concerned, what it is and what it is to be, in logical
            terms: a reference is the key of its resource, never an id.
        reason: Why it is blocked, or left.
    """

    resource: Resource
    action: Action
    seen: Observed | None
    wanted: State | None
    fields: Mapping[str, tuple[Any, Any]]
    reason: str = ""

    @property
    def key(self) -> str:
        return self.resource.key

    def as_dict(self) -> dict[str, Any]:
        """As it stands in ``plan.json``; what the fingerprint is computed over."""
        fields = {name: list(pair) for name, pair in sorted(self.fields.items())}
        return {"key": self.key, "action": self.action.value, "fields": fields}


@dataclass(frozen=True, repr=False)
class Plan:
    """The changes that turn what is there into what is wanted, in a safe order.

    ``scope`` names environment, account and region, so that no plan is mistaken for another's.
    """

    scope: str
    stack: str
    changes: tuple[Change, ...]

    @property
    def todo(self) -> tuple[Change, ...]:
        """What is to be done, or stands in the way of it."""
        return tuple(c for c in self.changes if c.action is not Action.KEEP)

    @property
    def fingerprint(self) -> str:
        """Same fingerprint, same changes: what was reviewed is what gets applied."""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """The changes to do, as plain data; of what is kept only nothing is said."""
        todo = sorted((c.as_dict() for c in self.todo), key=lambda c: str(c["key"]))
        return {"scope": self.scope, "stack": self.stack, "changes": todo}

    def raise_if_blocked(self) -> None:
        """Raises:
        Blocked: When AWS cannot make a change in place.
        """
        blocked = [f"{c.key}: {c.reason}" for c in self.changes if c.action is Action.BLOCKED]
        if blocked:
            raise Blocked(
                "\n".join(blocked),
                fix="Restore the old value in params/, or destroy this part and apply again.",
            )

    @property
    def count(self) -> dict[str, int]:
        """How many changes of each action, e.g. ``{"create": 3, "keep": 1}``."""
        return dict(sorted(Counter(c.action.value for c in self.changes).items()))

    def __repr__(self) -> str:
        count = ", ".join(f"{n} {action}" for action, n in self.count.items()) or "nothing"
        head = f"{self.stack} [{self.fingerprint}]: {count}"
        return "\n".join([head, *(line for c in self.changes for line in render_change(c))])


def make_plan(stack: Stack, seen: ObservedState, *, present: bool = True, scope: str = "") -> Plan:
    """Compare the stack with what was seen; *present* false plans its removal."""
    own = list(stack)
    if present:
        return Plan(scope, stack.name, tuple(plan_change(r, seen.get(r), seen) for r in own))
    to_delete = [r for r in reversed(own) if seen.get(r) and not r.external and not r.implicit]
    return Plan(scope, stack.name, tuple(_to_go(r, seen[r]) for r in to_delete))


def ids_of(seen: ObservedState) -> dict[Resource, str]:
    """The ids of what is there, and not about to go."""
    return {resource: found.id for resource, found in seen.items() if found and not found.deleting}


def missing_dependencies(stack: Stack, seen: ObservedState) -> tuple[Resource, ...]:
    """What the stack stands on, is not part of it, and is not there."""
    own, there = set(stack), ids_of(seen)
    return tuple(need for need in in_order(stack) if need not in own and need not in there)


def require_dependencies(stack: Stack, seen: ObservedState) -> None:
    """Stop when the stack stands on something that does not exist.

    Raises:
        MissingDependency: Naming it, and what to apply first.
    """
    missing = missing_dependencies(stack, seen)
    if foreign := [need.key for need in missing if need.external and not need.dependencies]:
        raise MissingDependency(
            f"{stack.name} needs {', '.join(foreign)}: not there, and not ours to make.",
            fix="Correct its name or id in params/, or have it made.",
        )
    if missing:
        raise MissingDependency(
            f"{stack.name} needs {', '.join(need.key for need in missing)}, which"
            f" {'does' if len(missing) == 1 else 'do'} not exist.",
            fix="Apply the sections and notebooks before this one first.",
        )


def render_change(change: Change, *, whole: bool = True) -> Iterator[str]:
    """The lines that a person reads of one change; *whole* also tells what a new one is to be."""
    reason = f"  ({change.reason})" if change.reason else ""
    yield f"  {ACTION_SYMBOLS[change.action]} {change.key}{reason}"
    if change.action is Action.CREATE and whole and change.fields:
        yield "      " + ", ".join(f"{name}={format_value(want)}" for name, (_, want) in sorted(change.fields.items()))
    if change.action in (Action.UPDATE, Action.BLOCKED):
        for name, (was, want) in sorted(change.fields.items()):
            yield f"      {name}: {format_value(was)} → {format_value(want)}"


def plan_change(resource: Resource, seen: Observed | None, all_seen: ObservedState) -> Change:
    """What has to happen to a resource that is *seen* like this, to be what is wanted."""
    wanted = resource.desired(ids_of(all_seen))
    names = placeholders(resource, all_seen)
    logical = resource.desired(_Keys())
    if seen is None or seen.deleting:
        reason = "once the one that AWS is deleting is gone" if seen else ""
        fields = {name: (None, to_json(value, {})) for name, value in logical.items()}
        if resource.external:
            return Change(resource, Action.BLOCKED, None, wanted, fields, "is not there, and not ours to make")
        return Change(resource, Action.CREATE, seen, wanted, fields, reason)
    drift = drifted_fields(seen.state, wanted)
    fields = {name: (to_json(seen.state.get(name), names), to_json(logical[name], {})) for name in drift}
    stuck = drift & resource.immutable
    if resource.external and drift:
        return Change(resource, Action.BLOCKED, seen, wanted, fields, "differs, and is not ours to change")
    if stuck:
        reason = f"AWS cannot change {', '.join(sorted(stuck))} in place"
        return Change(resource, Action.BLOCKED, seen, wanted, fields, reason)
    if seen.failed and not drift:
        return Change(resource, Action.BLOCKED, seen, wanted, {}, f"AWS reports it as failed: {seen.failed}")
    return Change(resource, Action.UPDATE if drift else Action.KEEP, seen, wanted, fields)


def _to_go(resource: Resource, seen: Observed | None) -> Change:
    if keep := resource.retain or (seen.retain if seen else ""):
        return Change(resource, Action.KEEP, seen, None, {}, f"left on purpose: {keep}")
    leaves = f"leaves {resource.left_behind}" if resource.left_behind else ""
    return Change(resource, Action.DELETE, seen, None, {}, leaves)


class _Keys(Mapping[Resource, str]):
    """Ids by which a plan refers to resources, whether they exist or not: their keys."""

    def __getitem__(self, resource: Resource) -> str:
        return resource.key

    def __iter__(self) -> Iterator[Resource]:
        return iter(())

    def __len__(self) -> int:
        return 0


def to_json(value: Any, names: Mapping[str, str]) -> Any:
    """A value as JSON knows it, every id in it replaced by the key of its resource."""
    if isinstance(value, (set, frozenset)):
        return sorted((to_json(v, names) for v in value), key=str)
    if isinstance(value, (tuple, list)):
        return [to_json(v, names) for v in value]
    if isinstance(value, Mapping):
        return {str(k): to_json(v, names) for k, v in value.items()}
    if isinstance(value, (int, float, type(None))):
        return value
    return _named(str(value), names)


def placeholders(resource: Resource, seen: ObservedState) -> dict[str, str]:
    """The key of each resource by its id, as one resource means it.

    Ids that are names are not unique across AWS's services: what the resource needs comes first.
    """
    others = [(r, found) for r, found in seen.items() if found and r != resource]
    needs = set(in_order([resource]))
    return {found.id: r.key for r, found in sorted(others, key=lambda pair: pair[0] in needs)}


# Ids that mean one thing wherever they stand: ARNs, and AWS's own, such as vpc-0a1b2c3d4e5f67890.
_DISTINCT = re.compile(r"arn:.+|[a-z]+(-[a-z]+)*-[0-9a-f]{8,}")


def _named(text: str, names: Mapping[str, str]) -> str:
    if text in names:
        return names[text]
    known = sorted(filter(_DISTINCT.fullmatch, names), key=len, reverse=True)
    if not known:
        return text
    # Whole ids only: one ARN may begin like another.
    either = "|".join(map(re.escape, known))
    return re.sub(rf"(?<![\w-])({either})(?![\w-])", lambda found: names[found[0]], text)


def count_text(plan: Plan) -> str:
    """``3 to create, 1 to update, 12 unchanged``."""
    words = {
        Action.CREATE: "to create", Action.UPDATE: "to update", Action.DELETE: "to delete",
        Action.BLOCKED: "blocked", Action.KEEP: "unchanged",
    }  # fmt: skip
    return ", ".join(f"{plan.count[a.value]} {word}" for a, word in words.items() if a.value in plan.count) or "nothing"


PlanDict = Mapping[str, Any]


def digest(plan: PlanDict) -> str:
    """The whole SHA-256 of a plan; its fingerprint is the beginning of it."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
