"""The ``runbook`` command: what a person, a pipeline and a log get to see of a run, and with which exit code."""

import hashlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import termios
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

import runbook_lib
from runbook_lib.cli import main as cli
from runbook_lib.engine.approval import parse_fingerprints
from runbook_lib.journal.journal import Journal
from runbook_lib.runs.runner import NOTEBOOKS
from tests.support.minimal_notebooks import notebook

REPOSITORY = Path(runbook_lib.__file__).parents[1]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root of its own, with the parameter files."""
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    return tmp_path


@pytest.fixture
def runbook(root):
    """The command, as somebody types it."""

    def run(*arguments):
        return CliRunner().invoke(cli.main, arguments)

    return run


@pytest.fixture
def played(root, monkeypatch):
    """Notebooks that only write what is given into the journal; what they were given is kept."""
    jobs = []
    monkeypatch.setattr("runbook_lib.runs.finish.record_final_state", lambda *_: None)  # there is no account to look at

    def play(*events, state="done"):
        def run(job, tell):
            jobs.append(job)
            for name in job.only:
                for event in events:
                    kind = event["event"]
                    job.journal(name).write(kind, **{k: v for k, v in event.items() if k != "event"})
            return [cli.Progress(name, state=state) for name in job.only]

        monkeypatch.setattr(cli, "run", run)
        return jobs

    return play


def planned(present=True, **count):
    return {"event": "plan", "fingerprint": "0123456789abcdef", "present": present, "count": count}


def made(key, action="create"):
    return {"event": "change", "key": key, "action": action, "ok": True}


class TestExitCodes:
    """0 done, 1 refused or failed, 2 wrong usage, 3 changes (plan --detailed-exitcode)."""

    @pytest.mark.parametrize("verb", ["plan", "apply", "verify", "destroy"])
    def test_done_is_0(self, runbook, played, verb):
        played(planned(present=verb != "destroy", keep=1))
        confirm = ["--confirm", "local"] if verb == "destroy" else []
        assert runbook(verb, "--env", "local", *confirm).exit_code == 0

    @pytest.mark.parametrize(("count", "code"), [({"create": 1, "keep": 4}, 3), ({"blocked": 1}, 3), ({"keep": 4}, 0)])
    def test_changes_are_3_for_whom_asks(self, runbook, played, count, code):
        """For a pipeline that looks for drift; who does not ask gets 0."""
        played(planned(**count))
        assert runbook("plan", "--env", "local", "--detailed-exitcode").exit_code == code
        assert runbook("plan", "--env", "local").exit_code == 0

    def test_a_failure_is_1_also_for_whom_asks_for_changes(self, runbook, played):
        """A broken look is not drift."""
        played(planned(create=1), state="failed")
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
        ],
    )
    def test_wrong_usage_is_2(self, runbook, played, arguments):
        """Nothing is run, and it says what was wrong with it."""
        jobs = played()
        done = runbook(*arguments)
        assert (done.exit_code, jobs) == (2, [])
        assert "Error: " in done.stderr
        assert "Traceback" not in done.stderr


class TestRefusals:
    """What is wrong before anything runs is told in one breath, with what to do and without a traceback."""

    def refused(self, runbook, played, *arguments, code=1):
        jobs = played()
        done = runbook(*arguments)
        assert (done.exit_code, jobs, done.stdout) == (code, [], "")
        assert isinstance(done.exception, SystemExit), "would end in a traceback"
        return done.stderr

    def test_an_unknown_environment_is_told_with_those_there_are(self, runbook, played):
        told = self.refused(runbook, played, "plan", "--env", "lokal", code=2)
        assert told.startswith("UnknownEnvironment: There is no environment 'lokal'")
        assert "→ Use one of: dev, local, prod, staging." in told

    def test_a_file_that_is_no_yaml_is_told_with_its_line(self, runbook, played, root):
        (root / "params" / "local.yaml").write_text("env: local\naccount: [\n")
        assert re.search(r"local\.yaml:\d+ is not YAML", self.refused(runbook, played, "plan", "--env", "local"))

    def test_all_that_is_wrong_with_the_parameters_is_told_at_once(self, runbook, played, root):
        path = root / "params" / "local.yaml"
        path.write_text(path.read_text().replace("nat: single", "nat: none").replace("storage_gb: 20", "storage: 20"))
        told = self.refused(runbook, played, "apply", "--env", "local")
        assert "network.nat" in told
        assert "data.storage" in told
        assert "did you mean storage_gb" in told

    def test_an_unknown_notebook_is_told_with_those_there_are(self, runbook, played):
        told = self.refused(runbook, played, "plan", "--env", "local", "--only", "05_mail", code=2)
        assert "There is no notebook '05_mail'" in told
        assert ", ".join(NOTEBOOKS) in told

    def test_a_pace_that_is_none_is_told_before_any_notebook_runs(self, runbook, played, monkeypatch):
        monkeypatch.setenv("RUNBOOK_LOCAL_PACE", "fast")
        told = self.refused(runbook, played, "apply", "--env", "local", code=2)
        assert "RUNBOOK_LOCAL_PACE: The pace 'fast' is not a number" in told

    def test_a_pace_is_no_matter_of_the_real_aws(self, runbook, played, monkeypatch):
        monkeypatch.setenv("RUNBOOK_LOCAL_PACE", "fast")
        played(planned(keep=1))
        assert runbook("plan", "--env", "dev").exit_code == 0

    def test_a_destroy_of_another_environment_than_confirmed(self, runbook, played):
        """Also when the one that is named exists."""
        told = self.refused(runbook, played, "destroy", "--env", "local", "--confirm", "dev")
        assert "To destroy local needs --confirm local, not 'dev'" in told


class TestWhatItGivesToTheNotebooks:
    def test_what_was_said_and_nothing_else(self, runbook, played):
        jobs = played(planned(keep=1))
        runbook("plan", "--env", "local")
        runbook(
            "apply", "--env", "local", "--change", "CHG1", "--asked-by", "ann", "--approved", "a1", "--approved", "b2"
        )
        runbook("destroy", "--env", "local", "--confirm", "local", "--only", "04", "--only", "02_data")
        assert [(dict(job.parameters), job.only) for job in jobs] == [
            ({"env": "local", "mode": "plan", "change": "", "asked_by": ""}, NOTEBOOKS),
            ({"env": "local", "mode": "apply", "change": "CHG1", "asked_by": "ann", "approved": "a1,b2"}, NOTEBOOKS),
            (
                {"env": "local", "mode": "destroy", "change": "", "asked_by": "", "approved": "", "confirm": "local"},
                ("02_data", "04_deploy"),
            ),
        ]

    @pytest.mark.parametrize("verb", ["apply", "destroy"])
    def test_an_approval_that_is_given_but_blank_approves_nothing(self, runbook, played, verb):
        """What a plan with nothing to do wrote down is no leave to do anything; without the option, nothing is said."""
        jobs = played(planned(present=verb == "apply", keep=1))
        confirm = ["--confirm", "local"] if verb == "destroy" else []
        for approved in ([], ["--approved", ""], ["--approved", " \n"], ["--approved", "", "--approved", "a1\n"]):
            runbook(verb, "--env", "local", *confirm, *approved)
        assert [job.parameters["approved"] for job in jobs] == ["", "nothing", "nothing", "a1"]

    def test_each_run_has_its_own_folder_of_evidence(self, runbook, played, root):
        jobs = played(planned(keep=1))
        told = [runbook("plan", "--env", "local").stdout for _ in range(3)]
        assert len({job.folder for job in jobs}) == 3
        assert [f"Evidence: {job.folder}" in text for job, text in zip(jobs, told, strict=True)] == [True] * 3
        assert {job.folder.parent for job in jobs} == {root / "artifacts" / "local"}


class TestWhatItTells:
    def test_a_plan_ends_with_how_to_approve_it(self, runbook, played):
        """Only what has changes needs an approval."""
        played(planned(create=2, update=1, keep=3))
        told = runbook("plan", "--env", "local", "--only", "01").stdout
        assert "  01_network   0123456789abcdef  2 to create, 1 to update\n" in told
        assert told.endswith("To approve them: --approved 0123456789abcdef\n")
        played(planned(keep=3))
        told = runbook("plan", "--env", "local", "--only", "01").stdout
        assert "nothing to do" in told
        assert "--approved" not in told

    def test_where_signers_are_named_a_plan_says_how_they_approve_it(self, runbook, played, root):
        path = root / "params" / "local.yaml"
        ann = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICuFKBJ7naHX81UxdPvLuL/ec7tixRSetpDYhfONeMDH"
        text = (
            path.read_text()
            .replace("required: false", "required: true")
            .replace("signers: {}", f'signers: {{ann: "{ann}"}}')
        )
        path.write_text(text)
        jobs = played(planned(create=2))
        told = runbook("plan", "--env", "local", "--only", "01").stdout
        assert told.endswith(f"To approve them: runbook approve {jobs[0].run} --as NAME\n")

    def test_a_plan_is_written_down_for_its_reviewer_and_for_the_apply(self, runbook, played, tmp_path):
        """The Markdown is for a comment; what the other file holds is what ``--approved`` takes."""
        paper, prints = tmp_path / "plan.md", tmp_path / "approved.txt"
        files = ["--markdown", str(paper), "--fingerprints", str(prints)]
        played(planned(create=2, keep=3))
        runbook("plan", "--env", "local", "--only", "01", *files)
        assert paper.read_text(encoding="utf-8").startswith("### Plan for `local`: 2 changes")
        assert prints.read_text(encoding="utf-8") == "0123456789abcdef\n"
        jobs = played(planned(keep=3))
        runbook("apply", "--env", "local", "--only", "01", "--approved", prints.read_text(encoding="utf-8"))
        assert parse_fingerprints(jobs[-1].parameters["approved"]) == ("0123456789abcdef",)
        runbook("plan", "--env", "local", "--only", "01", *files)
        assert "nothing to do" in paper.read_text(encoding="utf-8")
        assert prints.read_text(encoding="utf-8") == ""

    def test_an_apply_counts_what_was_built_and_what_was_changed(self, runbook, played):
        events = [planned(create=2, update=1), made("subnet.a"), made("subnet.b"), made("vpc.main", "update")]
        played(*events, {"event": "verify", "ok": True})
        told = runbook("apply", "--env", "local", "--only", "01").stdout
        assert "3 changes made:\n  01_network   2 × subnet; 1 updated\n" in told
        assert "Verified: no difference in 01_network.\n" in told

    def test_an_apply_of_nothing_says_so(self, runbook, played):
        played(planned(keep=3), {"event": "verify", "ok": True})
        assert "Nothing was changed: all of it is as asked for." in runbook("apply", "--env", "local").stdout

    def test_it_claims_nothing_that_was_not_verified(self, runbook, played):
        played(planned(keep=3))
        assert "Verified" not in runbook("verify", "--env", "local").stdout

    def test_what_is_left_after_a_destroy_is_told(self, runbook, played):
        """Things tagged as ours that no notebook names: somebody pays for them."""
        played(planned(present=False), made("vpc.main", "delete"), {"event": "strays", "found": [{"key": "a"}]})
        told = runbook("destroy", "--env", "local", "--confirm", "local", "--only", "01").stdout
        assert "1 resource removed.\n1 thing tagged as ours is still there" in told

    def test_a_destroy_of_nothing_says_so(self, runbook, played):
        played(planned(present=False))
        told = runbook("destroy", "--env", "local", "--confirm", "local").stdout
        assert told.endswith("There was nothing to remove.\n")

    def test_the_site_is_where_to_look(self, runbook, played):
        site = {"key": "load_balancer.web", "detail": {"dns_name": "web.example.com"}}
        played({"event": "inventory", "resources": [site]})
        assert "The site: https://web.example.com/\n" in runbook("verify", "--env", "local").stdout

    def test_help_explains_each_verb_and_every_option(self, runbook):
        """And what the exit codes mean."""
        assert "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3" in " ".join(runbook("-h").stdout.split())
        for verb, command in cli.main.commands.items():
            assert command.help
            told = runbook(verb, "--help").stdout
            unexplained = [
                parameter.name
                for each in [command, *getattr(command, "commands", {}).values()]
                for parameter in each.params
                if not parameter.help
            ]
            assert (unexplained, told.startswith(f"Usage: main {verb}")) == ([], True)


REFUSED = (
    "from runbook_lib.errors import DestroyPrevented\n"
    "raise DestroyPrevented('vpc.main: may not go.', fix='Set the guard to false.')"
)


class TestARunThatFails:
    """The whole way through papermill: what is told is enough to go on from."""

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
            patch.setattr(cli, "checkout", lambda: root)
            return CliRunner().invoke(cli.main, ["apply", "--env", "local"]), root

    def test_it_exits_with_1(self, failed):
        assert failed[0].exit_code == 1

    def test_it_names_notebook_cell_section_why_what_next_and_where_to_look(self, failed):
        (executed,) = failed[1].glob("artifacts/local/*-apply-*/01_network.ipynb")
        assert failed[0].stderr.splitlines()[:4] == [
            "✗ 01_network, cell 4, section 'guarded':",
            "    DestroyPrevented: vpc.main: may not go.",
            "      → Set the guard to false.",
            f"    The executed notebook: {executed}",
        ]

    def test_the_executed_notebook_has_the_error_without_a_traceback_of_ours(self, failed):
        (executed,) = failed[1].glob("artifacts/local/*-apply-*/01_network.ipynb")
        cells = nbformat.read(executed, as_version=4).cells
        (error,) = [o for c in cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"]
        assert error.traceback == ["DestroyPrevented: vpc.main: may not go.\n  → Set the guard to false."]

    def test_what_did_not_run_is_told_with_the_reason(self, failed):
        told = failed[0].stderr.splitlines()
        assert "✗ 02_data was not run: 01_network did not get far enough." in told
        assert "✗ 03_compute was not run: 01_network did not get far enough." in told
        assert "✗ 04_deploy was not run: 02_data did not get far enough." in told

    def test_a_log_gets_plain_lines(self, failed):
        """Not a terminal: a line for each section, with the time, and nothing that moves a cursor."""
        assert "\r" not in failed[0].output
        assert "\x1b" not in failed[0].output
        lines = [line for line in failed[0].stdout.splitlines() if " 01_network " in line]
        assert all(re.match(r"\d\d:\d\d:\d\d 01_network   \S", line) for line in lines)
        told = [line[22:].strip() for line in lines]
        assert told[0] == "starting"
        assert told[-3:] == ["3/5 make", "4/5 guarded", "failed"]

    def test_nothing_is_claimed_of_it(self, failed):
        for word in ("Verified", "changes made", "The site"):
            assert word not in failed[0].output


def test_the_lock_is_given_back_whatever_became_of_the_run(runbook, played, monkeypatch):
    """Also when it failed: the next one must not wait for ten minutes."""
    released = []

    class Held:
        def release(self):
            released.append(True)

    monkeypatch.setattr(cli, "lock_of_run", lambda params, root, run: Held())
    played({"event": "lock", "held": True}, state="failed")
    assert runbook("apply", "--env", "local").exit_code == 1
    assert released == [True]
    played({"event": "lock", "held": True}, {"event": "lock", "held": False})
    runbook("apply", "--env", "local")
    assert released == [True]


def test_a_bundle_is_packed_where_04_deploy_finds_it(runbook, root):
    done = runbook("bundle")
    digest = re.match(r"bundle ([0-9a-f]{64}), ", done.stdout)[1]
    path = root / ".runbook" / "bundles" / f"{digest}.zip"
    assert done.stdout.splitlines()[1] == str(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


def test_an_interrupted_run_gives_the_lock_back(runbook, root, monkeypatch):
    """Ctrl-C: it is told, without a traceback."""
    released = []
    held = type("Held", (), {"release": lambda self: released.append(True)})()
    monkeypatch.setattr(cli, "lock_of_run", lambda *_: held)

    def interrupted(job, tell):
        Journal(job.folder / "journal.jsonl", notebook="01_network").write("lock", held=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupted)
    done = runbook("apply", "--env", "local")
    assert (done.exit_code, released) == (1, [True])
    assert "run the same command again to go on from there" in done.stderr
    assert "Evidence: " in done.stderr
    assert "Aborted!" in done.stderr


def test_a_terminal_gets_a_bar_for_each_notebook(root):
    """With the section that it is in; what is piped elsewhere stays plain."""
    for name in NOTEBOOKS[:2]:
        notebook(root, name, handoff="1", prove="2")
    code = (
        "from pathlib import Path; from runbook_lib.cli import main as cli;"
        f"cli.checkout = lambda: Path({str(root)!r});"
        "cli.main(['plan', '--env', 'local', '--only', '01', '--only', '02'])"
    )
    here, there = pty.openpty()
    termios.tcsetwinsize(there, (30, 120))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=there, text=True)
    os.close(there)
    screen = b""
    while True:
        try:
            screen += os.read(here, 65536)
        except OSError:  # the other end is closed
            break
    os.close(here)
    assert process.communicate(timeout=60)[0].count("nothing to do") == 2
    assert process.returncode == 0
    bars = screen.decode()
    for words in ("01_network handoff", "02_data prove", "01_network done", "02_data done"):
        assert words in bars
    assert "4/4" in bars


def test_the_journal_says_how_each_notebook_ended(root, monkeypatch, runbook):
    """Also for who reads it a year later."""
    monkeypatch.setattr(cli, "checkout", lambda: root)
    notebook(root, "01_network", handoff="1 / 0")
    notebook(root, "02_data", handoff="1")
    runbook("plan", "--env", "local", "--only", "01", "--only", "02")
    (path,) = root.glob("artifacts/local/*/journal.jsonl")
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told = {entry["notebook"]: (entry["state"], entry["error"]) for entry in entries if entry["event"] == "ended"}
    assert told == {"01_network": ("failed", "ZeroDivisionError"), "02_data": ("done", "")}
