"""Compare desired and observed state, which gives a plan.  Pure: no AWS, no clock, no files."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..errors import Blocked, NotOwned
from ..formatting import format_value, format_whole, label_field
from ..resources.base import TAGS, Observed, ObservedState, Resource, State, drift_of, ids_of
from ..resources.predictions import Refusal
from ..stacks.stack import Stack
from .references import Keys, placeholders, to_json


class Action(StrEnum):
    """What happens to a resource."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    BLOCKED = "blocked"


ORPHANED = "no longer in the parameters"
"""Why an orphan is deleted."""
IMMUTABLE_FIX = "Write the old value in params/ again: only a new resource can have another one."

ACTION_SYMBOLS = {Action.KEEP: "=", Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-", Action.BLOCKED: "!"}


@dataclass(frozen=True)
class Change:
    """One change of a plan: what happens to one resource, and why.

    Args:
        observed: The resource as AWS shows it; ``None`` when it does not exist.
        desired: The desired state, with ids; ``None`` when it is deleted or kept on destroy.
        fields: For each field concerned its old and its new value, as JSON.  A reference is
            the key of its resource, never an id.
        reason: Why it is blocked or kept, what remains of it, or what else a person should know.
        fix: What to do about a blocked change; empty for the usual.
        differences: The lines that differ, for each changed field whose value is the digest of a text.
        refusal: Why AWS would refuse it, where it is blocked because of that.
    """

    resource: Resource
    action: Action
    observed: Observed | None
    desired: State | None
    fields: Mapping[str, tuple[Any, Any]]
    reason: str = ""
    fix: str = ""
    differences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refusal: Refusal | None = None

    @property
    def key(self) -> str:
        """The key of the resource."""
        return self.resource.key

    @property
    def is_failed(self) -> bool:
        """Whether nothing differs, but AWS reports the resource as failed."""
        return bool(self.observed and self.observed.failed and not self.fields)

    @property
    def explanation(self) -> str:
        """Its reason, and the way out where it is blocked."""
        return f"{self.reason}. {self.way_out}" if self.action is Action.BLOCKED else self.reason

    @property
    def way_out(self) -> str:
        """What to do about a blocked change, in the imperative."""
        if self.resource.external:
            return "Correct its name or id in params/, or have it created or changed by its owner."
        return self.resource.if_failed if self.is_failed else self.fix or IMMUTABLE_FIX

    def block(self, refusal: Refusal) -> Change:
        """The same, blocked because AWS would refuse it."""
        fields = {name: pair for name, pair in self.fields.items() if name in refusal.fields}
        return replace(
            self, action=Action.BLOCKED, fields=fields, reason=refusal.reason, fix=refusal.fix, refusal=refusal
        )

    def as_dict(self) -> dict[str, Any]:
        """The change as the plan's file and its fingerprint contain it."""
        fields = {name: list(pair) for name, pair in sorted(self.fields.items())}
        return {"key": self.key, "action": self.action.value, "fields": fields}


@dataclass(frozen=True, repr=False)
class Plan:
    """The changes that bring a stack to its desired state, in a safe order.

    Args:
        scope: Environment, account and region, so that a plan of one environment never counts for another.
        parts: The part of the stack that each resource belongs to, by the resource's key.
    """

    scope: str
    stack: str
    changes: tuple[Change, ...]
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def todo(self) -> tuple[Change, ...]:
        """The changes to make, and those that are blocked."""
        return tuple(c for c in self.changes if c.action is not Action.KEEP)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits; the same changes have the same fingerprint."""
        return digest(self.as_dict())[:16]

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON, without the resources that are kept."""
        todo = sorted((c.as_dict() for c in self.todo), key=lambda c: str(c["key"]))
        return {"scope": self.scope, "stack": self.stack, "changes": todo}

    @property
    def explanations(self) -> dict[str, Any]:
        """Pairs of a key and its reason, part or differing lines; in a mapping, a key like ``…_secret`` masks them."""
        reasons = [[c.key, c.explanation] for c in self.changes if c.reason]
        parts = [[c.key, self.parts[c.key]] for c in self.todo if c.key in self.parts]
        differences = [[c.key, c.differences] for c in self.todo if c.differences]
        return {"reasons": reasons, "parts": parts} | ({"differences": differences} if differences else {})

    def raise_if_blocked(self, *, failed: bool = True) -> None:
        """Stop when a change cannot be made.

        Args:
            failed: Whether to stop also for a resource that AWS reports as failed: another change may mend it.

        Raises:
            Blocked: Naming each such change, and the ways out.
        """
        blocked = [c for c in self.changes if c.action is Action.BLOCKED and (failed or not c.is_failed)]
        if blocked:
            raise Blocked(
                "\n".join(f"{c.key}: {c.reason}" for c in blocked),
                fix=" ".join(dict.fromkeys(c.way_out for c in blocked)),
            )

    @property
    def count(self) -> dict[str, int]:
        """How many changes of each action, e.g. ``{"create": 3, "keep": 1}``."""
        return dict(sorted(Counter(c.action.value for c in self.changes).items()))

    def __repr__(self) -> str:
        count = ", ".join(f"{n} {action}" for action, n in self.count.items()) or "nothing"
        head = f"{self.stack} [{self.fingerprint}]: {count}"
        return "\n".join([head, *(line for c in self.changes for line in render_change(c))])


def make_plan(
    stack: Stack,
    observed_state: ObservedState,
    *,
    present: bool = True,
    scope: str = "",
    orphans: Iterable[Resource] = (),
) -> Plan:
    """Compare the stack with its observed state; *present* false plans to destroy it.

    Args:
        orphans: What the parameters no longer ask for, dependencies first; what exists of it is deleted.
    """
    own = list(stack)
    parts = {resource.key: part for part, resources in stack.parts.items() for resource in resources}
    changes: list[Change] = []
    for resource in own if present else reversed(own):
        observed = observed_state.get(resource)
        own_orphans = orphans_of([resource], observed_state)
        removals = [_plan_removal(orphan, state, observed_state) for orphan, state in own_orphans.items()]
        parts |= {change.key: parts[resource.key] for change in removals}
        if present:
            changes += [plan_change(resource, observed, observed_state), *removals]
        elif observed and not resource.external and not resource.implicit:
            changes += [*removals, _plan_delete(resource, observed)]
    gone = [_plan_delete(r, seen) for r in reversed([*orphans]) if (seen := observed_state.get(r))]
    changes += [replace(c, reason=c.reason or ORPHANED) for c in gone if c.action is Action.DELETE]
    return Plan(scope, stack.name, tuple(changes), parts)


def dependencies_of(resource: Resource) -> dict[str, list[str]]:
    """The keys of a change's dependencies, for the journal: all of them, and those that have to be ready first."""
    return {
        "needs": [need.key for need in resource.dependencies],
        "after": [need.key for need in resource.ready_dependencies],
    }


def render_change(change: Change, *, whole: bool = True) -> Iterator[str]:
    """The lines of text that show one change.

    Args:
        whole: Whether to list all fields of a resource that is created, and long values whole.
    """
    show = format_whole if whole else format_value
    reason = f"  ({change.explanation})" if change.reason else ""
    yield f"  {ACTION_SYMBOLS[change.action]} {change.key}{reason}"
    if change.action in (Action.CREATE, Action.DELETE) and whole and change.fields:
        which = 1 if change.action is Action.CREATE else 0
        values = (f"{label_field(name)}={show(pair[which])}" for name, pair in sorted(change.fields.items()))
        yield f"      {', '.join(values)}"
    if change.action in (Action.UPDATE, Action.BLOCKED):
        for name, (old, new) in sorted(change.fields.items()):
            yield f"      {label_field(name)}: {show(old)} → {show(new)}"
            yield from (f"        {line}" for line in change.differences.get(name, ()))


def plan_change(resource: Resource, observed: Observed | None, observed_state: ObservedState) -> Change:
    """What has to happen to a resource that is *observed* like this.

    Args:
        observed_state: The other resources, whose ids stand in the resource's state.
    """
    if observed and (why := not_ours(resource, observed)):
        return refuse(resource, observed, why)
    desired = resource.desired(ids_of(observed_state))
    names = placeholders(resource, observed_state)
    logical = resource.desired(Keys())
    if observed is None and resource.inherent:
        return Change(resource, Action.KEEP, None, desired, {})
    if observed is None or observed.deleting:
        reason = "after AWS has finished deleting the old one" if observed else ""
        fields = {name: (None, to_json(value, {})) for name, value in logical.items()}
        if resource.external:
            given = getattr(resource, "known_as", "")
            reason = f"{given} does not exist, and this runbook does not create it".lstrip()
            return Change(resource, Action.BLOCKED, None, desired, fields, reason)
        return Change(resource, Action.CREATE, observed, desired, fields, reason)
    drift = drift_of(observed, desired)
    fields = {
        name: (to_json(observed.state.get(name), names), to_json(logical[name], {})) for name in drift - {TAGS}
    } | _tag_fields(observed)
    if resource.external and drift:
        return Change(
            resource, Action.BLOCKED, observed, desired, fields, "differs, and this runbook does not change it"
        )
    if immutable := drift & resource.immutable:
        reason = f"AWS cannot change {', '.join(sorted(map(label_field, immutable)))} in place"
        return Change(resource, Action.BLOCKED, observed, desired, fields, reason, resource.remedy(observed, immutable))
    if observed.failed and not drift:
        reason = f"AWS reports it as failed: {observed.failed}"
        return Change(resource, Action.BLOCKED, observed, desired, {}, reason)
    action = Action.UPDATE if drift else Action.KEEP
    differences = {name: differing_lines(*texts) for name, texts in resource.texts(observed).items() if name in drift}
    return Change(resource, action, observed, desired, fields, observed.note, differences=differences)


def not_ours(resource: Resource, observed: Observed) -> NotOwned | None:
    """Why nothing may be written to what has the resource's name or tags; ``None`` when it is ours."""
    if observed.unowned or not observed.foreign:
        return observed.unowned
    fix = "If nobody needs it, delete it; otherwise choose another name in params/. Then run this again."
    return NotOwned(f"{resource.key}: {observed.foreign}.", fix=fix)


def refuse(resource: Resource, observed: Observed, why: NotOwned) -> Change:
    """The change that cannot be made to what may be somebody else's, or is ours without its tags."""
    reason = why.what.removeprefix(f"{resource.key}: ").removesuffix(".")
    return Change(resource, Action.BLOCKED, observed, None, {}, reason, why.fix)


def differing_lines(old: str, new: str) -> tuple[str, ...]:
    """The lines that differ, each after ``- `` or ``+ ``, with one unchanged line around them."""
    lines = [*difflib.unified_diff(old.splitlines(), new.splitlines(), n=1)][2:]
    return tuple("…" if line.startswith("@@") else f"{line[:1]} {line[1:]}" for line in lines)


def _tag_fields(observed: Observed) -> dict[str, tuple[Any, Any]]:
    """The tags that differ, as a field of a change; nothing when all are as they should be."""
    if not observed.tag_drift:
        return {}
    old, new = ({key: pair[which] for key, pair in sorted(observed.tag_drift.items())} for which in (0, 1))
    return {TAGS: (old, new)}


def orphans_of(owners: Iterable[Resource], observed_state: ObservedState) -> dict[Resource, Observed]:
    """What belongs to these resources, is tagged as ours and is in no stack."""
    existing = filter(None, map(observed_state.get, owners))
    return {key: orphan for owner in existing for key, orphan in owner.orphans.items() if key not in observed_state}


def _plan_removal(orphan: Resource, observed: Observed, observed_state: ObservedState) -> Change:
    """The deletion of an orphan; its fields say what it was, for the review."""
    names = placeholders(orphan, observed_state)
    fields = {name: (to_json(value, names), None) for name, value in observed.state.items()}
    return Change(orphan, Action.DELETE, observed, None, fields, ORPHANED)


def _plan_delete(resource: Resource, observed: Observed) -> Change:
    if observed.unowned:
        return refuse(resource, observed, observed.unowned)
    if observed.foreign:
        return Change(resource, Action.KEEP, observed, None, {}, f"left, it is not ours: {observed.foreign}")
    if retain := resource.retain or observed.retain:
        reason = f"left on purpose: {retain}; its id is {observed.id}"
        return Change(resource, Action.KEEP, observed, None, {}, reason)
    remainder = resource.left_behind(observed)
    reason = f"leaves {remainder.reason}: {remainder.id}" if remainder else ""
    return Change(resource, Action.DELETE, observed, None, {}, reason)


def count_text(plan: Plan) -> str:
    """``3 to create, 1 to update, 12 unchanged``."""
    words = {
        Action.CREATE: "to create", Action.UPDATE: "to update", Action.DELETE: "to delete",
        Action.BLOCKED: "blocked", Action.KEEP: "unchanged",
    }  # fmt: skip
    return ", ".join(f"{plan.count[a.value]} {word}" for a, word in words.items() if a.value in plan.count) or "nothing"


PlanDict = Mapping[str, Any]


def digest(plan: PlanDict) -> str:
    """The SHA-256 of a plan in hexadecimal; its first 16 digits are the fingerprint."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
