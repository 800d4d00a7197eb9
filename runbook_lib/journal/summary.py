"""What a run came to, read from its journal: the same that an auditor reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .reader import Event, events_of


@dataclass(frozen=True)
class Summary:
    """One notebook's part of a run.

    Args:
        plan: How many resources were planned for each action.
        planned: The changes of that plan, as they stand in the journal.
        fingerprint: Of the plan of its whole stack.
        done: How many changes of each action were made.
        made: Of what was created, how many of each kind.
        verified: Whether ``verify`` found no difference; ``None`` where it was not asked.
        site: The load balancer's DNS name, where there is one.
        strays: How many things tagged as ours nothing asks for.
    """

    notebook: str
    plan: Mapping[str, int]
    planned: Sequence[Event]
    fingerprint: str
    done: Mapping[str, int]
    made: Mapping[str, int]
    verified: bool | None
    site: str
    strays: int

    @property
    def changes(self) -> int:
        """How many changes its plan has."""
        return sum(n for action, n in self.plan.items() if action != "keep")

    @property
    def counted(self) -> str:
        """The same in words, e.g. ``3 to create, 1 to update``."""
        told = ", ".join(f"{n} to {action}" for action, n in self.plan.items() if action != "keep")
        return told or "nothing to do"


def summary(journal: Path, notebook: str, *, present: bool = True) -> Summary:
    """Sum up one notebook; *present* false asks for the plan of its removal."""
    events = [e for e in events_of(journal) if e.get("notebook") == notebook]
    plans = [e for e in events if e["event"] == "plan" and e["present"] is present]
    done = [e for e in events if e["event"] == "change" and e["ok"]]
    verdicts = [bool(e["ok"]) for e in events if e["event"] == "verify"]
    strays = [len(e["found"]) for e in events if e["event"] == "strays"]
    return Summary(
        notebook,
        plans[0]["count"] if plans else {},
        plans[0].get("changes", ()) if plans else (),
        plans[0]["fingerprint"] if plans else "",
        Counter(e["action"] for e in done),
        Counter(e["key"].partition(".")[0] for e in done if e["action"] == "create"),
        verdicts[-1] if verdicts else None,
        next(
            (site for e in events if e["event"] == "inventory" and e.get("when") != "before" for site in _sites(e)), ""
        ),
        strays[-1] if strays else 0,
    )


def ended(journal: Path) -> set[str]:
    """The notebooks of the run that will do no more."""
    return {e["notebook"] for e in events_of(journal) if e["event"] == "ended"}


def locked(journal: Path) -> bool:
    """Whether the run holds the lock of its environment."""
    held = [e["held"] for e in events_of(journal) if e["event"] == "lock"]
    return bool(held) and bool(held[-1])


def _sites(inventory: Event) -> Iterator[str]:
    for resource in inventory["resources"]:
        if resource["key"].startswith("load_balancer."):
            yield str(resource["detail"].get("dns_name", ""))
