"""The workflows at GitHub: what they run is the README's, what they may is little, what they use cannot change."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import click
import pytest
import yaml

import runbook_lib
from runbook_lib.cli import main as cli
from runbook_lib.cli.plan_markdown import MAX_LENGTH
from tests.notebooks.browser import PICTURES

REPOSITORY = Path(runbook_lib.__file__).parents[1]
FOLDER = REPOSITORY / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
WORKFLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = {(name, job): body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()}
STEPS = [(name, job, step) for (name, job), body in JOBS.items() for step in body.get("steps", ())]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
ENVS = sorted(path.stem for path in (REPOSITORY / "params").glob("*.yaml") if path.stem != "local")

# What no laptop needs: a word to the reviewer.
BESIDE = (
    'cat plan.md >> "$GITHUB_STEP_SUMMARY"',
    "test -s plan.md || echo", "cat plans/*/plan.md | gh pr comment", 'echo "environments=$(find plans',
)  # fmt: skip


def triggers(workflow):
    return workflow[True]  # YAML 1.1 takes `on` for a truth value


def linted(tool, *arguments):
    return subprocess.run(
        [str(Path(sys.executable).with_name(tool)), *arguments], capture_output=True, text=True, check=False
    )


def test_these_are_the_workflows():
    assert set(WORKFLOWS) == {"ci", "runbook", "deploy", "plan", "apply"}


def test_they_have_github_s_shape():
    """By the schema that editors use, which the tool ships: no network."""
    done = linted("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_known_weakness_is_in_them():
    """Injections, loose pins, too many rights, and more: https://docs.zizmor.sh/audits/."""
    done = linted("zizmor", "--offline", "--no-progress", "--persona=pedantic", str(FOLDER))
    assert done.returncode == 0, done.stdout + done.stderr


def checked(*files):
    """Without what it would call where that is installed, so that every machine finds the same."""
    return linted("actionlint", "-no-color", "-shellcheck=", "-pyflakes=", *map(str, files))


def test_every_expression_names_what_is_there():
    """Contexts, outputs, inputs, needs, and their types: https://github.com/rhysd/actionlint/blob/main/docs/checks.md."""
    done = checked(*FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "right", "wrong", "told"),
    [
        ("plan", "${{ matrix.env }}", "${{ matrix.environment }}", 'property "environment" is not defined'),
        ("apply", "${{ inputs.only }}", "${{ inputs.once }}", 'property "once" is not defined'),
        ("runbook", "steps.changing.outputs", "steps.changed.outputs", 'property "changed" is not defined'),
        ("deploy", "needs: bundle", "needs: bundles", 'needs job "bundles" which does not exist'),
    ],
)
def test_an_expression_that_names_nothing_is_found(tmp_path, name, right, wrong, told):
    """GitHub would take it for an empty text, and a job would go on with that."""
    spoilt = tmp_path / f"{name}.yml"
    assert right in TEXTS[name]
    spoilt.write_text(TEXTS[name].replace(right, wrong), encoding="utf-8")
    done = checked(spoilt)
    assert done.returncode == 1, done.stderr
    assert told in done.stdout


@pytest.mark.parametrize(("name", "job", "step"), STEPS)
def test_an_action_is_pinned_to_one_commit_with_its_version_beside_it(name, job, step):
    """A tag can be moved by whoever owns the action; a commit cannot."""
    if "uses" not in step:
        assert set(step) & {"run"}
        return
    assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
    assert re.search(rf"uses: {re.escape(step['uses'])} # v\d+\.\d+\.\d+\n", TEXTS[name])


def test_one_action_has_one_version():
    pins = {step["uses"] for *_, step in STEPS if "uses" in step}
    assert len(pins) == len({pin.partition("@")[0] for pin in pins})


def test_what_the_browser_saw_is_kept_also_of_tests_that_failed():
    """And that there is nothing to keep is a failure of its own."""
    (kept,) = [step for step in JOBS["ci", "test"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == f"{PICTURES.relative_to(REPOSITORY)}/"
    assert (kept["if"], kept["with"]["if-no-files-found"]) == ("${{ !cancelled() }}", "error")


class TestRights:
    """Every job says what it may do; a token for AWS is given only where AWS is asked."""

    def test_nothing_is_allowed_that_a_job_does_not_name(self):
        assert [name for name, workflow in WORKFLOWS.items() if workflow["permissions"] != {}] == []

    def test_each_job_has_what_it_needs_and_no_more(self):
        look, aws = {"contents": "read"}, {"contents": "read", "id-token": "write"}
        assert {job: body["permissions"] for job, body in JOBS.items()} == {
            ("ci", "test"): look,
            ("deploy", "bundle"): look,
            ("runbook", "comment"): {"pull-requests": "write"},
            ("plan", "plan"): aws,
            ("apply", "apply"): aws,
            ("runbook", "plan"): aws,
            ("runbook", "apply"): aws,
            ("deploy", "plan"): aws,
            **{("deploy", env): aws for env in ENVS},
        }

    def test_who_asks_aws_says_where_it_runs_and_holds_no_key(self):
        """The GitHub environment is what the role trusts; a secret is nowhere."""
        signing_in = [(n, j) for n, j, step in STEPS if "configure-aws-credentials" in step.get("uses", "")]
        assert sorted(signing_in) == [("apply", "apply"), ("plan", "plan")]
        for job in signing_in:
            assert "environment" in JOBS[job]
        assert not [name for name, text in TEXTS.items() if "secrets." in text or "aws-access-key" in text]

    def test_cloudtrail_names_the_run_of_the_workflow(self):
        named = [s["with"]["role-session-name"] for *_, s in STEPS if "configure-aws-credentials" in s.get("uses", "")]
        assert named == ["runbook-${{ github.run_id }}-${{ github.run_attempt }}"] * 2

    def test_no_checkout_leaves_its_token_behind(self):
        checkouts = {(n, j): s["with"] for n, j, s in STEPS if "actions/checkout@" in s.get("uses", "")}
        whole = {"persist-credentials": False, "fetch-depth": 0}
        assert checkouts == {
            ("ci", "test"): {"persist-credentials": False},
            # With all of history: these pack a bundle, and it names a commit.
            ("plan", "plan"): whole,
            ("apply", "apply"): whole,
            ("deploy", "bundle"): whole,
        }


class TestCommands:
    """Who reads the README knows what runs at GitHub."""

    @pytest.mark.parametrize("run", sorted({step["run"] for *_, step in STEPS if "run" in step}))
    def test_a_step_is_a_command_of_the_readme(self, run):
        if run.startswith(BESIDE):
            return
        shown = run.replace('"$ENV"', "<env>").replace('"$CHANGE"', "<id>").replace('"$ASKED_BY"', "<name>")
        shown = shown.replace('${ONLY:+--only "$ONLY"}', "[--only 04_deploy]")
        assert re.search(rf"(^    |`){re.escape(shown)}($|`| +#)", README, re.MULTILINE), shown

    @pytest.mark.parametrize("run", sorted({s["run"] for *_, s in STEPS if "bin/runbook" in s.get("run", "")}))
    @pytest.mark.parametrize("only", ["", "--only 04_deploy"])
    def test_the_command_knows_all_its_options(self, run, only):
        words = shlex.split(run.removeprefix(".venv/bin/runbook ").replace('${ONLY:+--only "$ONLY"}', only))
        verb = cli.main.commands[words[0]]
        with click.Context(cli.main):
            verb.make_context(words[0], words[1:])

    def test_nothing_of_an_event_gets_into_a_script(self):
        """A branch's name or a title is anybody's text: scripts see it as a variable, never as code."""
        assert [step["run"] for *_, step in STEPS if "${{" in step.get("run", "")] == []


class TestFlow:
    """Planned, told, approved, applied: in that order, for every environment that there is."""

    def test_a_plan_is_made_for_every_environment(self):
        assert sorted(JOBS["plan", "plan"]["strategy"]["matrix"]["env"]) == ENVS
        assert JOBS["plan", "plan"]["environment"] == "${{ matrix.env }}-plan"

    def test_what_is_called_exists_and_gets_what_it_asks_for(self):
        calls = [(name, body) for (name, _), body in JOBS.items() if "uses" in body]
        assert len(calls) == 3 + len(ENVS)
        for _, body in calls:
            called = WORKFLOWS[re.fullmatch(r"\./\.github/workflows/(\w+)\.yml", body["uses"])[1]]
            inputs = triggers(called)["workflow_call"]["inputs"]
            given = set(body.get("with", {}))
            assert given <= set(inputs)
            assert {name for name, each in inputs.items() if each.get("required")} <= given

    def test_who_is_waited_for_is_there(self):
        for (name, _), body in JOBS.items():
            needs = body.get("needs", [])
            assert set([needs] if isinstance(needs, str) else needs) <= set(WORKFLOWS[name]["jobs"])

    def test_who_asked_for_it_goes_with_the_run(self):
        """The author of the pull request, or whoever pushed: the job itself only knows who started it."""
        for job in (JOBS["plan", "plan"], JOBS["apply", "apply"]):
            assert job["env"]["ASKED_BY"] == "${{ github.event.pull_request.user.login || github.actor }}"
            (run,) = [step["run"] for step in job["steps"] if "bin/runbook" in step.get("run", "")]
            assert '--asked-by "$ASKED_BY"' in run

    def test_an_apply_does_what_the_artifact_of_its_plan_says(self):
        """It waits for its environment's reviewers, and one at a time changes an environment."""
        apply = JOBS["apply", "apply"]
        assert apply["environment"] == "${{ inputs.place }}"
        assert apply["concurrency"] == {"group": "environment-${{ inputs.env }}", "cancel-in-progress": False}
        (kept,) = [s for s in JOBS["plan", "plan"]["steps"] if "upload-artifact" in s.get("uses", "")]
        (taken,) = [s for s in apply["steps"] if "download-artifact" in s.get("uses", "")]
        assert kept["with"]["name"].replace("matrix", "inputs") == taken["with"]["name"]
        assert kept["with"]["path"].split() == ["artifacts/", "plan.md", "approved.txt"]

    def test_a_pull_request_is_told_its_plans_before_anything_is_applied(self):
        assert triggers(WORKFLOWS["runbook"]) == {"pull_request": {"paths": ["params/**", "notebooks/**"]}}
        assert JOBS["runbook", "comment"]["needs"] == "plan"
        assert "head.repo.full_name == github.repository" in JOBS["runbook", "plan"]["if"]

    def test_a_plan_that_fails_silences_no_other_and_nothing_is_applied(self):
        """They are told all the same, but not for a fork, which has none; what is applied needs every plan."""
        assert JOBS["runbook", "comment"]["if"] == "${{ !cancelled() && needs.plan.result != 'skipped' }}"
        apply = JOBS["runbook", "apply"]
        assert apply["needs"] == ["plan", "comment"]
        assert not re.search(r"always|cancelled|failure", apply["if"]), "would run in spite of a plan that failed"

    @pytest.mark.parametrize(("plan", "told"), [(None, "### No plan for dev, see the run\n"), ("a plan\n", "a plan\n")])
    def test_where_there_is_no_plan_this_is_told_instead(self, tmp_path, plan, told):
        if plan:
            (tmp_path / "plan.md").write_text(plan, encoding="utf-8")
        (step,) = [s for s in JOBS["plan", "plan"]["steps"] if s.get("run", "").startswith("test -s plan.md")]
        assert step["if"] == "${{ failure() }}"
        subprocess.run(["sh", "-c", step["run"]], cwd=tmp_path, env=os.environ | {"ENV": "dev"}, check=True)
        assert (tmp_path / "plan.md").read_text(encoding="utf-8") == told

    def test_one_comment_tells_all_plans_and_is_edited_by_the_next_push(self, tmp_path):
        """The line as it stands, with something in place of `gh` that writes down what it is given."""
        for env in ENVS:
            (tmp_path / "plans" / f"plan-{env}").mkdir(parents=True)
            (tmp_path / "plans" / f"plan-{env}" / "plan.md").write_text(f"### Plan for `{env}`\n", encoding="utf-8")
        (tmp_path / "gh").write_text('#!/bin/sh\necho "$*" > given\ncat >> given\n', encoding="utf-8")
        (tmp_path / "gh").chmod(0o755)
        (line,) = [s["run"] for s in JOBS["runbook", "comment"]["steps"] if "gh pr comment" in s.get("run", "")]
        around = os.environ | {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PULL_REQUEST": "https://github.com/a/b/pull/1",
        }
        subprocess.run(["sh", "-c", line], cwd=tmp_path, env=around, check=True)
        assert (tmp_path / "given").read_text(encoding="utf-8").splitlines() == [
            "pr comment https://github.com/a/b/pull/1 --edit-last --create-if-none --body-file -",
            *(f"### Plan for `{env}`" for env in ENVS),
        ]

    def test_the_plans_of_all_environments_fit_into_a_comment(self):
        """GitHub takes 65,536 characters."""
        assert len(ENVS) * MAX_LENGTH < 65_536

    def test_a_deployment_goes_from_one_environment_to_the_next(self):
        """And stops where it fails: each needs the one before it, and none runs in spite of that."""
        assert triggers(WORKFLOWS["deploy"]) == {"push": {"branches": ["main"], "paths": ["webapp/**"]}}
        chain = ["bundle", "plan", "dev", "staging", "prod"]
        assert list(WORKFLOWS["deploy"]["jobs"]) == chain
        assert sorted(chain[2:]) == ENVS
        for before, job in pairwise(chain):
            assert JOBS["deploy", job]["needs"] == before
            assert "if" not in JOBS["deploy", job]
        for env in chain[2:]:
            assert JOBS["deploy", env]["with"] == {"env": env, "place": f"{env}-deploy", "only": "04_deploy"}

    def test_the_next_push_is_planned_when_the_one_before_is_deployed(self):
        """A plan that is older than that would be refused; and nothing is cut off in the middle."""
        assert WORKFLOWS["deploy"]["concurrency"] == {"group": "deploy", "cancel-in-progress": False}

    def test_the_environments_that_deploy_are_those_that_the_parameters_suggest(self):
        for env in ENVS:
            text = (REPOSITORY / "params" / f"{env}.yaml").read_text(encoding="utf-8")
            assert f"environments: [{JOBS['deploy', env]['with']['place']}]}}" in text

    def test_those_with_a_plan_are_found_among_the_artifacts(self, tmp_path):
        """The line that says which environments wait for an approval, run as it stands."""
        for env, text in {"dev": "0123456789abcdef\n", "staging": "", "prod": "fedcba9876543210\n"}.items():
            (tmp_path / "plans" / f"plan-{env}").mkdir(parents=True)
            (tmp_path / "plans" / f"plan-{env}" / "approved.txt").write_text(text, encoding="utf-8")
        (line,) = [s["run"] for s in JOBS["runbook", "comment"]["steps"] if s.get("id") == "changing"]
        found = line.partition("$(")[2].partition(" | jq")[0]
        done = subprocess.run(["sh", "-c", found], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["dev", "prod"]
