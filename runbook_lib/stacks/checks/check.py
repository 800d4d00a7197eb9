"""A check: a claim about the running system, and the function that tests it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...formatting import format_finding

if TYPE_CHECKING:
    from ...aws.snapshot import Snapshot
    from ...resources.base import ObservedState

PASS, FAIL, EXCEPTION, NOT_APPLICABLE = "pass", "fail", "exception", "not applicable"


@dataclass(frozen=True)
class Check:
    """A claim that no single resource can prove, e.g. that each zone has a server.

    Args:
        claim: One sentence.
        probe: Reads the account; returns whether the claim holds, and the findings as JSON.
    """

    claim: str
    probe: Callable[[Snapshot, ObservedState], tuple[bool, Any]]


@dataclass(frozen=True)
class Finding:
    """What a claim came to.

    Args:
        result: ``pass``, ``fail`` or ``exception``.
        looked_at: The ids of what was looked at.
        why: Why it holds, what is wrong, or the reason of the exception.
    """

    result: str
    looked_at: tuple[str, ...]
    why: tuple[str, ...]

    @classmethod
    def of(cls, looked_at: Iterable[str], problems: Iterable[str], holds: Iterable[str]) -> Finding:
        """Fail with the problems; without any, pass with what holds."""
        wrong = tuple(problems)
        return cls(FAIL if wrong else PASS, tuple(dict.fromkeys(filter(None, looked_at))), wrong or tuple(holds))

    def as_dict(self) -> dict[str, Any]:
        """The finding as the journal keeps it."""
        return {"result": self.result, "why": list(self.why), "looked at": list(self.looked_at)}


def check_symbol(ok: bool, found: Any) -> str:
    """The sign of a check's result in a report."""
    result = found.get("result") if isinstance(found, dict) else None
    return "✗" if not ok else {EXCEPTION: "○", NOT_APPLICABLE: "–"}.get(str(result), "✓")


def count_results(results: Iterable[str]) -> str:
    """How many came to what, e.g. ``20 pass, 2 exception``; the worst first."""
    counts = Counter(results)
    return ", ".join(f"{counts[each]} {each}" for each in (FAIL, EXCEPTION, PASS, NOT_APPLICABLE) if counts[each])


def is_control(found: Any) -> bool:
    """Whether a finding is that of a control, not of a claim."""
    return isinstance(found, dict) and "control" in found


def shown_finding(ok: bool, found: Any) -> list[str]:
    """The lines below a check in a report: of a claim why it holds or not, of others only what is wrong."""
    if is_control(found):
        return list(found["why"])
    if isinstance(found, dict) and "result" in found:
        return [*found["why"], *format_finding({"looked at": found["looked at"]})]
    return [] if ok else format_finding(found)
