"""Summarize the notebooks of a run from its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .reader import Event, events_of, of_kind


@dataclass(frozen=True)
class Summary:
    """The plan and the results of one notebook.

    Args:
        plan_counts: The number of resources in the plan, by action.
        planned_changes: The changes of the plan, as in the journal.
        fingerprint: The fingerprint of the plan of the whole stack.
        completed: The number of completed changes, by action.
        changed: The keys of the resources that were changed, by action, in the order of their changes.
        verified: Whether the last ``verify`` found no drift; ``None`` when it was not run.
        site: The DNS name of the load balancer; empty when there is none.
        orphans: The keys, or else the ARNs, of the resources with this environment's tags that are in no stack.
        reasons: Why a change of the plan is blocked, or what remains of it, by key.
        parts: The part of the stack that a change of the plan belongs to, by key.
        differences: For a changed field that is the digest of a text, the lines that differ; by key and field.
        remainders: What a destroy left: the resource's key, the id of what remains, and the reason.
        checks: The last event of each check.
        preflight: The rows of the last preflight: what is needed, the result, what AWS shows, and what to do.
    """

    notebook: str
    plan_counts: Mapping[str, int]
    planned_changes: Sequence[Event]
    fingerprint: str
    completed: Mapping[str, int]
    changed: Mapping[str, Sequence[str]]
    verified: bool | None
    site: str
    orphans: Sequence[str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    remainders: tuple[tuple[str, str, str], ...] = ()
    differences: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    checks: Sequence[Event] = ()
    preflight: tuple[tuple[str, str, str, str], ...] = ()

    @property
    def changes(self) -> int:
        """The number of changes in the plan."""
        return sum(n for action, n in self.plan_counts.items() if action != "keep")

    @property
    def is_blocked(self) -> bool:
        """Whether the plan has a change that cannot be made; such a plan cannot be applied or approved."""
        return bool(self.plan_counts.get("blocked"))

    @property
    def plan_text(self) -> str:
        """The number of changes as text, e.g. ``3 to create, 1 blocked``."""
        counts = {f"to {action}": n for action, n in self.plan_counts.items() if action not in ("keep", "blocked")}
        blocked = {"blocked": self.plan_counts["blocked"]} if self.is_blocked else {}
        return ", ".join(f"{n} {word}" for word, n in (counts | blocked).items()) or "nothing to do"


def summarize(journal: Path, notebook: str, *, present: bool = True) -> Summary:
    """Summarize one notebook of a run.

    Args:
        present: True for the plan of an apply, False for that of a destroy.
    """
    events = [e for e in events_of(journal) if e.get("notebook") == notebook]
    plans = [e for e in of_kind(events, "plan") if e["present"] is present]
    changes = [e for e in of_kind(events, "change") if e["ok"]]
    verified = [bool(e["ok"]) for e in of_kind(events, "verify")]
    orphans = [[one.get("key") or one.get("arn", "?") for one in e["found"]] for e in of_kind(events, "strays")]
    inventories = [e for e in of_kind(events, "inventory") if e.get("when") != "before"]
    plan = plans[0] if plans else {}
    changed: dict[str, list[str]] = {}
    for event in changes:
        changed.setdefault(event["action"], []).append(event["key"])
    return Summary(
        notebook,
        plan.get("count", {}),
        plan.get("changes", ()),
        plan.get("fingerprint", ""),
        Counter(e["action"] for e in changes),
        {action: tuple(dict.fromkeys(keys)) for action, keys in changed.items()},
        verified[-1] if verified else None,
        next((name for inventory in inventories for name in _dns_names(inventory)), ""),
        orphans[-1] if orphans else (),
        dict(plan.get("reasons", ())),  # pairs, or a mapping in older journals
        dict(plan.get("parts", ())),
        read_remainders(events),
        dict(plan.get("differences", ())),
        tuple({event.get("claim"): event for event in of_kind(events, "check")}.values()),
        read_preflight(events),
    )


def read_preflight(events: Iterable[Event]) -> tuple[tuple[str, str, str, str], ...]:
    """The rows of the last preflight of a notebook: what is needed, the result, what AWS shows, and what to do."""
    last: Event = next(iter([*of_kind(events, "preflight")][-1:]), {})
    names = ("name", "result", "finding", "fix")
    return tuple(
        (t[0], t[1], t[2], t[3]) for row in last.get("rows", ()) if (t := [str(row.get(n, "")) for n in names])
    )


def read_remainders(events: Iterable[Event]) -> tuple[tuple[str, str, str], ...]:
    """What a destroy left, each once: the resource's key, the id of what remains, and the reason."""
    rows = (tuple(str(e.get(name) or "") for name in ("key", "id", "reason")) for e in of_kind(events, "left"))
    return tuple((key, id_, reason) for key, id_, reason in dict.fromkeys(rows))


def ended_notebooks(journal: Path) -> set[str]:
    """Return the notebooks of a run that have ended."""
    return {e["notebook"] for e in of_kind(events_of(journal), "ended")}


def is_locked(journal: Path) -> bool:
    """Return whether the run holds the lock of its environment."""
    held = [bool(e["held"]) for e in of_kind(events_of(journal), "lock")]
    return bool(held) and held[-1]


def _dns_names(inventory: Event) -> Iterator[str]:
    for resource in inventory["resources"]:
        if resource["key"].startswith("load_balancer."):
            yield str(resource["detail"].get("dns_name", ""))
