"""Conclude whether a run is done: yes, no or not known, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...stacks.checks.check import EXCEPTION, PASS
from .changes import ACTS, FAILED, NOT_APPLIED, ChangeResult
from .run_record import NotebookResult, RunRecord

YES, NO, UNKNOWN = "Yes", "No", "Not known"
_SENTENCES = {
    ("apply", YES): "It is done. Applied, and verified afterwards: {notebooks}.",
    ("destroy", YES): "It is done. Destroyed: {notebooks}.",
    ("verify", YES): "Nothing in {notebooks} differs from the parameters.",
    ("plan", YES): "The plan is complete, of {notebooks}. Nothing was changed.",
}
_OTHER_SENTENCES = {
    NO: "It is not done.",
    UNKNOWN: "Whether it is done is not known.",
}


@dataclass(frozen=True)
class Reason:
    """One reason for a verdict."""

    verdict: str
    text: str


@dataclass(frozen=True)
class Conclusion:
    """The verdict, as a word and as a sentence, with its reasons."""

    verdict: str
    text: str
    reasons: tuple[Reason, ...]


def conclude(record: RunRecord, *, intact: bool | None) -> Conclusion:
    """Conclude from a run's record.

    Args:
        intact: Whether the journal is unchanged; ``None`` where there is no journal.
    """
    reasons = tuple(_reasons(record, intact))
    verdicts = {reason.verdict for reason in reasons}
    verdict = NO if NO in verdicts else UNKNOWN if UNKNOWN in verdicts else YES
    text = _SENTENCES.get((record.mode, verdict), _OTHER_SENTENCES.get(verdict, ""))
    names = " and ".join(notebook.name for notebook in record.notebooks)
    return Conclusion(verdict, text.format(notebooks=names.replace(" and ", ", ", names.count(" and ") - 1)), reasons)


def _reasons(record: RunRecord, intact: bool | None) -> Iterator[Reason]:
    if intact is None:
        yield Reason(UNKNOWN, "There is no journal.")
    elif not intact:
        yield Reason(NO, "The journal was changed or truncated: nothing below is certain.")
    if not record.mode:
        yield Reason(UNKNOWN, "The mode of the run is not known.")
    if not record.notebooks:
        yield Reason(UNKNOWN, "No notebook has recorded anything.")
    for notebook in record.notebooks:
        yield _end_reason(notebook)
    yield from _origin_reasons(record)
    if record.mode in ("apply", "verify"):
        yield from _verify_reasons(record)
    yield from _check_reasons(record)
    if record.mode in ACTS:
        yield from _change_reasons(record)


def _end_reason(notebook: NotebookResult) -> Reason:
    if notebook.done:
        return Reason(YES, f"{notebook.name} completed.")
    if not notebook.state:
        return Reason(UNKNOWN, f"How {notebook.name} ended is not known: it was killed, or is still running.")
    reason = f", {notebook.reason}" if notebook.reason else ""
    return Reason(NO, f"{notebook.name}: {notebook.state}{reason.rstrip('.')}.")


def _origin_reasons(record: RunRecord) -> Iterator[Reason]:
    """A notebook that nobody reviewed may say of itself that it is done."""
    for origin in record.origins:
        yield Reason(YES if origin.same else UNKNOWN, str(origin))


def _verify_reasons(record: RunRecord) -> Iterator[Reason]:
    differing = [notebook.name for notebook in record.notebooks if notebook.verified is False]
    unverified = [notebook.name for notebook in record.notebooks if notebook.verified is None]
    if differing:
        yield Reason(NO, f"Resources differ from the parameters, or a check failed: {', '.join(differing)}.")
    if unverified:
        yield Reason(UNKNOWN, f"Not verified: {', '.join(unverified)}.")
    if record.notebooks and not (differing or unverified):
        yield Reason(YES, "Nothing differed from the parameters when each notebook verified its own resources.")


def _check_reasons(record: RunRecord) -> Iterator[Reason]:
    last = {(check.notebook, check.claim): check for check in record.checks}
    failed_checks = [check.claim for check in last.values() if not check.holds]
    if failed_checks:
        yield Reason(NO, f"Failed checks: {'; '.join(failed_checks)}.")
    elif last:
        excepted = sum(check.result == EXCEPTION for check in last.values())
        passed = sum(check.result == PASS for check in last.values())
        more = f"; {excepted} have an exception" if excepted else ""
        other = len(last) - passed - excepted
        more += f"; {other} do not apply" if other else ""
        yield Reason(YES, f"{passed} of {len(last)} checks passed{more}.")


def _change_reasons(record: RunRecord) -> Iterator[Reason]:
    """The last result of each change counts, and a change that a verified notebook did not make was not needed."""
    last: dict[tuple[str, str], ChangeResult] = {(change.notebook, change.key): change for change in record.changes}
    verified = {notebook.name for notebook in record.notebooks if notebook.verified}
    failed = [change.key for change in last.values() if change.result == FAILED and change.notebook not in verified]
    planned = [
        change.key for change in last.values() if change.result == NOT_APPLIED and change.notebook not in verified
    ]
    manual = {key for step in record.manual_steps if not step.is_question for key in step.what}
    unconfirmed, not_made = [key for key in planned if key in manual], [key for key in planned if key not in manual]
    if failed:
        yield Reason(NO, f"Failed: {_join_some(failed)}.")
    if not_made:
        yield Reason(NO, f"Planned, and not made: {_join_some(not_made)}.")
    if unconfirmed:
        yield Reason(UNKNOWN, f"Reported as done manually, and not verified since: {_join_some(unconfirmed)}.")
    if not (failed or not_made or unconfirmed):
        yield Reason(YES, f"Every planned change has a result: {len(last)} of {len(last)}.")


def _join_some(keys: list[str]) -> str:
    return ", ".join(keys) if len(keys) <= 5 else f"{', '.join(keys[:4])} and {len(keys) - 4} more"
