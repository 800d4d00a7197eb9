"""Run a fleet of environments in waves, on Apache Airflow: one DAG for each wave plan.

The package has no scheduler, no queue and no state of its own: Airflow has them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import DAG


def make_dag(plan: str | Path) -> DAG:
    """Make the DAG of a wave plan, e.g. of ``/srv/runbook/fleet/release.yaml``: its name is ``fleet-release``.

    Raises:
        WavePlanError: The plan, or the parameters of an environment in it, cannot be used; it names every problem.
    """
    from .factory import build_dag  # late: plans are also read where Airflow is not installed

    return build_dag(Path(plan))


__all__ = ["make_dag"]
