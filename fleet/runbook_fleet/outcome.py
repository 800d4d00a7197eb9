"""What became of each environment of a fleet, from the states of its tasks; the report says it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.formatting import pluralize

from .steps import Kind, Step

States = Mapping[str, str | None]
"""Airflow's state of each task, by its id."""
_FAILED, _SUCCESS = "failed", "success"


class Result(StrEnum):
    """What became of an environment."""

    DONE = "done"
    FAILED = "failed"
    UNTOUCHED = "not touched"


@dataclass(frozen=True)
class Outcome:
    """The end of one environment.

    Args:
        failed: The ids of the tasks that failed, in the order of the DAG.
        rollback: The state of its rollback; empty where none was due.
    """

    env: str
    wave: int
    result: Result
    failed: tuple[str, ...] = ()
    rollback: str = ""


def outcomes_of(steps: Sequence[Step], states: States, wave: int = 0) -> list[Outcome]:
    """The outcome of each environment, or of each of one wave."""
    envs = dict.fromkeys((step.wave, step.env) for step in steps if step.env and wave in (0, step.wave))
    return [_outcome(number, env, [s for s in steps if s.env == env], states) for number, env in envs]


def _outcome(wave: int, env: str, steps: Sequence[Step], states: States) -> Outcome:
    failed = tuple(step.id for step in steps if step.kind is Kind.RUN and states.get(step.id) == _FAILED)
    verified = [states.get(step.id) == _SUCCESS for step in steps if step.mode == "verify"]
    if not failed:
        return Outcome(env, wave, Result.DONE if verified and all(verified) else Result.UNTOUCHED)
    rollback = next((states.get(step.id) or "" for step in steps if step.kind is Kind.ROLLBACK), "")
    return Outcome(env, wave, Result.FAILED, failed, rollback)


def stops(outcomes: Sequence[Outcome], tolerance: int) -> bool:
    """Whether a wave stops: more environments failed than the plan tolerates, or all of them."""
    failed = sum(outcome.result is Result.FAILED for outcome in outcomes)
    return failed > tolerance or (failed > 0 and failed == len(outcomes))


def report(outcomes: Sequence[Outcome], why: Mapping[str, str]) -> str:
    """What became of each environment, and why of those that failed.

    Args:
        why: The message of each task that failed, by its id: of environments, and of the waves' own tasks.
    """
    counts = {result: sum(outcome.result is result for outcome in outcomes) for result in Result}
    lines = [", ".join(f"{number} {result}" for result, number in counts.items() if number)]
    for outcome in outcomes:
        lines.append(f"{_SIGNS[outcome.result]} wave {outcome.wave}, {outcome.env}: {outcome.result}{_rolled(outcome)}")
        for task in outcome.failed:
            lines.append(f"    {task}:")
            lines += [f"      {line}" for line in why.get(task, "see its log in Airflow").splitlines()]
    of_waves = [task for task in why if all(task not in outcome.failed for outcome in outcomes)]
    for task in of_waves:
        lines += [f"✗ {task}:", *(f"    {line}" for line in why[task].splitlines())]
    return "\n".join(lines)


def describe_stop(outcomes: Sequence[Outcome], tolerance: int) -> str:
    """Why a wave stops, in one line."""
    failed = [outcome.env for outcome in outcomes if outcome.result is Result.FAILED]
    what = f"{len(failed)} of {pluralize(len(outcomes), 'environment')} failed ({', '.join(failed)})"
    return f"{what}; the plan tolerates {tolerance}"


_SIGNS = {Result.DONE: "✓", Result.FAILED: "✗", Result.UNTOUCHED: "○"}
_ROLLBACKS = {
    _SUCCESS: ", and rolled back",
    _FAILED: ", and its rollback failed",
    "skipped": ", with nothing to roll back",
}


def _rolled(outcome: Outcome) -> str:
    return _ROLLBACKS.get(outcome.rollback, "")
