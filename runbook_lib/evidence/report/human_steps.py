"""Read what people did in a run: approvals, manual steps, and answers to questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...engine.approval import NOTHING, parse_fingerprints
from ...journal.reader import RUN_START, Event


@dataclass(frozen=True)
class RecordedApproval:
    """An approval that the run used; *by* is empty where only the plan's fingerprint was given.

    Args:
        at: When the run used it.
        signed, expires: When it was signed, and until when it counts.
        operator: The second signer, where two are required.
    """

    by: str
    plan: str
    at: str = ""
    signed: str = ""
    expires: str = ""
    operator: str = ""


@dataclass(frozen=True)
class ManualStep:
    """What somebody did outside the run, or a question that the run asked.

    Args:
        what: Keys of resources, a description, or the question.
        why: The reason; the error, where a question was not confirmed.
        by, caller: The operator, and the ARN by which AWS knows the caller.
        is_question: Whether it is a question.
        ok: Whether the question was answered with the expected phrase.
    """

    at: str
    notebook: str
    what: tuple[str, ...]
    why: str
    by: str
    caller: str
    is_question: bool = False
    ok: bool = True


def read_approvals(events: Iterable[Event]) -> tuple[RecordedApproval, ...]:
    """The approvals that the run used, and the fingerprints that were given without a signed approval."""
    signed: dict[tuple[str, str], RecordedApproval] = {}
    fingerprints: dict[str, None] = {}
    for event in events:
        if event["event"] == "approved":
            names = ("by", "plan", "at", "signed", "expires", "operator")
            approval = RecordedApproval(*(str(event.get(name) or "") for name in names))
            signed.setdefault((approval.by, approval.plan), approval)
        elif event["event"] in RUN_START:
            fingerprints |= dict.fromkeys(parse_fingerprints(str(event.get("approved") or "")))
    unsigned = (
        RecordedApproval("", fingerprint)
        for fingerprint in fingerprints
        if fingerprint != NOTHING and not any(fingerprint in approval.plan for approval in signed.values())
    )
    return (*signed.values(), *unsigned)


def read_manual_steps(events: Iterable[Event]) -> Iterator[ManualStep]:
    """Yield manual steps and questions in the order of the journal."""
    for event in events:
        at, notebook, caller, by = (str(event.get(n) or "") for n in ("at", "notebook", "caller", "operator"))
        if event["event"] == "by_hand":
            keys = event.get("keys")
            what = tuple(map(str, keys)) if isinstance(keys, list) else ()
            yield ManualStep(at, notebook, what, str(event.get("reason") or ""), by, caller)
        elif event["event"] == "confirm":
            question, error = (str(event.get(name) or "") for name in ("question", "error"))
            yield ManualStep(at, notebook, (question,), error, by, caller, is_question=True, ok=bool(event.get("ok")))
