"""What people said in a run: who approved which plan, what was done by hand, what somebody was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...engine.approval import NOTHING, parse_fingerprints
from ...journal.reader import RUN_START, Event


@dataclass(frozen=True)
class Approval:
    """Who approved which plan; *by* is empty where only its fingerprint was given.

    Args:
        at: When the run went by it.
        signed, expires: From when until when it counts.
        operator: Who had to be another one, where two people were asked for.
    """

    by: str
    plan: str
    at: str = ""
    signed: str = ""
    expires: str = ""
    operator: str = ""


@dataclass(frozen=True)
class ManualStep:
    """What somebody did outside of the run, or a question that somebody was asked and answered.

    Args:
        what: Keys of resources, other steps in words, or the question.
        why: The reason; of a question that was not answered as it was to be, what came instead.
        by, caller: Who was at the keyboard, and whom AWS knew.
        asked: Whether it is a question.
        ok: Whether it was answered with the phrase that it asked for.
    """

    at: str
    notebook: str
    what: tuple[str, ...]
    why: str
    by: str
    caller: str
    asked: bool = False
    ok: bool = True


def approvals(told: Iterable[Event]) -> tuple[Approval, ...]:
    """Those that were gone by, and the fingerprints that somebody gave without one."""
    signed: dict[tuple[str, str], Approval] = {}
    given: dict[str, None] = {}
    for event in told:
        if event["event"] == "approved":
            one = Approval(*(str(event.get(n) or "") for n in ("by", "plan", "at", "signed", "expires", "operator")))
            signed.setdefault((one.by, one.plan), one)
        elif event["event"] in RUN_START:
            given |= dict.fromkeys(parse_fingerprints(str(event.get("approved") or "")))
    rest = (
        Approval("", name) for name in given if name != NOTHING and not any(name in one.plan for one in signed.values())
    )
    return (*signed.values(), *rest)


def manual_steps(told: Iterable[Event]) -> Iterator[ManualStep]:
    """In the order in which it was said."""
    for event in told:
        at, notebook, caller, by = (str(event.get(n) or "") for n in ("at", "notebook", "caller", "operator"))
        if event["event"] == "by_hand":
            keys = event.get("keys")
            what = tuple(map(str, keys)) if isinstance(keys, list) else ()
            yield ManualStep(at, notebook, what, str(event.get("reason") or ""), by, caller)
        elif event["event"] == "confirm":
            question, error = (str(event.get(name) or "") for name in ("question", "error"))
            yield ManualStep(at, notebook, (question,), error, by, caller, asked=True, ok=bool(event.get("ok")))
