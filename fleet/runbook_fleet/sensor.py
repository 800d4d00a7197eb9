"""Wait for the signed approvals of a wave, in Airflow's triggerer: no worker is held meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from runbook_lib.formatting import pluralize

from .approvals import find_missing
from .operators import fail, require_going_on
from .steps import Step

POLL_SECONDS = 30.0


class ApprovalsTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires when every plan has its signed approvals, or when it is too late for them.

    Args:
        runs: The runs in plan mode, by environment.
        until: The time, in seconds since the epoch, at which it is too late.
    """

    def __init__(self, project: str, runs: Mapping[str, Sequence[str]], change: str, until: float) -> None:
        super().__init__()
        self.project, self.runs, self.change, self.until = project, runs, change, until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of it."""
        kept = {"project": self.project, "runs": self.runs, "change": self.change, "until": self.until}
        return f"{type(self).__module__}.{type(self).__qualname__}", kept

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look every half a minute; the event has the plans that are still without."""
        while True:
            missing = await asyncio.to_thread(find_missing, Path(self.project), self.runs, self.change)
            if not missing or time.time() >= self.until:
                yield TriggerEvent({"missing": missing})
                return
            await asyncio.sleep(min(POLL_SECONDS, max(0.0, self.until - time.time())))


class ApprovalsSensor(BaseSensorOperator):  # type: ignore[misc]
    """Waits until the plans of a wave have the signed approvals that the parameters of their environments require.

    Where none are required, or no plan changes anything, it waits for nothing.

    Args:
        project: The folder with ``params/`` and ``artifacts/``.
        steps: The tasks of the wave.
        tolerance: How many environments of the wave may fail; the plan of one that did is not waited for.
        hours: How long to wait.
    """

    def __init__(self, *, project: str, steps: Sequence[Step], tolerance: int, hours: float, **options: Any) -> None:
        super().__init__(**options)
        self.project, self.steps, self.tolerance, self.hours = project, steps, tolerance, hours

    def execute(self, context: Any) -> None:
        """Look once, and wait in the triggerer where an approval is missing.

        Raises:
            AirflowSkipException: The wave has stopped.
        """
        require_going_on(context, self.steps, self.tolerance)
        change = str(context["params"].get("change") or context["run_id"])
        runs: dict[str, list[str]] = {}
        for step in self.steps:
            if step.mode == "plan" and (run := context["ti"].xcom_pull(task_ids=step.id)):
                runs.setdefault(step.env, []).append(run)
        missing = find_missing(Path(self.project), runs, change)
        if not missing:
            self.log.info("No plan of this wave waits for an approval.")
            return
        for text in missing:
            self.log.info("To approve it: %s", text)
        trigger = ApprovalsTrigger(self.project, runs, change, time.time() + self.hours * 3600)
        self.defer(trigger=trigger, method_name="finish")

    def finish(self, context: Any, event: Mapping[str, Any]) -> None:
        """Go on, or say what was not approved.

        Raises:
            AirflowFailException: The approvals did not come in time.
        """
        if missing := event["missing"]:
            plans = pluralize(len(missing), "plan")
            raise fail(
                context,
                f"{plans} had no signed approval after {self.hours:g} hours, so nothing of this wave was changed:\n"
                + "\n".join(missing)
                + "\n  → Have them approved, and clear this task.",
            )
        self.log.info("Every plan of this wave has its signed approvals.")
