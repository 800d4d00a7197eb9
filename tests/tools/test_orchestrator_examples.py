"""The examples of docs/orchestrators.md: each has its tool's form, calls what exists, and runs."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import papermill.cli
import pytest
import yaml

from runbook_lib.cli.main import main
from tests.support.tool_environment import tool_environment
from tests.support.tool_table import shows
from tests.tools.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "orchestrators.md").read_text(encoding="utf-8")
EXAMPLES = {
    heading: [block for _, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)]
    for heading, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def example(tool):
    return EXAMPLES[tool][0]


def test_each_has_an_example():
    assert set(EXAMPLES) == {"GitHub Actions", "GitLab CI", "Airflow", "Dagster", "Snakemake", "Ploomber"}
    assert all(EXAMPLES.values())


def test_what_they_call_exists_with_its_options():
    """As the command and papermill parse it."""
    text = "\n".join(block for blocks in EXAMPLES.values() for block in blocks)
    lines = re.findall(r"\.venv/bin/(runbook|papermill) ([^\n]*?)(?=\"?,?$)", text, re.MULTILINE)
    assert {program for program, _ in lines} == {"runbook", "papermill"}
    for program, line in lines:
        plain = re.sub(r"\{\{*[^}]*\}\}*|\$\(cat \w+\.txt\)", "x", line)
        words = shlex.split(plain + ('"' if plain.count('"') % 2 else ""))
        if program == "runbook":
            command = main.get_command(click.Context(main), words[0])
            with click.Context(main):
                command.make_context(words[0], words[1:])
        else:
            papermill.cli.papermill.make_context("papermill", words)


@shows("GitHub Actions", "the workflow of [orchestrators.md](orchestrators.md)", "has GitHub's form")
@shows("GitLab CI", "the pipeline of [orchestrators.md](orchestrators.md)", "has GitLab's form")
@pytest.mark.parametrize(("tool", "schema"), [("GitHub Actions", "github-workflows"), ("GitLab CI", "gitlab-ci")])
def test_a_pipeline_has_its_service_s_form(tmp_path, tool, schema):
    """By the schemas that editors use, which the linter ships."""
    (tmp_path / "pipeline.yml").write_text(example(tool), encoding="utf-8")
    linter = Path(sys.executable).with_name("check-jsonschema")
    command = [linter, "--builtin-schema", f"vendor.{schema}", tmp_path / "pipeline.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@shows("Airflow", "the DAG of [orchestrators.md](orchestrators.md)", "a task for each environment")
def test_airflow_s_tasks_call_the_command():
    """With Airflow's two classes in its place: it is larger than all of this."""
    tree = ast.parse(example("Airflow"))
    tree.body = [node for node in tree.body if not getattr(node, "module", "").startswith("airflow")]
    tasks = []

    class Dag:
        def __init__(self, *_, **options):
            assert options["max_active_runs"] == 1

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    exec(compile(tree, "dag", "exec"), {"DAG": Dag, "BashOperator": lambda **task: tasks.append(task)})
    assert [task["task_id"] for task in tasks] == ["plan_dev", "plan_staging", "plan_prod"]
    assert tasks[0]["bash_command"].endswith("--env dev --change '{{ run_id }}' --detailed-exitcode")


@pytest.fixture
def project(root):
    """The current folder as a checkout whose .venv is this one."""
    (root / "work" / "notebooks").symlink_to(REPOSITORY / "notebooks")
    (root / "work" / ".venv").symlink_to(sys.prefix)
    return root / "work"


def runs(root):
    return sorted(path.parent.name for path in (root / "artifacts" / "local").glob("*/manifest.dsse.json"))


@pytest.mark.exhaustive
@shows("Dagster", "the job of [orchestrators.md](orchestrators.md): ops that call papermill", "one signed run each")
def test_dagster_runs_its_example(root, project, tmp_path):
    environment = tool_environment(tmp_path, "dagster")
    (project / "job.py").write_text(example("Dagster"), encoding="utf-8")
    environment.run("dagster", "job", "execute", "-f", "job.py", "-j", "plan", DAGSTER_HOME=str(tmp_path))
    assert len(runs(root)) == 2


@pytest.mark.exhaustive
@shows("snakemake", "the rules of [orchestrators.md](orchestrators.md), with `shell`", "one signed run for each rule")
def test_snakemake_runs_its_example(root, project, tmp_path):
    environment = tool_environment(tmp_path, "snakemake")
    (project / "Snakefile").write_text(example("Snakemake"), encoding="utf-8")
    environment.run("snakemake", "--cores", "1")
    assert len(runs(root)) == 2


def test_ploomber_s_example_calls_a_script(tmp_path):
    """Its own notebook tasks are refused: test_ploomber."""
    spec, script = EXAMPLES["Ploomber"]
    (task,) = yaml.safe_load(spec)["tasks"]
    assert (task["source"], "{{product}}" in script) == ("plan.sh", True)
