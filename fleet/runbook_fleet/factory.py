"""Make the DAG of a wave plan for Airflow 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.sensors.time_delta import WaitSensor
from airflow.sdk import DAG, Param, TaskGroup

from .operators import EndOfWave, ReportOperator, RollbackOperator, RunbookOperator
from .sensor import ApprovalsSensor
from .steps import Kind, Step, steps_of
from .wave_plan import WavePlan, project_of, read_plan

_DOC = "Environments in waves, from `{plan}` of the project `{project}`. See docs/fleet.md there."


def build_dag(path: Path) -> DAG:
    """Make the DAG of a wave plan.

    Raises:
        WavePlanError: The plan, or the parameters of an environment in it, cannot be used.
    """
    plan, project = read_plan(path), project_of(path)
    dag = DAG(
        f"fleet-{path.stem}",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        max_active_tasks=plan.parallel,
        params={"change": Param("", type="string", description="the change request; empty: the id of the DAG run")},
        tags=["runbook"],
        doc_md=_DOC.format(plan=path.name, project=project),
    )
    steps = steps_of(plan)
    groups: dict[tuple[str, ...], TaskGroup] = {}
    tasks: dict[str, Any] = {}
    for step in steps:
        common = {
            "task_id": step.name,
            "dag": dag,
            "task_group": _group(dag, groups, step.group),
            "trigger_rule": step.rule,
        }
        tasks[step.id] = _MAKERS[step.kind](plan, str(project), steps, step, common)
        for earlier in step.after:
            tasks[earlier] >> tasks[step.id]
    return dag


def _group(dag: DAG, groups: dict[tuple[str, ...], TaskGroup], names: tuple[str, ...]) -> TaskGroup | None:
    if not names:
        return None
    if names not in groups:
        groups[names] = TaskGroup(names[-1], dag=dag, parent_group=_group(dag, groups, names[:-1]))
    return groups[names]


def _run(plan: WavePlan, project: str, steps: list[Step], step: Step, common: Mapping[str, Any]) -> Any:
    return RunbookOperator(
        project=project,
        env=step.env,
        mode=step.mode,
        notebook=step.notebook,
        aws_profile=plan.profile_of(step.env),
        wave=_of_wave(steps, step) if step.first else (),
        tolerance=plan.tolerance,
        **common,
    )


def _rollback(plan: WavePlan, project: str, steps: list[Step], step: Step, common: Mapping[str, Any]) -> Any:
    return RollbackOperator(
        project=project,
        env=step.env,
        aws_profile=plan.profile_of(step.env),
        steps=[each for each in steps if each.env == step.env and each.kind is Kind.RUN],
        **common,
    )


def _pause(plan: WavePlan, project: str, steps: list[Step], step: Step, common: Mapping[str, Any]) -> Any:
    return WaitSensor(time_to_wait=timedelta(minutes=plan.pause_minutes), deferrable=True, **common)


def _approvals(plan: WavePlan, project: str, steps: list[Step], step: Step, common: Mapping[str, Any]) -> Any:
    wave, hours = _of_wave(steps, step), plan.approval_hours
    return ApprovalsSensor(project=project, steps=wave, tolerance=plan.tolerance, hours=hours, **common)


def _end(plan: WavePlan, project: str, steps: list[Step], step: Step, common: Mapping[str, Any]) -> Any:
    return EndOfWave(steps=_of_wave(steps, step), tolerance=plan.tolerance, **common)


def _report(plan: WavePlan, project: str, steps: list[Step], step: Step, common: Mapping[str, Any]) -> Any:
    return ReportOperator(steps=[each for each in steps if each is not step], **common)


def _of_wave(steps: list[Step], step: Step) -> list[Step]:
    return [each for each in steps if each.wave == step.wave and each.kind is not Kind.END]


_MAKERS: Mapping[Kind, Callable[..., Any]] = {
    Kind.RUN: _run,
    Kind.ROLLBACK: _rollback,
    Kind.PAUSE: _pause,
    Kind.APPROVALS: _approvals,
    Kind.END: _end,
    Kind.REPORT: _report,
}
