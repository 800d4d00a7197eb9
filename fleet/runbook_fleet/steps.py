"""From a wave plan to the tasks of its DAG, and which of them wait for which; no line here knows Airflow.

Every wave is the same: plan all environments, wait for their signed approvals, then apply and verify each by itself,
and give those that fail their earlier release back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.runs.runner import NOTEBOOKS

from .wave_plan import WavePlan

DONE, SOME_DONE, GREEN = "all_done", "all_done_min_one_success", "all_success"
"""Trigger rules of Airflow: https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html#trigger-rules"""


class Kind(StrEnum):
    """What a task does."""

    RUN = "run"  # a notebook in a mode
    ROLLBACK = "rollback"
    PAUSE = "pause"
    APPROVALS = "approvals"
    END = "end"  # of a wave
    REPORT = "report"


@dataclass(frozen=True)
class Step:
    """One task.

    Args:
        group: The names of its task groups: the wave, and the environment.
        after: The ids of those that it waits for.
        rule: Airflow's trigger rule for them.
        first: Whether it is the one that begins to change its environment.
    """

    kind: Kind
    name: str
    group: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    rule: str = GREEN
    wave: int = 0
    env: str = ""
    mode: str = ""
    notebook: str = ""
    first: bool = False

    @property
    def id(self) -> str:
        """The id in Airflow, e.g. ``wave_1.dev.apply_04_deploy``."""
        return ".".join((*self.group, self.name))


def steps_of(plan: WavePlan) -> list[Step]:
    """The tasks of a plan, each after those that it waits for."""
    steps: list[Step] = []
    ends: tuple[str, ...] = ()
    for number in range(1, len(plan.waves) + 1):
        steps += _wave(plan, number, ends[-1:])
        ends += (steps[-1].id,)
    return [*steps, Step(Kind.REPORT, "report", after=ends, rule=DONE)]


def _wave(plan: WavePlan, number: int, before: tuple[str, ...]) -> Iterator[Step]:
    wave, envs = f"wave_{number}", plan.waves[number - 1]
    if before and plan.pause_minutes:
        pause = Step(Kind.PAUSE, "pause", (wave,), before, wave=number)
        yield pause
        before = (pause.id,)
    plans = {env: [*_notebooks("plan", number, env, {name: before for name in NOTEBOOKS})] for env in envs}
    for each in plans.values():
        yield from each
    everything = tuple(step.id for each in plans.values() for step in each)
    approvals = Step(Kind.APPROVALS, "approvals", (wave,), everything, SOME_DONE, number)
    yield approvals
    last: tuple[str, ...] = ()
    for env in envs:
        steps = [*_change(plan, number, env, (*(step.id for step in plans[env]), approvals.id))]
        yield from steps
        waited = {name for step in steps for name in step.after}
        last += tuple(step.id for step in steps if step.id not in waited)
    yield Step(Kind.END, "end", (wave,), last, DONE, number)


def _change(plan: WavePlan, number: int, env: str, before: tuple[str, ...]) -> Iterator[Step]:
    """Apply and verify one environment, and roll it back when it fails.

    Each notebook is a run of its own, and one run at a time holds the lock of an environment: they go one by one.
    """
    after, previous = {}, before
    for name in NOTEBOOKS:
        after[name], previous = previous, (f"wave_{number}.{env}.apply_{name}",)
    applied = [*_notebooks("apply", number, env, after)]
    verified = [*_notebooks("verify", number, env, dict.fromkeys(NOTEBOOKS, previous))]
    yield from applied
    yield from verified
    if plan.rollback:
        changed = tuple(step.id for step in (*applied, *verified))
        yield Step(Kind.ROLLBACK, "rollback", (f"wave_{number}", env), changed, SOME_DONE, number, env, "apply")


def _notebooks(mode: str, number: int, env: str, after: dict[str, tuple[str, ...]]) -> Iterator[Step]:
    for name, before in after.items():
        first = mode == "apply" and name == NOTEBOOKS[0]
        group = (f"wave_{number}", env)
        yield Step(Kind.RUN, f"{mode}_{name}", group, before, GREEN, number, env, mode, name, first)
