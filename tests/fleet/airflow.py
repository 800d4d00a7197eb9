"""A real Airflow, in an environment of its own: a DAG run in one process, with its metadata in SQLite."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.projects import REPOSITORY

VENV = Path(os.environ.get("RUNBOOK_AIRFLOW", REPOSITORY / ".venv-airflow"))
DAG_FILE = '''"""A wave plan, as a DAG of Airflow."""
from runbook_fleet import make_dag

dag = make_dag({plan!r})
'''


@dataclass(frozen=True)
class DagRun:
    """A run that has ended: the state of each task, and all that was logged."""

    states: dict[str, str]
    log: str

    def of(self, env: str) -> dict[str, str]:
        """The states of an environment's tasks, by their names."""
        parts = {task: task.split(".") for task in self.states}
        return {names[2]: self.states[task] for task, names in parts.items() if len(names) == 3 and names[1] == env}


class Airflow:
    """An installation with a home of its own.

    Args:
        home: The folder for its database and its DAG files.
        project: The project whose wave plans it runs.
    """

    def __init__(self, home: Path, project: Path) -> None:
        self.project, self._home, self._dags = project, home, home / "dags"
        self._dags.mkdir(parents=True)
        inherited = {name: value for name, value in os.environ.items() if name not in ("RUNBOOK_ROOT", "PYTHONPATH")}
        self.environment = inherited | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self._dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "RUNBOOK_LOCAL_MACHINES": "none",
            "NO_COLOR": "1",
        }
        self._call("db", "migrate")

    def add_plan(self, name: str, text: str) -> None:
        """Write a wave plan, and the file that makes its DAG."""
        plan = self.project / "fleet" / f"{name}.yaml"
        plan.write_text(text, encoding="utf-8")
        (self._dags / f"{name}.py").write_text(DAG_FILE.format(plan=str(plan)), encoding="utf-8")

    def run(self, name: str) -> DagRun:
        """Run the DAG of a wave plan to its end."""
        done = self._call("dags", "test", f"fleet-{name}", may_fail=True)
        states = self._ask("SELECT task_id, state FROM task_instance WHERE run_id = (SELECT run_id FROM dag_run"
                           " WHERE dag_id = ? ORDER BY id DESC LIMIT 1)", f"fleet-{name}")  # fmt: skip
        assert states, done.stdout + done.stderr
        return DagRun(dict(states), done.stdout + done.stderr)

    def waiting(self) -> list[str]:
        """The triggers that a task waits for at this moment."""
        return [name for name, _ in self._ask("SELECT classpath, id FROM trigger")]

    def _ask(self, query: str, *values: str) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self._home / "airflow.db")) as database:
            return database.execute(query, values).fetchall()

    def _call(self, *arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        program = VENV / "bin" / "airflow"
        assert program.exists(), f"there is no {program}: make it with `make {VENV.name}/airflow.stamp`"
        done = subprocess.run(
            [program, *arguments], env=self.environment, cwd=self.project, capture_output=True, text=True
        )
        assert may_fail or done.returncode == 0, done.stdout + done.stderr
        return done
