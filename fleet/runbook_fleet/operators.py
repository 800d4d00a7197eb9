"""The tasks of a fleet: Airflow's own PapermillOperator on the runbook's engine, and what ends a wave."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from runbook_lib.errors import RunbookError
from runbook_lib.params import load, params_file
from runbook_lib.runs.rollback import NOTEBOOK, present_revision, with_revision
from runbook_lib.runs.start import new_run

from .outcome import Result, describe_stop, outcomes_of, report, stops
from .steps import Kind, Step

ENGINE = "runbook"
WHY, REVISION = "why", "revision"
"""Keys of XComs: the message of a task that failed; the revision that an environment had before its apply."""


class RunbookOperator(PapermillOperator):  # type: ignore[misc]
    """Run one notebook of one environment in one mode.

    The run is one as papermill's own: with its lock, its signed evidence, and its upload to the environment's bucket.

    Args:
        project: The folder with ``params/`` and ``notebooks/``.
        aws_profile: The AWS profile to use; empty for the worker's own credentials.
        wave: The tasks of the same wave; given to the one that begins to change an environment.
        tolerance: How many environments of the wave may fail.
    """

    def __init__(
        self, *, project: str, env: str, mode: str, notebook: str, aws_profile: str = "",
        wave: Sequence[Step] = (), tolerance: int = 0, **options: Any,
    ) -> None:  # fmt: skip
        self.parameters: dict[str, Any] = {
            "env": env,
            "mode": mode,
            "change": "{{ params.change or run_id }}",
            "asked_by": "{{ dag_run.triggering_user_name or '' }}",
        }
        super().__init__(
            input_nb=str(Path(project, "notebooks", f"{notebook}.ipynb")),
            output_nb=str(Path(project, ".runbook", "airflow", "{{ run_id }}", "{{ task.task_id }}.ipynb")),
            parameters=self.parameters,
            **options,
        )
        self.project, self.env, self.mode, self.notebook = project, env, mode, notebook
        self.aws_profile, self.wave, self.tolerance = aws_profile, wave, tolerance

    def execute(self, context: Any) -> str:
        """Run the notebook; returns the id of the run.

        Raises:
            AirflowFailException: It failed; the message says why, and what to do next.
            AirflowSkipException: The wave has stopped before this environment was touched.
        """
        if self.wave:
            require_going_on(context, self.wave, self.tolerance)
        output = Path(self.output_nb)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.unlink(missing_ok=True)  # of an earlier try
        try:
            with in_environment(self.project, self.aws_profile), default_engine(ENGINE):
                self.prepare(context)
                super().execute(context)
        except PapermillExecutionError as error:
            raise fail(context, f"{error.ename}: {error.evalue}{_evidence(self.env, output)}") from None
        except RunbookError as error:
            raise fail(context, f"{type(error).__name__}: {error}{_evidence(self.env, output)}") from None
        except AirflowSkipException:
            raise
        except Exception as error:
            context["ti"].xcom_push(key=WHY, value=f"{type(error).__name__}: {error}{_evidence(self.env, output)}")
            raise
        run = _run_of(output)
        self.log.info("Evidence: artifacts/%s/%s", self.env, run)
        return run

    def prepare(self, context: Any) -> None:
        """Keep the revision that the environment has, before another one is deployed."""
        if (self.mode, self.notebook) == ("apply", NOTEBOOK):
            params = load(params_file(Path(self.project), self.env))
            context["ti"].xcom_push(key=REVISION, value=present_revision(params, Path(self.project), new_run("plan")))


class RollbackOperator(RunbookOperator):
    """Deploy the revision that an environment had before its apply, when one of its tasks failed after that.

    Args:
        steps: The tasks of the environment.
    """

    def __init__(self, *, steps: Sequence[Step], **options: Any) -> None:
        super().__init__(mode="apply", notebook=NOTEBOOK, **options)
        self.steps = steps

    def prepare(self, context: Any) -> None:
        """Choose the revision.

        Raises:
            AirflowSkipException: Nothing failed, nothing was deployed, or there was nothing before it.
        """
        (outcome,) = outcomes_of(self.steps, states_of(context, self.steps))
        if outcome.result is not Result.FAILED:
            raise AirflowSkipException(f"{self.env} is {outcome.result}: nothing is rolled back.")
        deploys = next(step.id for step in self.steps if (step.mode, step.notebook) == ("apply", NOTEBOOK))
        revision = context["ti"].xcom_pull(task_ids=deploys, key=REVISION)
        if revision is None:
            raise AirflowSkipException(f"{self.env} has the release that it had: {NOTEBOOK} was not applied.")
        if not revision:
            raise AirflowSkipException(
                f"{self.env} had no release that worked on every server: there is nothing to go back to."
                " Correct what failed, and clear the failed task."
            )
        self.log.info("Back to the revision before this apply: %s", revision)
        params = load(params_file(Path(self.project), self.env))
        self.parameters = {**self.parameters, **with_revision(params, revision)}


class EndOfWave(BaseOperator):  # type: ignore[misc]
    """Let the next wave begin, or stop here.

    Args:
        steps: The tasks of the wave.
    """

    def __init__(self, *, steps: Sequence[Step], tolerance: int, **options: Any) -> None:
        super().__init__(**options)
        self.steps, self.tolerance = steps, tolerance

    def execute(self, context: Any) -> None:
        """Count who failed.

        Raises:
            AirflowFailException: More environments failed than are tolerated, or the approvals did not come.
            AirflowSkipException: The wave never began.
        """
        states = states_of(context, self.steps)
        outcomes = outcomes_of(self.steps, states)
        self.log.info("%s", report(outcomes, messages_of(context, states)))
        if stops(outcomes, self.tolerance):
            raise fail(context, f"The waves stop here: {describe_stop(outcomes, self.tolerance)}.")
        if any(outcome.result is Result.DONE for outcome in outcomes):
            return
        if any(state == "failed" for state in states.values()):
            raise AirflowFailException("The waves stop here: no environment of this wave was touched.")
        raise AirflowSkipException("This wave never began: an earlier one has stopped.")


class ReportOperator(BaseOperator):  # type: ignore[misc]
    """Say what became of each environment, and why; it fails when a wave has stopped.

    Args:
        steps: All other tasks.
    """

    def __init__(self, *, steps: Sequence[Step], **options: Any) -> None:
        super().__init__(**options)
        self.steps = steps

    def execute(self, context: Any) -> str:
        """Return the report, which is also in the log.

        Raises:
            AirflowFailException: A wave has stopped; the message is the report.
        """
        states = states_of(context, self.steps)
        text = report(outcomes_of(self.steps, states), messages_of(context, states))
        ends = [states.get(step.id) for step in self.steps if step.kind is Kind.END]
        if all(state == "success" for state in ends):
            self.log.info("%s", text)
            return text
        raise fail(context, text)


def require_going_on(context: Any, wave: Sequence[Step], tolerance: int) -> None:
    """Check that the wave has not stopped.

    Raises:
        AirflowSkipException: It has.
    """
    outcomes = outcomes_of(wave, states_of(context, wave))
    if stops(outcomes, tolerance):
        raise AirflowSkipException(f"The wave has stopped: {describe_stop(outcomes, tolerance)}. Nothing was changed.")


def fail(context: Any, why: str) -> AirflowFailException:
    """Return the error that fails a task for good; its message is kept for the report."""
    context["ti"].xcom_push(key=WHY, value=why)
    return AirflowFailException(why)


def states_of(context: Any, steps: Sequence[Step]) -> dict[str, str | None]:
    """The states of these tasks in this DAG run."""
    ti, run = context["ti"], context["run_id"]
    found = ti.get_task_states(dag_id=ti.dag_id, task_ids=[step.id for step in steps], run_ids=[run])
    return dict(found.get(run, {}))


def messages_of(context: Any, states: Mapping[str, str | None]) -> dict[str, str]:
    """The message of each task that failed."""
    ti = context["ti"]
    found = {task: ti.xcom_pull(task_ids=task, key=WHY) for task, state in states.items() if state == "failed"}
    return {task: str(why) for task, why in found.items() if why}


@contextmanager
def default_engine(name: str) -> Iterator[None]:
    """Make one of papermill's engines the one that it takes by default: the operator has no argument for it."""
    before = papermill_engines.get_engine(None)
    papermill_engines.register(None, papermill_engines.get_engine(name))
    try:
        yield
    finally:
        papermill_engines.register(None, before)


@contextmanager
def in_environment(project: str, aws_profile: str) -> Iterator[None]:
    """Let the runbook, and the kernels that it starts, find the project and the credentials."""
    wanted = {"RUNBOOK_ROOT": project} | ({"AWS_PROFILE": aws_profile} if aws_profile else {})
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run_of(output: Path) -> str:
    """The id of the run that an executed notebook belongs to; empty where it opened none."""
    try:
        return str(nbformat.read(output, as_version=4).metadata["runbook"]["run"])
    except (OSError, KeyError, ValueError):
        return ""


def _evidence(env: str, output: Path) -> str:
    run = _run_of(output)
    return f"\nEvidence: artifacts/{env}/{run}" if run else ""
