"""The ``runbook`` command: its output for people, pipelines and logs, and its exit codes."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import termios
from functools import cache
from importlib.metadata import version
from pathlib import Path

import click
import nbformat
import pytest
from click.testing import CliRunner

import runbook_lib
from runbook_lib.cli import verbs
from runbook_lib.cli.main import COMMANDS, main
from runbook_lib.engine.approval import parse_fingerprints
from runbook_lib.journal.journal import Journal
from runbook_lib.runs.runner import NOTEBOOKS
from tests.support.minimal_notebooks import notebook

REPOSITORY = Path(runbook_lib.__file__).parents[1]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root with the parameter files."""
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    return tmp_path


@pytest.fixture
def runbook(root):
    """The command, called with arguments."""

    def run(*arguments):
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def fake_run(root, monkeypatch):
    """Replaces the notebooks by ones that only write these events; returns the list of jobs."""
    jobs = []
    # There is no account to look at.
    monkeypatch.setattr("runbook_lib.runs.finish.begin_final_survey", lambda *_, **__: lambda: None)

    def replace(*events, state="done"):
        def run(job, on_event):
            jobs.append(job)
            for name in job.only:
                for event in events:
                    kind = event["event"]
                    job.journal(name).write(kind, **{k: v for k, v in event.items() if k != "event"})
            return [verbs.Progress(name, state=state) for name in job.only]

        monkeypatch.setattr(verbs, "run", run)
        return jobs

    return replace


def planned(present=True, **count):
    return {"event": "plan", "fingerprint": "0123456789abcdef", "present": present, "count": count}


def changed(key, action="create"):
    return {"event": "change", "key": key, "action": action, "ok": True}


@pytest.mark.parametrize("where", ["nowhere/plan.md", "x" * 300])
def test_a_file_that_cannot_be_written_is_named_without_a_traceback(runbook, fake_run, root, where):
    fake_run(planned(keep=1))
    done = runbook("plan", "--env", "local", "--markdown", str(root / where))
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert f"{root / where}\n  → Correct the path" in done.output


@pytest.mark.parametrize("env", ["x" * 65, "x" * 5000])
def test_no_environment_has_a_name_that_long(runbook, fake_run, env):
    done = runbook("plan", "--env", env)
    assert done.exit_code == 2
    assert "Use one of: dev, local, prod, staging." in done.output


class TestExitCodes:
    """0 done, 1 refused or failed, 2 wrong usage, 3 changes (plan --detailed-exitcode)."""

    @pytest.mark.parametrize("verb", ["plan", "apply", "verify", "destroy"])
    def test_done_is_0(self, runbook, fake_run, verb):
        fake_run(planned(present=verb != "destroy", keep=1))
        confirm = ["--confirm", "local"] if verb == "destroy" else []
        assert runbook(verb, "--env", "local", *confirm).exit_code == 0

    @pytest.mark.parametrize(("count", "code"), [({"create": 1, "keep": 4}, 3), ({"keep": 4}, 0)])
    def test_changes_are_3_with_detailed_exitcode(self, runbook, fake_run, count, code):
        """For a pipeline that looks for drift; without the option the code is 0."""
        fake_run(planned(**count))
        assert runbook("plan", "--env", "local", "--detailed-exitcode").exit_code == code
        assert runbook("plan", "--env", "local").exit_code == 0

    @pytest.mark.parametrize("options", [[], ["--detailed-exitcode"]])
    def test_a_blocked_plan_is_1(self, runbook, fake_run, tmp_path, options):
        """It cannot be applied, so there is nothing to approve."""
        fingerprints = tmp_path / "approved.txt"
        fake_run(planned(create=1, blocked=1))
        output = runbook("plan", "--env", "local", "--fingerprints", str(fingerprints), *options)
        assert output.exit_code == 1
        assert "1 to create, 1 blocked" in output.stdout
        assert "Blocked: this plan cannot be applied." in output.stderr
        assert ("--approved" in output.stdout, fingerprints.read_text()) == (False, "")

    def test_a_failure_is_1_with_detailed_exitcode(self, runbook, fake_run):
        """A failed plan is not drift."""
        fake_run(planned(create=1), state="failed")
        assert runbook("plan", "--env", "local", "--detailed-exitcode").exit_code == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ["plan"],
            ["plan", "--env"],
            ["plan", "--env", "local", "--force"],
            ["plan", "--env", "local", "--confirm", "local"],
            ["destroy", "--env", "local"],
            ["improve", "--env", "local"],
            ["local", "sideways"],
            ["evidence", "diff", "\0", "local"],
        ],
    )
    def test_wrong_usage_is_2(self, runbook, fake_run, arguments):
        """Nothing is run, and the message says what was wrong."""
        jobs = fake_run()
        done = runbook(*arguments)
        assert (done.exit_code, jobs) == (2, [])
        assert "Error: " in done.stderr
        assert "Traceback" not in done.stderr

    def test_what_is_missing_is_named_with_what_to_give(self, runbook):
        assert "'--env'. Use one of: dev, local, prod, staging." in runbook("plan").stderr
        assert "--confirm'. Give the environment's name again: --confirm prod" in " ".join(
            runbook("destroy", "--env", "prod").stderr.split()
        )


class TestRefusals:
    """Errors before anything runs are printed with what to do, without a traceback."""

    def refused(self, runbook, fake_run, *arguments, code=1):
        jobs = fake_run()
        done = runbook(*arguments)
        assert (done.exit_code, jobs, done.stdout) == (code, [], "")
        assert isinstance(done.exception, SystemExit), "would end in a traceback"
        return done.stderr

    def test_an_unknown_environment_is_reported_with_all_environments(self, runbook, fake_run):
        output = self.refused(runbook, fake_run, "plan", "--env", "lokal", code=2)
        assert output.startswith("UnknownEnvironment: There is no environment 'lokal'")
        assert "→ Use one of: dev, local, prod, staging." in output

    def test_invalid_yaml_is_reported_with_its_line(self, runbook, fake_run, root):
        (root / "params" / "local.yaml").write_text("env: local\naccount: [\n")
        assert re.search(r"local\.yaml:\d+ is not YAML", self.refused(runbook, fake_run, "plan", "--env", "local"))

    def test_all_errors_of_the_parameters_are_reported_at_once(self, runbook, fake_run, root):
        path = root / "params" / "local.yaml"
        path.write_text(path.read_text().replace("nat: single", "nat: zonal").replace("storage_gb: 20", "storage: 20"))
        output = self.refused(runbook, fake_run, "apply", "--env", "local")
        assert "network.nat" in output
        assert "data.storage" in output
        assert "did you mean storage_gb" in output

    def test_an_unknown_notebook_is_reported_with_all_notebooks(self, runbook, fake_run):
        output = self.refused(runbook, fake_run, "plan", "--env", "local", "--only", "05_mail", code=2)
        assert "There is no notebook '05_mail'" in output
        assert ", ".join(NOTEBOOKS) in output

    def test_an_invalid_pace_is_reported_before_any_notebook_runs(self, runbook, fake_run, monkeypatch):
        monkeypatch.setenv("RUNBOOK_LOCAL_PACE", "fast")
        output = self.refused(runbook, fake_run, "apply", "--env", "local", code=2)
        assert "RUNBOOK_LOCAL_PACE: The pace 'fast' is not a number" in output

    def test_the_pace_is_ignored_with_the_real_aws(self, runbook, fake_run, monkeypatch):
        monkeypatch.setenv("RUNBOOK_LOCAL_PACE", "fast")
        monkeypatch.setattr(verbs, "sign_in", lambda *_: None)  # there are no credentials
        fake_run(planned(keep=1))
        assert runbook("plan", "--env", "dev").exit_code == 0

    def test_a_destroy_of_another_environment_than_confirmed(self, runbook, fake_run):
        """Also when the other one exists."""
        output = self.refused(runbook, fake_run, "destroy", "--env", "local", "--confirm", "dev")
        assert "Destroying local needs --confirm local, not 'dev'" in output


class TestParametersOfTheNotebooks:
    def test_only_the_options_are_passed(self, runbook, fake_run):
        jobs = fake_run(planned(keep=1))
        runbook("plan", "--env", "local")
        runbook(
            "apply", "--env", "local", "--change", "CHG1", "--asked-by", "ann", "--approved", "a1", "--approved", "b2"
        )
        runbook("destroy", "--env", "local", "--confirm", "local", "--only", "04", "--only", "02_data")
        assert [(dict(job.parameters), job.only) for job in jobs] == [
            ({"env": "local", "mode": "plan", "change": "", "asked_by": ""}, NOTEBOOKS),
            (
                {
                    "env": "local",
                    "mode": "apply",
                    "change": "CHG1",
                    "asked_by": "ann",
                    "approved": "a1,b2",
                    "skip_preflight": "",
                },
                NOTEBOOKS,
            ),
            (
                {"env": "local", "mode": "destroy", "change": "", "asked_by": "", "approved": "", "confirm": "local"},
                ("02_data", "04_deploy"),
            ),
        ]

    @pytest.mark.parametrize("verb", ["apply", "destroy"])
    def test_a_blank_approval_approves_nothing(self, runbook, fake_run, verb):
        """A plan without changes writes a blank file; without the option the parameter is empty."""
        jobs = fake_run(planned(present=verb == "apply", keep=1))
        confirm = ["--confirm", "local"] if verb == "destroy" else []
        for approved in ([], ["--approved", ""], ["--approved", " \n"], ["--approved", "", "--approved", "a1\n"]):
            runbook(verb, "--env", "local", *confirm, *approved)
        assert [job.parameters["approved"] for job in jobs] == ["", "nothing", "nothing", "a1"]

    def test_each_run_has_its_own_evidence_folder(self, runbook, fake_run, root):
        jobs = fake_run(planned(keep=1))
        output = [runbook("plan", "--env", "local").stdout for _ in range(3)]
        assert len({job.folder for job in jobs}) == 3
        assert [f"Evidence: {job.folder}" in text for job, text in zip(jobs, output, strict=True)] == [True] * 3
        assert {job.folder.parent for job in jobs} == {root / "artifacts" / "local"}


class TestOutput:
    def test_a_plan_ends_with_the_approval_options(self, runbook, fake_run):
        """Only plans with changes need an approval."""
        fake_run(planned(create=2, update=1, keep=3))
        output = runbook("plan", "--env", "local", "--only", "01").stdout
        assert "  01_network   0123456789abcdef  2 to create, 1 to update\n" in output
        assert output.endswith("To approve them: --approved 0123456789abcdef\n")
        fake_run(planned(keep=3))
        output = runbook("plan", "--env", "local", "--only", "01").stdout
        assert "nothing to do" in output
        assert "--approved" not in output

    def test_with_signers_a_plan_ends_with_the_approve_command(self, runbook, fake_run, root):
        path = root / "params" / "local.yaml"
        ann = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICuFKBJ7naHX81UxdPvLuL/ec7tixRSetpDYhfONeMDH"
        text = (
            path.read_text()
            .replace("required: false", "required: true")
            .replace("signers: {}", f'signers: {{ann: "{ann}"}}')
        )
        path.write_text(text)
        jobs = fake_run(planned(create=2))
        output = runbook("plan", "--env", "local", "--only", "01").stdout
        assert output.endswith(f"To approve them: runbook approve {jobs[0].run} --as NAME\n")

    def test_a_plan_is_written_for_its_reviewer_and_for_the_apply(self, runbook, fake_run, tmp_path):
        """Markdown for a comment, and a file that ``--approved`` takes."""
        paper, prints = tmp_path / "plan.md", tmp_path / "approved.txt"
        files = ["--markdown", str(paper), "--fingerprints", str(prints)]
        fake_run(planned(create=2, keep=3))
        runbook("plan", "--env", "local", "--only", "01", *files)
        assert paper.read_text(encoding="utf-8").startswith("### Plan for `local`: 2 changes")
        assert prints.read_text(encoding="utf-8") == "0123456789abcdef\n"
        jobs = fake_run(planned(keep=3))
        runbook("apply", "--env", "local", "--only", "01", "--approved", prints.read_text(encoding="utf-8"))
        assert parse_fingerprints(jobs[-1].parameters["approved"]) == ("0123456789abcdef",)
        runbook("plan", "--env", "local", "--only", "01", *files)
        assert "nothing to do" in paper.read_text(encoding="utf-8")
        assert prints.read_text(encoding="utf-8") == ""

    def test_a_plan_is_printed_with_every_value(self, runbook, fake_run):
        """By part: what is created, what differs and what is blocked, with the reason; --summary prints counts only."""
        changes = [
            {"key": "subnet.a", "action": "create", "fields": {"cidr": [None, "10.0.0.0/24"], "public": [None, True]}},
            {"key": "vpc.main", "action": "update", "fields": {"tags": [["a"], ["a", "b"]]}},
            {"key": "route.a", "action": "blocked", "fields": {"zone": ["a", "b"]}},
        ]
        parts, reasons = {"subnet.a": "subnets", "vpc.main": "vpc"}, {"route.a": "AWS cannot change zone in place"}
        event = planned(create=1, update=1, blocked=1, keep=3) | {
            "changes": changes,
            "parts": parts,
            "reasons": reasons,
        }
        fake_run(event)
        output = runbook("plan", "--env", "local", "--only", "01").stdout
        assert (
            "01_network: 1 to create, 1 to update, 1 blocked\n"
            "  ! route.a  (AWS cannot change zone in place)\n"
            "        zone: a → b\n"
            "  subnets:\n"
            "    + subnet.a\n"
            "          cidr: 10.0.0.0/24\n"
            "          public: true\n"
            "  vpc:\n"
            "    ~ vpc.main\n"
            "          tags: [a] → [a, b]\n"
            "  = 3 unchanged\n"
        ) in output
        assert "subnet.a" not in runbook("plan", "--env", "local", "--only", "01", "--summary").stdout

    def test_a_plan_to_destroy_has_fingerprints_of_its_own(self, runbook, fake_run, tmp_path):
        """They are what a destroy under approval needs; Markdown names the command."""
        paper, prints = tmp_path / "plan.md", tmp_path / "approved.txt"
        gone = planned(present=False, delete=1, keep=1) | {
            "fingerprint": "fedcba9876543210",
            "changes": [{"key": "vpc.main", "action": "delete", "fields": {}}],
            "reasons": {"bucket.runbook": "left on purpose: keep_bucket is true"},
        }
        fake_run(planned(keep=2), gone)
        files = ["--markdown", str(paper), "--fingerprints", str(prints)]
        output = runbook("plan", "--env", "local", "--only", "01", "--destroy", *files).stdout
        assert "  - vpc.main\n  = bucket.runbook  (left on purpose: keep_bucket is true)\n" in output
        assert output.endswith("To approve them: --approved fedcba9876543210\n")
        assert prints.read_text() == "fedcba9876543210\n"
        assert "### Plan to destroy for `local`: 1 change" in paper.read_text()
        assert "`runbook destroy --env local --confirm local --approved fedcba9876543210`" in paper.read_text()

    def test_an_apply_names_what_was_created_and_updated(self, runbook, fake_run):
        events = [planned(create=2, update=1), changed("subnet.a"), changed("subnet.b"), changed("vpc.main", "update")]
        fake_run(*events, {"event": "verify", "ok": True})
        output = runbook("apply", "--env", "local", "--only", "01").stdout
        assert "3 changes made:\n  01_network   + subnet.a, subnet.b\n  01_network   ~ vpc.main\n" in output
        assert "Verified: no difference in 01_network.\n" in output

    def test_an_apply_without_changes_says_so(self, runbook, fake_run):
        fake_run(planned(keep=3), {"event": "verify", "ok": True})
        assert "Nothing was changed: everything is as the parameters say." in runbook("apply", "--env", "local").stdout

    def test_only_a_verified_run_is_called_verified(self, runbook, fake_run):
        fake_run(planned(keep=3))
        assert "Verified" not in runbook("verify", "--env", "local").stdout

    def test_orphans_after_a_destroy_are_named(self, runbook, fake_run):
        """Orphaned resources: somebody pays for them."""
        fake_run(
            planned(present=False),
            changed("vpc.main", "delete"),
            {"event": "strays", "found": [{"key": "a", "arn": "arn:a"}]},
        )
        output = runbook("destroy", "--env", "local", "--confirm", "local", "--only", "01").stdout
        assert "1 resource destroyed:\n  01_network   - vpc.main\n1 orphaned resource, tagged by this" in output
        assert output.endswith("in no stack. Remove them if nobody needs them:\n  ? a\n")

    def test_what_a_destroy_left_is_named_with_its_id(self, runbook, fake_run):
        left = {"event": "left", "key": "bucket.runbook", "id": "local-runbook-1", "reason": "it holds the evidence"}
        fake_run(planned(present=False), changed("vpc.main", "delete"), left)
        output = runbook("destroy", "--env", "local", "--confirm", "local", "--only", "01").stdout
        assert "Left in the account:\n  bucket.runbook: it holds the evidence\n    local-runbook-1\n" in output

    def test_a_destroy_without_changes_says_so(self, runbook, fake_run):
        fake_run(planned(present=False))
        output = runbook("destroy", "--env", "local", "--confirm", "local").stdout
        assert output.endswith("There was nothing to destroy.\n")

    def test_the_site_is_printed(self, runbook, fake_run):
        site = {"key": "load_balancer.web", "detail": {"dns_name": "web.example.com"}}
        fake_run({"event": "inventory", "resources": [site]})
        assert "The site: https://web.example.com/\n" in runbook("verify", "--env", "local").stdout

    def test_help_loads_nothing_that_only_the_verbs_need(self):
        """They take a second: it is there at once, also where a shell completes the command's words."""
        code = "import sys; from runbook_lib.cli.main import main; main(['--help'], standalone_mode=False);"
        slow = "boto3", "botocore", "IPython", "jinja2", "moto", "nbformat", "pandas", "papermill", "pydantic", "rich"
        code += f"print([name for name in {slow!r} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]"

    def test_help_explains_every_verb_and_option(self, runbook):
        """And the exit codes."""
        assert "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3" in " ".join(runbook("-h").stdout.split())
        for verb in main.list_commands(click.Context(main)):
            command = main.get_command(click.Context(main), verb)
            assert command.help.startswith(COMMANDS[verb][1] if verb in COMMANDS else "The embedded AWS")
            output = runbook(verb, "--help").stdout
            unexplained = [
                parameter.name
                for each in [command, *getattr(command, "commands", {}).values()]
                for parameter in each.params
                if not parameter.help
            ]
            assert (unexplained, output.startswith(f"Usage: main {verb}")) == ([], True)


REFUSED = (
    "from runbook_lib.errors import DestroyPrevented\n"
    "raise DestroyPrevented('vpc.main: may not go.', fix='Set the guard to false.')"
)


class TestARunThatFails:
    """Through papermill: the output says what failed and what to do."""

    @pytest.fixture(scope="class")
    @classmethod
    def failed(cls, tmp_path_factory):
        root = tmp_path_factory.mktemp("failed")
        shutil.copytree(REPOSITORY / "params", root / "params")
        notebook(root, "01_network", make="1", guarded=REFUSED, handoff="2")
        notebook(root, "02_data", handoff="1")
        notebook(root, "03_compute", handoff="1")
        notebook(root, "04_deploy", handoff="1")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RUNBOOK_ROOT", str(root))
            patch.setattr(verbs, "checkout", lambda: root)
            return CliRunner().invoke(main, ["apply", "--env", "local"]), root

    def test_it_exits_with_1(self, failed):
        assert failed[0].exit_code == 1

    def test_it_names_notebook_cell_section_error_fix_and_file(self, failed):
        (executed,) = failed[1].glob("artifacts/local/*-apply-*/01_network.ipynb")
        assert failed[0].stderr.splitlines()[-4:] == [
            "✗ 01_network, cell 4, section 'guarded':",
            "    DestroyPrevented: vpc.main: may not go.",
            "      → Set the guard to false.",
            f"    The executed notebook: {executed}",
        ]

    def test_the_executed_notebook_has_the_error_without_a_traceback(self, failed):
        (executed,) = failed[1].glob("artifacts/local/*-apply-*/01_network.ipynb")
        cells = nbformat.read(executed, as_version=4).cells
        (error,) = [o for c in cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
        assert error.traceback == ["DestroyPrevented: vpc.main: may not go.\n  → Set the guard to false."]

    def test_the_failure_is_the_last_thing_on_the_screen(self, failed):
        assert failed[0].output.splitlines()[-4].startswith("✗ 01_network, cell 4")

    def test_notebooks_that_did_not_run_are_named_with_the_reason(self, failed):
        output = failed[0].stderr.splitlines()
        assert "✗ 02_data was not run: 01_network did not reach its hand-off." in output
        assert "✗ 03_compute was not run: 01_network did not reach its hand-off." in output
        assert "✗ 04_deploy was not run: 02_data did not reach its hand-off." in output

    def test_a_log_has_plain_lines(self, failed):
        """A line for each section, with the time, and without control characters."""
        assert "\r" not in failed[0].output
        assert "\x1b" not in failed[0].output
        lines = [line for line in failed[0].stdout.splitlines() if " 01_network " in line]
        assert all(re.match(r"\d\d:\d\d:\d\d 01_network   \S", line) for line in lines)
        output = [line[22:].strip() for line in lines]
        assert output[0] == "starting"
        assert output[-3:] == ["3/5 make", "4/5 guarded", "failed"]

    def test_it_does_not_claim_success(self, failed):
        for word in ("Verified", "changes made", "The site"):
            assert word not in failed[0].output


def test_the_lock_is_released_however_the_run_ended(runbook, fake_run, monkeypatch):
    """Also when it failed: the next run must not wait for the lease to end."""
    released = []

    class Held:
        def release(self):
            released.append(True)

    monkeypatch.setattr(verbs, "lock_of_run", lambda params, root, run: Held())
    fake_run({"event": "lock", "held": True}, state="failed")
    assert runbook("apply", "--env", "local").exit_code == 1
    assert released == [True]
    fake_run({"event": "lock", "held": True}, {"event": "lock", "held": False})
    runbook("apply", "--env", "local")
    assert released == [True]


@pytest.mark.parametrize("option", ["--change", "--asked-by"])
def test_a_text_for_the_evidence_is_one_printable_line(runbook, option):
    """Otherwise it could look like another line of the evidence; nothing is run."""
    for text in ("CHG1\nrun by  eve", "CHG1\x1b[2K", "\u202e1GHC"):
        done = runbook("plan", "--env", "local", option, text)
        assert done.exit_code == 2
        assert f"{text!a} has line breaks or control characters" in done.stderr


def test_an_interrupted_run_releases_the_lock(runbook, root, monkeypatch):
    """Ctrl-C: two lines, without a traceback."""
    released = []
    held = type("Held", (), {"release": lambda self: released.append(True)})()
    monkeypatch.setattr(verbs, "lock_of_run", lambda *_: held)

    def interrupted(job, on_event):
        Journal(job.folder / "journal.jsonl", notebook="01_network").write("lock", held=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "run", interrupted)
    done = runbook("apply", "--env", "local")
    assert (done.exit_code, released) == (1, [True])
    first, second = done.stderr.splitlines()
    assert first == "Interrupted. Run the same command again to continue from there."
    assert second.startswith("Evidence: ")


@pytest.fixture(scope="module")
def in_terminal(tmp_path_factory):
    """The command run in a terminal of 80 columns, by its exit code and what is printed there."""
    root = tmp_path_factory.mktemp("terminal")
    shutil.copytree(REPOSITORY / "params", root / "params")
    for name in NOTEBOOKS[:2]:
        notebook(root, name, handoff="1", prove="2")

    @cache
    def run(*only, **environment):
        code = (
            "from pathlib import Path; from runbook_lib.cli import main, verbs;"
            f"verbs.checkout = lambda: Path({str(root)!r});"
            f"main.main(['plan', '--env', 'local', *{[word for n in only for word in ('--only', n)]!r}])"
        )
        environment = {"RUNBOOK_ROOT": str(root), **environment}
        controller, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (30, 80))
        names = {"TERM": "xterm-256color", **environment}
        plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "CI")}
        process = subprocess.Popen([sys.executable, "-c", code], stdout=terminal, stderr=terminal, env=plain | names)
        os.close(terminal)
        screen = b""
        while True:
            try:
                screen += os.read(controller, 65536)
            except OSError:  # the other end is closed
                break
        os.close(controller)
        return process.wait(timeout=60), screen.decode()

    return run


def lines_of(screen):
    """Every line that was printed, also those that were drawn over."""
    moved = re.sub(r"\x1b\[[0-9]*A|\r", "\n", screen)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", moved).splitlines()


class TestATerminal:
    def test_it_has_a_bar_for_each_notebook_and_no_line_is_too_long(self, in_terminal):
        """With the section that it is in; only a path may be longer than the terminal is wide."""
        code, screen = in_terminal("01", "02")
        lines = lines_of(screen)
        text = "\n".join(lines)
        assert code == 0
        for words in ("01_network handoff", "02_data prove", "01_network done", "02_data done", "4/4"):
            assert words in text
        assert text.count("nothing to do") == 2
        assert [line for line in lines if len(line) > 80 and "/artifacts/" not in line] == []
        assert "\x1b[1A" in screen, "drawn in place"

    @pytest.mark.exhaustive
    def test_no_color_is_respected(self, in_terminal):
        """https://no-color.org"""
        colour = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-9]|9[0-7])(?:;[0-9;]*)?m")
        assert colour.search(in_terminal("01", "02")[1])
        assert not colour.search(in_terminal("01", NO_COLOR="1")[1])

    @pytest.mark.exhaustive
    def test_a_dumb_terminal_has_lines(self, in_terminal):
        code, screen = in_terminal("01", TERM="dumb")
        assert code == 0
        assert "\x1b" not in screen
        assert re.search(r"\d\d:\d\d:\d\d 01_network   3/4 handoff\r\n", screen)


def test_the_journal_records_how_each_notebook_ended(root, monkeypatch, runbook):
    monkeypatch.setattr(verbs, "checkout", lambda: root)
    notebook(root, "01_network", handoff="1 / 0")
    notebook(root, "02_data", handoff="1")
    runbook("plan", "--env", "local", "--only", "01", "--only", "02")
    (path,) = root.glob("artifacts/local/*/journal.jsonl")
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    output = {entry["notebook"]: (entry["state"], entry["error"]) for entry in entries if entry["event"] == "ended"}
    assert output == {"01_network": ("failed", "ZeroDivisionError"), "02_data": ("done", "")}


def test_the_version_is_printed(runbook):
    assert runbook("--version").stdout == f"runbook, version {version('runbook-lib')}\n"


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("runbook plan --env ", {"dev", "local", "prod", "staging"}),
        ("runbook plan --env pr", {"prod"}),
        ("runbook apply --only 0", set(NOTEBOOKS)),
        ("runbook evidence verify 2026", {"20261124T080000Z-apply-abcd"}),
        ("runbook evid", {"evidence"}),
    ],
)
def test_a_shell_completes_commands_environments_notebooks_and_runs(root, words, completions):
    """As bash asks for it: https://click.palletsprojects.com/en/stable/shell-completion/."""
    Journal(root / "artifacts/local/20261124T080000Z-apply-abcd/journal.jsonl", notebook="01_network").write("open")
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_RUNBOOK_COMPLETE": "bash_complete"}
    done = CliRunner().invoke(main, [], prog_name="runbook", env=asked)
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == completions
