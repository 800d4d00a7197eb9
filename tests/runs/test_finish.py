"""Every run ends in a signed folder, however it ended, or reports that it could not be signed."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
import yaml
from click.testing import CliRunner
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

import runbook_lib
from embedded_aws.client import process
from embedded_aws.testing import eventually
from runbook_lib.cli import verbs
from runbook_lib.cli.main import main
from runbook_lib.errors import Closed, EvidenceError, NoAccess
from runbook_lib.evidence.attestation import dsse as signing
from runbook_lib.evidence.attestation import keys, manifest
from runbook_lib.evidence.notebooks.comparison import compare_with_source
from runbook_lib.evidence.notebooks.progress import is_running
from runbook_lib.evidence.verification.verify import verify_run
from runbook_lib.journal.journal import MANIFEST, Journal
from runbook_lib.journal.reader import read_events
from runbook_lib.params import load
from runbook_lib.runs import finish
from runbook_lib.runs.finish import finish_run
from runbook_lib.runs.headless.engine import RunbookEngine
from runbook_lib.runs.lock_holder import LockHolder
from runbook_lib.runs.start import find_operator
from tests.support.minimal_notebooks import notebook, touch, wait_for
from tests.support.run_folders import NOTEBOOKS, finish_notebook, planned_run

REPOSITORY = Path(runbook_lib.__file__).parents[1]
RUN = "20261124T080000Z-apply-0a1b"
OPENS = """
from runbook_lib import Runbook
from runbook_lib.stacks.network import network
book = Runbook("01_network", env=env, mode=mode)
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    shutil.copytree(REPOSITORY / "params", tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    monkeypatch.delenv("RUNBOOK_RUN", raising=False)
    monkeypatch.setattr(verbs, "checkout", lambda: tmp_path)
    monkeypatch.setattr(finish, "begin_final_survey", lambda *_, **__: lambda: None)  # there is no account to look at
    return tmp_path


@pytest.fixture
def folder(root):
    return planned_run(root / "artifacts" / "local", RUN)


def params(root, **evidence):
    path = root / "params" / "local.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["evidence"] |= evidence
    raw["guards"]["keep_bucket"] = True
    path.write_text(yaml.safe_dump(raw))
    return load(path)


def verified(folder, root):
    return verify_run(folder, {"me": keys.machine_key(root).public_key}, {})


def statement_of(folder, root):
    data = (folder / MANIFEST).read_bytes()
    return signing.verify(data, {"me": keys.machine_key(root).public_key}, manifest.PROVENANCE).statement


def test_a_folder_is_signed_and_packed(root, folder):
    for name in NOTEBOOKS:
        finish_notebook(folder, name)
    assert finish_run(params(root), root, RUN) == str(folder.with_name(f"{RUN}.zip"))
    assert verified(folder, root).wrong == []


def test_the_statement_has_the_parameters_the_people_and_the_source(root, folder):
    """In the words of SLSA: https://slsa.dev/spec/v1.0/provenance."""
    for name in NOTEBOOKS:
        finish_notebook(folder, name)
    finish_run(params(root), root, RUN)
    statement = statement_of(folder, root)
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1",
    )  # fmt: skip
    built, ran = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert built["buildType"] == "urn:runbook:run:v1"
    assert built["externalParameters"] == {
        "env": "prod", "mode": "apply", "change": "CHG1", "asked_by": "ann", "notebooks": list(NOTEBOOKS),
    }  # fmt: skip
    assert built["internalParameters"] == {
        "account": "123456789012", "region": "us-west-2", "operator": "bob on build-7",
    }  # fmt: skip
    source = {entry["name"]: entry["digest"] for entry in built["resolvedDependencies"]}
    assert source["params/local.yaml"] == {"sha256": manifest.hash_file(root / "params" / "local.yaml")}
    assert ran["builder"] == {"id": "urn:runbook:caller:arn:me"}
    first = json.loads((folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (ran["metadata"]["invocationId"], ran["metadata"]["startedOn"]) == (RUN, first["at"])


def test_the_statement_names_the_commit_and_whether_it_is_clean(root, folder, tmp_path):
    code = tmp_path / "code"
    code.mkdir()

    def git(*command):
        ident = ["-c", "user.name=n", "-c", "user.email=e@example.com"]
        done = subprocess.run(["git", *ident, *command], cwd=code, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    for clean in (True, False):
        if not clean:
            (code / "changed").touch()
        (folder / MANIFEST).unlink(missing_ok=True)
        manifest.sign_manifest(folder, keys.machine_key(root), code=code, params=root / "none.yaml")
        (source,) = statement_of(folder, root)["predicate"]["buildDefinition"]["resolvedDependencies"]
        assert source == {
            "name": "source", "digest": {"gitCommit": git("rev-parse", "HEAD")}, "annotations": {"clean": clean},
        }  # fmt: skip


def test_a_closed_run_cannot_be_changed(root, folder):
    """Neither an event, nor another signature."""
    finish_run(params(root), root, RUN)
    with pytest.raises(Closed, match=f"{RUN} is closed"):
        Journal(folder / "journal.jsonl").write("open")
    with pytest.raises(EvidenceError, match="closed already"):
        manifest.sign_manifest(folder, keys.machine_key(root), code=root, params=root)


def test_the_end_of_a_stopped_notebook_is_recorded(root, folder):
    """One was interrupted; another never started."""
    path = folder / "journal.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.unlink()
    for event in map(json.loads, lines):
        if event["notebook"] != NOTEBOOKS[1]:
            rest = {key: value for key, value in event.items() if key not in ("at", "event", "prev")}
            Journal(path).write(event["event"], **rest)
    finish_run(params(root), root, RUN)
    events = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    states = {e["notebook"]: e["state"] for e in events if e["event"] == "ended"}
    assert states == {NOTEBOOKS[0]: "interrupted", NOTEBOOKS[1]: "not run"}
    assert not [wrong for wrong in verified(folder, root).wrong if "how it ended" in wrong]


def test_a_link_is_not_evidence(root, folder):
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(EvidenceError, match="link: not a regular file"):
        finish_run(params(root), root, RUN)
    assert not (folder / MANIFEST).exists()


def test_on_a_full_disk_the_folder_stays_open(root, folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="could not be closed: No space left on device"):
        finish_run(params(root), root, RUN)
    monkeypatch.undo()
    assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl", "plans"]
    assert verified(folder, root).wrong[0].startswith(f"{MANIFEST}: is missing")


class TestKms:
    def test_a_key_in_kms_signs_where_the_parameters_name_one(self, root, folder, aws, monkeypatch):
        key = aws.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
        monkeypatch.setattr("runbook_lib.aws.endpoints.connection", lambda *_: aws.connection)
        found = params(root, kms_key=key)
        finish_run(found, root, RUN)
        known = {"kms": finish.signer_of_run(found, root, RUN).public_key}
        assert verify_run(folder, known, {}).signed_by == "kms"
        assert not (root / ".runbook" / "keys").exists()

    @pytest.mark.parametrize("mode", ["plan", "verify"])
    def test_what_changes_nothing_is_signed_by_the_machine(self, root, mode):
        """A role that only looks need not sign: with the KMS key it could sign an apply that never was."""
        run = f"20261124T080000Z-{mode}-0000"
        folder = planned_run(root / "artifacts" / "local", run, mode=mode)
        finish_run(params(root, kms_key="arn:aws:kms:us-west-2:123456789012:key/none"), root, run)
        known = {"me": keys.machine_key(root).public_key}
        assert verify_run(folder, known, {}).signed_by == "me"

    def test_a_plan_that_ended_before_it_wrote_anything_is_signed_by_the_machine(self, root):
        found = params(root, kms_key="arn:aws:kms:us-west-2:123456789012:key/none")
        signer = finish.signer_of_run(found, root, "20261124T080000Z-plan-0000")
        assert signer.public_key == keys.machine_key(root).public_key


class TestStore:
    @pytest.fixture
    def uploads(self, monkeypatch):
        """The uploads; an entry ``fail`` before makes them fail."""
        found = []

        def store(aws, bucket, archive, lock):
            found.append((bucket, archive.name, lock))
            if found[0] == "fail":
                raise finish.storage.UploadFailed("no", fix="f")
            return f"s3://{bucket}"

        monkeypatch.setattr(finish.storage, "store", store)
        monkeypatch.setattr(
            finish, "aws_client", lambda *_: type("Door", (), {"env": "local", "account": "1", "region": "r"})
        )
        return found

    def test_the_archive_goes_to_the_bucket_when_asked(self, root, folder, uploads):
        found = params(root, store="bucket", object_lock={"mode": "COMPLIANCE", "days": 9})
        assert finish_run(found, root, RUN) == "s3://local-runbook-1-r"
        ((bucket, archive, lock),) = uploads
        assert (bucket, archive, lock.mode, lock.days) == ("local-runbook-1-r", f"{RUN}.zip", "COMPLIANCE", 9)

    def test_otherwise_nothing_is_uploaded(self, root, folder, uploads):
        finish_run(params(root), root, RUN)
        assert uploads == []

    def test_a_failed_upload_fails_the_run_and_keeps_the_archive(self, root, folder, uploads):
        uploads.append("fail")
        with pytest.raises(finish.storage.UploadFailed):
            finish_run(params(root, store="bucket"), root, RUN)
        assert folder.with_name(f"{RUN}.zip").is_file()
        assert (folder / MANIFEST).is_file()

    @pytest.mark.parametrize("mode", ["plan", "verify"])
    def test_what_changes_nothing_writes_nothing_to_aws(self, root, uploads, mode):
        """A role that only looks need not be allowed to store."""
        run = f"20261124T080000Z-{mode}-0000"
        folder = planned_run(root / "artifacts" / "local", run, mode=mode)
        assert finish_run(params(root, store="bucket"), root, run) == str(folder.with_name(f"{run}.zip"))
        assert uploads == []

    @pytest.mark.parametrize("mode", ["plan", "verify", "apply"])
    def test_object_lock_can_be_enabled_for_an_environment_that_exists(self, aws, root, monkeypatch, mode):
        """The plan that enables it must end well, or it could not be approved; an apply without it says what to do."""
        monkeypatch.setattr("runbook_lib.aws.endpoints.connection", lambda *_: aws.connection)
        s3, bucket = aws.client("s3"), "local-runbook-123456789012-us-west-2"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        run = f"20261124T080000Z-{mode}-0000"
        archive = planned_run(root / "artifacts" / "local", run, mode=mode).with_name(f"{run}.zip")
        found = params(root, store="bucket", object_lock={"mode": "GOVERNANCE", "days": 1})
        if mode == "apply":
            with pytest.raises(finish.storage.UploadFailed) as caught:
                finish_run(found, root, run)
            assert "Apply 01_network, which enables Object Lock for the bucket, then: runbook evidence store" in str(
                caught.value
            )
        else:
            assert finish_run(found, root, run) == str(archive)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
        assert finish.upload(found, root, run, archive) == f"s3://{bucket}/evidence/{run}.zip"


def slowness():
    """How much longer than usual a process takes here, at least 1: the machine is slow, or others work beside it."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import nbconvert"], check=True)
    return max(1.0, (time.monotonic() - began) / 0.6)


class TestTheCommand:
    """A headless run: the command closes its folder after it has released the lock."""

    def run(self, root, *only):
        return CliRunner().invoke(main, ["plan", "--env", "local", *(word for n in only for word in ("--only", n))])

    def folder(self, root):
        (found,) = root.glob("artifacts/local/*/")
        return found

    def test_success_failure_and_a_dead_kernel_are_closed_and_complete(self, aws, root, monkeypatch):
        shutil.rmtree(aws.root / "artifacts", ignore_errors=True)
        monkeypatch.setenv("RUNBOOK_ROOT", str(aws.root))
        shutil.copytree(REPOSITORY / "params", aws.root / "params", dirs_exist_ok=True)
        notebook(root, "01_network", opens=OPENS, handoff="book.plan(network(book.params))")
        notebook(root, "02_data", handoff="1 / 0")
        notebook(root, "03_compute", handoff="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        result = self.run(root, "01", "02", "03")
        assert (result.exit_code, "01_network   done" in result.stdout) == (1, True)
        assert verified(self.folder(aws.root), aws.root).wrong == []

    def test_a_notebook_without_a_runbook_is_incomplete(self, root):
        notebook(root, "01_network", handoff="1")
        self.run(root, "01")
        assert verified(self.folder(root), root).wrong == [
            "01_network: is done, and the journal does not say who opened the run, and in which account",
            "01_network: is done, and the journal has no plan for it",
        ]

    def test_the_path_of_the_archive_is_printed(self, root):
        notebook(root, "01_network", handoff="1")
        result = self.run(root, "01")
        folder = self.folder(root)
        assert f"Signed, and packed for the change ticket: {folder.with_name(f'{folder.name}.zip')}\n" in result.stdout

    def test_a_run_that_cannot_be_signed_fails(self, root, monkeypatch):
        def refused(*_):
            raise NoAccess("KMS: no way in.", fix="Sign in.")

        monkeypatch.setattr(finish, "signer_of_run", refused)
        notebook(root, "01_network", handoff="1")
        result = self.run(root, "01")
        assert result.exit_code == 1
        assert "✗ The evidence of the run could not be closed: NoAccess: KMS: no way in.\n  → Sign in." in result.stderr

    @pytest.mark.parametrize(
        "how",
        [
            signal.SIGTERM,
            signal.SIGKILL,
            *(pytest.param(how, marks=pytest.mark.exhaustive) for how in (signal.SIGINT, signal.SIGHUP)),
        ],
        ids=lambda how: how.name,
    )
    def test_an_interrupted_run_is_closed_and_a_killed_one_is_not(self, root, how):
        wait = f"{touch(root, 'begun')}\n{wait_for(root, 'never')}"
        notebook(root, "01_network", wait=wait, handoff="1")
        code = (
            "from pathlib import Path; from runbook_lib.cli import main, verbs;"
            f"verbs.checkout = lambda: Path({str(root)!r});"
            "main.main(['apply', '--env', 'local', '--only', '01'])"
        )
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually((root / "begun").exists, within=60)
        child.send_signal(how)
        child.communicate(timeout=60)
        folder = self.folder(root)
        found = verified(folder, root).wrong
        if how == signal.SIGKILL:
            assert found[0].startswith(f"{MANIFEST}: is missing: the run was not closed")
            assert any("01_network: the journal does not say how it ended" in wrong for wrong in found)
            self.is_closed_later(root, folder)
            return
        assert (child.returncode, found) == (1, [])
        assert self.states(folder)[-2:] == ["interrupted", "not run"]
        assert (folder / "01_network.html").exists()
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert "01_network: interrupted" in page
        assert f"{find_operator()}, caller at AWS not known" in page
        assert "params/local.yaml, as it was read" in page

    DEAF = """
import re, signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
"""
    STOPPED = "import os, re, signal; os.kill(int(os.environ['RUNBOOK_ENGINE']), signal.SIGSTOP)"
    HOLDING_THE_LOCK = """
import os, re
from pathlib import Path
from runbook_lib.evidence.folder import RunFolder
environment = Path(os.environ["RUNBOOK_ROOT"], "artifacts", "local")
journal = RunFolder(environment, os.environ["RUNBOOK_RUN"], "01_network").journal()
journal.write("lock", held=True)
journal.write("change", ok=True, key="vpc.main", action="create", fields={}, waited=0.0, sent=0.1, took=0.2, ready=True)
"""

    @pytest.mark.parametrize(
        ("how", "cell"),
        [
            pytest.param(signal.SIGTERM, DEAF, id="deaf kernel"),
            pytest.param(signal.SIGINT, STOPPED, id="stopped process", marks=pytest.mark.exhaustive),
            pytest.param(signal.SIGINT, HOLDING_THE_LOCK, id="silent AWS", marks=pytest.mark.exhaustive),
        ],
    )
    def test_an_interrupted_run_ends_within_ten_seconds_whatever_it_does(self, root, how, cell):
        """A kernel that is busy in C and ignores every signal, a process that is stopped, an AWS that does not answer.

        The signal goes to the whole process group, as Ctrl-C in a terminal does.
        """
        busy = f"{cell}\n{touch(root, 'begun')}\nre.match('(a+)+b', 'a' * 64)"
        notebook(root, "01_network", wait=busy, handoff="1")
        code = (
            "import time; from pathlib import Path; from runbook_lib.cli import main, verbs;"
            "from runbook_lib.runs import final_survey;"
            "final_survey.aws_client = verbs.lock_of_run = lambda *_: time.sleep(600);"
            f"verbs.checkout = lambda: Path({str(root)!r});"
            "main.main(['apply', '--env', 'local', '--only', '01'])"
        )
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        eventually((root / "begun").exists, within=60)
        processes = psutil.Process(child.pid).children(recursive=True)
        assert len(processes) >= 2
        began = time.monotonic()
        os.killpg(child.pid, how)
        _, errors = child.communicate(timeout=60)
        assert time.monotonic() - began < 10 * slowness()
        assert psutil.wait_procs(processes, timeout=5)[1] == []
        folder = self.folder(root)
        unplanned = ["01_network: was changed, and the journal has no plan for it"]  # the cell only pretends a change
        found = verified(folder, root).wrong
        assert (child.returncode, found) == (1, unplanned if cell == self.HOLDING_THE_LOCK else [])
        assert self.states(folder)[-2:] == ["interrupted", "not run"]
        assert b"Traceback" not in errors
        if cell == self.HOLDING_THE_LOCK:
            assert b"The release of the lock took more than 1.5 s" in errors
            (unseen,) = [event for event in read_events(folder) if event["event"] == "unseen"]
            assert unseen["why"].startswith("The final survey took more than 1.5 s")

    def is_closed_later(self, root, folder):
        """Its report has the result of the killed process; it cannot be closed twice."""
        eventually(lambda: not is_running(read_events(folder)), within=30)
        result = CliRunner().invoke(main, ["evidence", "close", folder.name])
        assert result.exit_code == 0, result.output
        assert verified(folder, root).wrong == []
        assert self.states(folder)[-2:] == ["interrupted", "not run"]
        assert "01_network: interrupted" in (folder / "report.html").read_text(encoding="utf-8")
        again = CliRunner().invoke(main, ["evidence", "close", folder.name])
        assert (again.exit_code, "is closed" in again.stderr) == (1, True)

    def test_a_running_run_cannot_be_closed_by_the_command(self, root):
        folder = planned_run(root / "artifacts" / "local", RUN)
        here = LockHolder.this_process("", "", "", os.getpid())
        began = {"host": here.host, "pid": here.pid, "started": here.started}
        Journal(folder / "journal.jsonl", notebook="01_network").write("recording", **began)
        result = CliRunner().invoke(main, ["evidence", "close", RUN])
        assert result.exit_code == 1
        assert f"{RUN} is still running" in result.stderr
        assert not (folder / MANIFEST).exists()

    def states(self, folder):
        executed = nbformat.read(folder / "01_network.ipynb", as_version=4)
        return [cell.metadata.runbook.state for cell in executed.cells if "runbook" in cell.metadata]

    def test_a_run_rejected_for_its_account_is_recorded(self, root, monkeypatch):
        """With the operator, the account and the commit."""
        path = root / "params" / "local.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace('"123456789012"', '"999999999999"'))
        monkeypatch.setattr(verbs, "checkout", lambda: REPOSITORY)
        try:
            result = self.run(root, "01")
        finally:
            process.stop(root)
        assert "WrongAccount" in result.stderr
        page = (self.folder(root) / "report.html").read_text(encoding="utf-8")
        assert find_operator() in page
        assert "999999999999" in page
        assert "01_network: failed, WrongAccount" in page
        assert "not a git checkout" not in page
        assert verified(self.folder(root), root).wrong == []


class TestPapermillAlone:
    """``papermill --engine runbook`` leaves a signed folder as the command does."""

    @pytest.fixture
    def there(self, aws, monkeypatch):
        for folder in ("params", "artifacts"):
            shutil.rmtree(aws.root / folder, ignore_errors=True)
        shutil.copytree(REPOSITORY / "params", aws.root / "params")
        monkeypatch.setenv("RUNBOOK_ROOT", str(aws.root))
        monkeypatch.delenv("RUNBOOK_RUN", raising=False)
        papermill_engines.register("runbook", RunbookEngine)
        # What somebody has edited and not committed is no failure of these tests.
        monkeypatch.setattr(finish, "compare_with_source", lambda path, code, _: compare_with_source(path, code, ""))
        return aws.root

    def run(self, there, edited=lambda cells: None):
        network = nbformat.read(REPOSITORY / "notebooks" / "01_network.ipynb", as_version=4)
        edited(network.cells)
        nbformat.write(network, there / "edited.ipynb")
        given = yaml.safe_load((there / "params" / "local.yaml").read_text(encoding="utf-8")) | {"mode": "plan"}
        given["network"]["nat"] = "per_zone"
        papermill.execute_notebook(
            there / "edited.ipynb", there / "OUT.ipynb", given, engine_name="runbook", progress_bar=False
        )

    def verified(self, there):
        (folder,) = (path for path in (there / "artifacts" / "local").iterdir() if path.is_dir())
        assert folder.with_name(f"{folder.name}.zip").exists()
        page = (folder / "report.html").read_text(encoding="utf-8")
        result = verify_run(folder, {"me": keys.machine_key(there).public_key}, {})
        return result.wrong, page, folder

    def test_a_copy_without_its_check(self, there):
        """The report does not say that it is done, and `verify` says what differs and what is left out."""

        def cut(cells):
            verify = next(cell for cell in cells if cell.source.startswith("book.verify("))
            verify.source = "book.verify(net)"

        self.run(there, cut)
        wrong, page, folder = self.verified(there)
        assert wrong == []
        assert "Whether it is done is not known." in page
        said = "01_network differs from the one that is installed: cell 11 changed (Verify). It leaves out the check"
        assert f"{said} claims, controls." in page
        result = CliRunner().invoke(main, ["evidence", "verify", str(folder)])
        assert f"{said} claims, controls." in result.output
        assert result.exit_code == 0
        assert said in CliRunner().invoke(main, ["evidence", "show", str(folder)]).output

    def test_a_success(self, there):
        self.run(there)
        wrong, page, folder = self.verified(there)
        assert wrong == []
        assert "The plan is complete, of 01_network. Nothing was changed." in page
        assert json.loads((folder / "parameters.json").read_text())["network"]["nat"] == "per_zone"
        assert (folder / "01_network.html").exists()

    def test_a_failure(self, there):
        """The exception is the cell's own."""

        def broken(cells):
            next(cell for cell in cells if cell.source == "book.plan(net)").source = "1 / 0"

        with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
            self.run(there, broken)
        wrong, page, _ = self.verified(there)
        assert wrong == []
        assert "It is not done." in page
        assert "01_network: failed" in page
