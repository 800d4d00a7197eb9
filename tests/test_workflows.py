"""The workflows at GitHub: what they run is the README's, what they may is little, what they use cannot change."""

from __future__ import annotations

import json
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
from runbook_lib.cli.main import main
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
    "test -s plan.md || echo", "python3 .github/scripts/comment_plans.py", 'echo "environments=$(find plans',
    'gh api "repos/$GITHUB_REPOSITORY/environments/$PLACE" | python3 .github/scripts/require_reviewers.py',
)  # fmt: skip


def triggers(workflow):
    return workflow[True]  # YAML 1.1 takes `on` for a truth value


def linted(tool, *arguments):
    return subprocess.run(
        [str(Path(sys.executable).with_name(tool)), *arguments], capture_output=True, text=True, check=False
    )


def test_these_are_the_workflows():
    assert set(WORKFLOWS) == {"ci", "nightly", "runbook", "deploy", "plan", "apply"}


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
    """Only the sample's test looks at pages: where webapp/ holds another application, there is nothing to keep."""
    (kept,) = [step for step in JOBS["nightly", "test"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == f"{PICTURES.relative_to(REPOSITORY)}/"
    assert (kept["if"], kept["with"]["if-no-files-found"]) == ("${{ !cancelled() }}", "ignore")


def test_what_each_pull_request_leaves_out_runs_every_night():
    """The two differ in nothing else: what `make test` leaves out is named by one marker, and mutants are sampled.

    Airflow's own environment, in which a marked test runs it, is set up for the second one alone.
    """
    assert [step.get("run") for step in JOBS["ci", "macos"]["steps"]][-1] == "make test"
    steps = {name: [step.get("run") for step in JOBS[name, "test"]["steps"]] for name in ("ci", "nightly")}
    assert ("make test" in steps["ci"], "make test-all" in steps["nightly"]) == (True, True)
    assert set(triggers(WORKFLOWS["nightly"])) == {"schedule", "workflow_dispatch"}
    done = {
        goal: subprocess.run(
            ["make", "--no-print-directory", "-n", "--old-file=.venv-airflow/airflow.stamp", goal],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for goal in ("test", "test-all")
    }
    assert '-m "not exhaustive" --numprocesses' in done["test"]
    every, more = done["test"].replace('-m "not exhaustive"', "", 1), done["test-all"]
    sampled = ".venv/bin/python -m tests.mutants"
    assert (sampled in more, sampled in every) == (True, False)
    assert every.split() == more.replace(sampled, "", 1).split()


class TestRights:
    """Every job says what it may do; a token for AWS is given only where AWS is asked."""

    def test_nothing_is_allowed_that_a_job_does_not_name(self):
        assert [name for name, workflow in WORKFLOWS.items() if workflow["permissions"] != {}] == []

    def test_each_job_has_what_it_needs_and_no_more(self):
        look, aws = {"contents": "read"}, {"contents": "read", "id-token": "write"}
        apply = aws | {"actions": "read"}
        assert {job: body["permissions"] for job, body in JOBS.items()} == {
            ("ci", "test"): look,
            ("ci", "macos"): look,
            ("ci", "windows"): look,
            ("nightly", "test"): look,
            ("deploy", "bundle"): look,
            ("runbook", "comment"): look | {"pull-requests": "write"},
            ("plan", "plan"): aws,
            ("apply", "apply"): apply,
            ("runbook", "plan"): aws,
            ("runbook", "apply"): apply,
            ("deploy", "plan"): aws,
            **{("deploy", env): apply for env in ENVS},
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
            ("ci", "macos"): {"persist-credentials": False},
            ("ci", "windows"): {"persist-credentials": False},
            ("runbook", "comment"): {"persist-credentials": False},
            # With all of history: these pack a bundle, and it names a commit. One test needs the last release.
            ("nightly", "test"): whole,
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
        verb = main.get_command(click.Context(main), words[0])
        with click.Context(main):
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
        """It waits for its environment's reviewers."""
        apply = JOBS["apply", "apply"]
        assert apply["environment"] == "${{ inputs.place }}"
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

    def test_the_plans_of_all_environments_fit_into_a_comment(self):
        """GitHub takes 65,536 characters."""
        assert len(ENVS) * MAX_LENGTH < 65_536

    def test_a_job_that_waits_for_reviewers_holds_up_no_other(self):
        """It would hold its concurrency group for up to 30 days, and the next job in the group would be cancelled."""
        assert [job for job, body in JOBS.items() if "environment" in body and "concurrency" in body] == []

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
            wanted = {"env": env, "place": f"{env}-deploy", "only": "04_deploy", "reviewed": False}
            assert JOBS["deploy", env]["with"] == wanted

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


# As GitHub answers for an environment: the example of
# https://docs.github.com/en/rest/deployments/environments#get-an-environment, shortened.
REVIEWERS = {
    "id": 3755,
    "node_id": "MDQ6R2F0ZTM3NTU=",
    "prevent_self_review": True,
    "type": "required_reviewers",
    "reviewers": [{"type": "User", "reviewer": {"login": "octocat", "id": 1}}],
}
ENVIRONMENT = {
    "id": 161088068,
    "name": "staging",
    "protection_rules": [
        {"id": 3736, "node_id": "MDQ6R2F0ZTM3MzY=", "type": "wait_timer", "wait_timer": 30},
        REVIEWERS,
        {"id": 3756, "node_id": "MDQ6R2F0ZTM3NTY=", "type": "branch_policy"},
    ],
    "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
}
NOT_FOUND = {"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}


def run_step(folder, text, gh, **env):
    """Run a step as it stands, in a folder with the scripts and with something in place of `gh`."""
    (folder / ".github").mkdir()
    (folder / ".github" / "scripts").symlink_to(REPOSITORY / ".github" / "scripts")
    (folder / "gh").write_text(f"#!{sys.executable}\n{gh}", encoding="utf-8")
    (folder / "gh").chmod(0o755)
    around = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "example/web"} | env
    return subprocess.run(["sh", "-c", text], cwd=folder, env=around, capture_output=True, text=True, check=False)


class TestReviewers:
    """Nothing is applied where nobody had to approve it."""

    def ask(self, folder, answer):
        """The step of apply.yml, and what GitHub answers."""
        (step,) = [s for s in JOBS["apply", "apply"]["steps"] if "require_reviewers" in s.get("run", "")]
        gh = f"import sys\nprint({json.dumps(answer)!r})\nprint(*sys.argv[1:], file=open('asked', 'w'))\n"
        done = run_step(folder, step["run"], gh, PLACE="staging")
        assert (folder / "asked").read_text() == "api repos/example/web/environments/staging\n"
        return done.returncode, done.stdout

    def test_it_is_asked_before_the_job_has_any_right_in_aws(self):
        steps = [step.get("run", "") + step.get("uses", "") for step in JOBS["apply", "apply"]["steps"]]
        asked, signed_in = (
            next(n for n, step in enumerate(steps) if word in step) for word in ("require_reviewers", "credentials")
        )
        assert asked < signed_in
        assert triggers(WORKFLOWS["apply"])["workflow_call"]["inputs"]["reviewed"]["default"] is True
        assert "reviewed" not in JOBS["runbook", "apply"]["with"]

    def test_with_reviewers_it_goes_on(self, tmp_path):
        assert self.ask(tmp_path, ENVIRONMENT) == (0, "")

    def test_reviewers_who_may_approve_their_own_run_are_warned_of(self, tmp_path):
        rules = [REVIEWERS | {"prevent_self_review": False}]
        code, output = self.ask(tmp_path, ENVIRONMENT | {"protection_rules": rules})
        assert code == 0
        assert "::warning::" in output
        assert "Prevent self-review" in output

    @pytest.mark.parametrize(
        "answer",
        [
            ENVIRONMENT | {"protection_rules": []},
            ENVIRONMENT | {"protection_rules": [rule for rule in ENVIRONMENT["protection_rules"] if rule != REVIEWERS]},
            ENVIRONMENT | {"protection_rules": [REVIEWERS | {"reviewers": []}]},
            NOT_FOUND,
        ],
        ids=["no rules", "other rules", "no reviewers", "no environment"],
    )
    def test_without_reviewers_it_is_refused(self, tmp_path, answer):
        """As in a private repository without GitHub Enterprise; an environment that is missing GitHub creates."""
        code, output = self.ask(tmp_path, answer)
        assert code == 1
        assert output.startswith("::error::The GitHub environment staging has no required reviewers")


class TestComment:
    """One comment tells all plans, and the next push edits that one and no other."""

    def comment(self, folder, comments):
        """The step of runbook.yml; returns the calls that changed something, with what they sent."""
        for env in ENVS:
            (folder / "plans" / f"plan-{env}").mkdir(parents=True)
            (folder / "plans" / f"plan-{env}" / "plan.md").write_text(f"### Plan for `{env}`\n", encoding="utf-8")
        gh = (
            "import json, sys\n"
            f"pages = {comments!r}\n"
            "if '--method' in sys.argv:\n"
            "    with open('changed', 'a') as file:\n"
            "        print(json.dumps([sys.argv[1:], json.load(sys.stdin)]), file=file)\n"
            "else:\n"
            "    for page in pages: print(json.dumps(page), end='')\n"
        )
        (step,) = [s for s in JOBS["runbook", "comment"]["steps"] if "comment_plans" in s.get("run", "")]
        done = run_step(folder, step["run"], gh, PULL_REQUEST="7")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in (folder / "changed").read_text().splitlines()]

    BODY = "\n".join(["<!-- runbook: plans -->", *(f"### Plan for `{env}`\n" for env in ENVS)])

    def test_the_first_push_makes_a_comment(self, tmp_path):
        """Also where another workflow has commented, and somebody else has copied ours."""
        comments = [
            {"id": 1, "user": {"login": "github-actions[bot]"}, "body": "Coverage: 93 %"},
            {"id": 2, "user": {"login": "octocat"}, "body": "<!-- runbook: plans -->\nmine"},
            {"id": 3, "user": None, "body": None},
        ]
        (made,) = self.comment(tmp_path, [comments])
        assert made == [
            ["api", "--method", "POST", "repos/example/web/issues/7/comments", "--input", "-"], {"body": self.BODY}
        ]  # fmt: skip

    def test_the_next_push_edits_that_comment(self, tmp_path):
        """Though another one of the same author came later, and on whatever page it is."""
        ours = {"id": 4, "user": {"login": "github-actions[bot]"}, "body": "<!-- runbook: plans -->\nold"}
        later = {"id": 5, "user": {"login": "github-actions[bot]"}, "body": "Coverage: 94 %"}
        (made,) = self.comment(tmp_path, [[], [ours, later]])
        assert made == [
            ["api", "--method", "PATCH", "repos/example/web/issues/comments/4", "--input", "-"], {"body": self.BODY}
        ]  # fmt: skip
