"""docs/fleet.md: its wave plan can be read, its sums are those of the code, its workflow has GitHub's form."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

import runbook_fleet
from runbook_fleet.steps import steps_of
from runbook_fleet.wave_plan import WavePlan
from tests.fleet.projects import REPOSITORY

PAGE = (REPOSITORY / "docs" / "fleet.md").read_text(encoding="utf-8")
PLAN, WORKFLOW = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
TOOLS = Path(sys.executable).parent


def test_the_wave_plan_has_every_field_with_its_default():
    plan = yaml.safe_load(PLAN)
    assert list(plan) == list(WavePlan.model_fields)
    given = WavePlan.model_validate(plan)
    own = {"waves", "pause_minutes"}
    assert [name for name, field in WavePlan.model_fields.items() if getattr(given, name) != field.default] == [
        name for name in WavePlan.model_fields if name in own
    ]


def test_the_tasks_of_a_hundred_environments_are_as_many_as_it_says():
    waves = [[f"w{number}-e{each}" for each in range(size)] for number, size in enumerate((1, 9, 90), 1)]
    tasks = len(steps_of(WavePlan.model_validate({"waves": waves, "pause_minutes": 30})))
    assert f"| tasks of Airflow | 13 | {tasks:,} |" in PAGE


def test_the_workflow_has_github_s_form_and_goes_in_the_waves_of_the_plan(tmp_path):
    path = tmp_path / "fleet.yml"
    path.write_text(WORKFLOW, encoding="utf-8")
    command = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    waves = [job["strategy"]["matrix"]["env"] for name, job in jobs.items() if name != "plan"]
    assert waves == yaml.safe_load(PLAN)["waves"]
    assert [job.get("needs") for job in jobs.values()] == [None, "plan", "wave-1", "wave-2"]
    for job in jobs.values():
        assert (REPOSITORY / job["uses"]).is_file()


def test_what_the_package_imports_is_declared_by_the_library_or_its_extra():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.match(r"[\w-]+", each)[0] for each in project["dependencies"]}
    extra = {re.match(r"[\w-]+", each)[0] for each in project["optional-dependencies"]["airflow"]}
    found = set()
    for path in Path(runbook_fleet.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
    outside = {name for name in found if name.partition(".")[0] not in sys.stdlib_module_names}
    providers = {re.match(r"airflow\.providers\.(\w+)", name) for name in outside} - {None}
    assert {f"apache-airflow-providers-{each[1]}" for each in providers} | {"apache-airflow"} == extra
    tops = {name.partition(".")[0] for name in outside} - {"airflow", "runbook_lib"}
    assert tops <= declared
