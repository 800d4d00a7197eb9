"""Whether a run may be called done: yes, no or not known, with every reason for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .changes import ACTS, FAILED, NOT_APPLIED, ChangeResult
from .run_record import NotebookResult, RunRecord

YES, NO, UNKNOWN = "Yes", "No", "Not known"
_TOLD = {
    ("apply", YES): "It is done: what was asked for is there, and was verified.",
    ("destroy", YES): "It is done: what was to go is gone.",
    ("verify", YES): "What runs is what the parameters ask for.",
    ("plan", YES): "The plan is complete. Nothing was changed.",
}
_ELSE = {
    NO: "It may not be called done.",
    UNKNOWN: "Whether it is done is not known: what was written down does not say.",
}


@dataclass(frozen=True)
class Reason:
    """One thing that speaks for it, against it, or that nobody knows."""

    verdict: str
    told: str


@dataclass(frozen=True)
class Conclusion:
    """The verdict, in a word and in a sentence."""

    verdict: str
    told: str
    reasons: tuple[Reason, ...]


def conclude(story: RunRecord, *, intact: bool | None) -> Conclusion:
    """Decide; *intact* says whether the journal is as it was written, and is ``None`` where there is none."""
    reasons = tuple(_reasons(story, intact))
    verdicts = {reason.verdict for reason in reasons}
    verdict = NO if NO in verdicts else UNKNOWN if UNKNOWN in verdicts else YES
    return Conclusion(verdict, _TOLD.get((story.mode, verdict), _ELSE.get(verdict, "")), reasons)


def _reasons(story: RunRecord, intact: bool | None) -> Iterator[Reason]:
    if intact is None:
        yield Reason(UNKNOWN, "There is no journal.")
    elif not intact:
        yield Reason(NO, "The journal was altered, or is cut short: nothing below is sure.")
    if not story.mode:
        yield Reason(UNKNOWN, "What the run was to do is not known.")
    if not story.parts:
        yield Reason(UNKNOWN, "No notebook of it has written anything down.")
    for part in story.parts:
        yield _ending(part)
    if story.mode in ("apply", "verify"):
        yield from _verified(story)
    yield from _claims(story)
    if story.mode in ACTS:
        yield from _changes(story)


def _ending(part: NotebookResult) -> Reason:
    if part.done:
        return Reason(YES, f"{part.notebook} ran to its end.")
    if not part.state:
        return Reason(UNKNOWN, f"How {part.notebook} ended is not known: it was killed, or still runs.")
    return Reason(NO, f"{part.notebook}: {part.state}{f', {part.why}' if part.why else ''}.")


def _verified(story: RunRecord) -> Iterator[Reason]:
    differing = [part.notebook for part in story.parts if part.verified is False]
    unseen = [part.notebook for part in story.parts if part.verified is None]
    if differing:
        yield Reason(NO, f"Something differs from the parameters, or a claim does not hold: {', '.join(differing)}.")
    if unseen:
        yield Reason(UNKNOWN, f"Not verified: {', '.join(unseen)}.")
    if story.parts and not (differing or unseen):
        yield Reason(YES, "Nothing differs from the parameters, as AWS showed it at the end.")


def _claims(story: RunRecord) -> Iterator[Reason]:
    last = {(check.notebook, check.claim): check for check in story.checks}
    false = [check.claim for check in last.values() if not check.holds]
    if false:
        yield Reason(NO, f"Not true: {'; '.join(false)}.")
    elif last:
        yield Reason(YES, f"{len(last)} of {len(last)} checks hold.")


def _changes(story: RunRecord) -> Iterator[Reason]:
    """What failed and was then done by another try is done; what a verified notebook left was as asked for."""
    last: dict[tuple[str, str], ChangeResult] = {(made.notebook, made.key): made for made in story.changes}
    verified = {part.notebook for part in story.parts if part.verified}
    failed = [made.key for made in last.values() if made.result == FAILED and made.notebook not in verified]
    left = [made.key for made in last.values() if made.result == NOT_APPLIED and made.notebook not in verified]
    said = {key for step in story.by_hand if not step.asked for key in step.what}
    by_hand, left = [key for key in left if key in said], [key for key in left if key not in said]
    if failed:
        yield Reason(NO, f"Failed: {_few(failed)}.")
    if left:
        yield Reason(NO, f"Planned, and not made: {_few(left)}.")
    if by_hand:
        yield Reason(UNKNOWN, f"Said to be done by hand, and not looked at since: {_few(by_hand)}.")
    if not (failed or left or by_hand):
        yield Reason(YES, f"Every planned change is accounted for: {len(last)} of {len(last)}.")


def _few(keys: list[str]) -> str:
    return ", ".join(keys) if len(keys) <= 5 else f"{', '.join(keys[:4])} and {len(keys) - 4} more"
