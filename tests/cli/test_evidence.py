"""`runbook evidence …` and `runbook approve`: their output and exit codes."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import runbook_lib
from runbook_lib.cli.main import main
from runbook_lib.evidence.attestation import keys, manifest
from runbook_lib.evidence.attestation.archive import pack
from runbook_lib.evidence.folder import RunFolder
from runbook_lib.journal.journal import MANIFEST
from tests.support.run_folders import (
    ANN,
    BOB,
    EVE,
    NOTEBOOKS,
    RUN,
    close_run,
    edit_json,
    finish_notebook,
    planned_run,
    rewrite_journal,
    signed_run,
    write_approval,
)

PARAMS = Path(runbook_lib.__file__).parents[1] / "params"


@pytest.fixture
def root(tmp_path, monkeypatch):
    shutil.copytree(PARAMS, tmp_path / "params")
    monkeypatch.setenv("RUNBOOK_ROOT", str(tmp_path))
    ann, bob = keys.format_public_key(ANN.public_key), keys.format_public_key(BOB.public_key)
    set_params(tmp_path, evidence={"trusted_keys": {"ann": ann}}, approval={"signers": {"ann": ann, "bob": bob}})
    return tmp_path


def set_params(root, **sections):
    path = root / "params" / "prod.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**raw, **{name: raw[name] | more for name, more in sections.items()}}))


@pytest.fixture
def runbook(root):
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def environment(root):
    return root / "artifacts" / "prod"


def private_key_file(path, signer):
    """The signer's private key in a file."""
    path.write_bytes(signer.private_bytes)
    path.chmod(0o600)
    return path


def public_key_file(path, signer):
    path.write_text(keys.format_public_key(signer.public_key))
    return path


FORGED = "CHG1\nrun by      somebody else\x1b[2K\u202e"


class TestForgedTexts:
    """What stands in a journal or an archive is never more than a text on one line."""

    @pytest.fixture
    def forged(self, environment):
        """A run whose journal holds line breaks and escapes in every text that a person gives."""
        folder = planned_run(environment, change=FORGED)
        finish_notebook(folder, "01_network")
        rewrite_journal(
            folder, lambda event: False, asked_by=FORGED, operator=FORGED, caller=FORGED, why=FORGED, error=FORGED
        )
        (folder / "file\x1b[2K\nwith a line").touch()
        return folder

    @pytest.mark.parametrize("words", ["show", "verify", "list"])
    def test_no_forged_line_and_no_escape_is_printed(self, runbook, forged, words):
        result = runbook("evidence", words, *([] if words == "list" else [RUN]))
        printed = result.stdout + result.stderr
        assert "somebody else" in printed
        assert not [line for line in printed.splitlines() if line.startswith(("run by      somebody", "with a line"))]
        assert all(line.isprintable() for line in printed.splitlines())


class TestVerify:
    def test_a_valid_run_is_0_with_its_facts_and_signer(self, runbook, environment):
        signed_run(environment)
        result = runbook("evidence", "verify", RUN)
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"{RUN}: apply of prod, account 123456789012, region us-west-2, by arn:me, for CHG1\n" in result.stdout
        assert "01_network   done – planned 2 to create; 2 create; verified\n" in result.stdout
        assert "approved by bob for CHG1" in result.stdout
        last = result.stdout.splitlines()[-1]
        assert last == f"Complete and unchanged: 20 files, signed by ann, {keys.fingerprint(ANN.public_key)}."

    @pytest.mark.parametrize("how", ["id", "folder", "archive", "archive's name"])
    def test_a_run_is_named_by_id_folder_or_archive(self, runbook, environment, how):
        folder = signed_run(environment)
        archive = pack(folder)
        named = {"id": RUN, "folder": folder, "archive": archive, "archive's name": archive.name}[how]
        assert runbook("evidence", "verify", named).exit_code == 0

    def test_every_problem_is_listed_by_file_and_is_1(self, runbook, environment):
        folder = signed_run(environment)
        (folder / "01_network.html").write_text("another")
        (folder / "02_data.html").unlink()
        (folder / "more").touch()
        result = runbook("evidence", "verify", RUN)
        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            "✗ 01_network.html: was changed after the run was closed",
            "✗ 02_data.html: is missing",
            "✗ more: was added after the run was closed",
            "✗ 02_data.html: is missing, and the notebook was run",
            "Not valid: 4 problems.",
        ]
        assert "Complete" not in result.stdout

    def test_a_killed_run_is_1(self, runbook, environment):
        planned_run(environment)
        result = runbook("evidence", "verify", RUN)
        assert result.exit_code == 1
        assert f"✗ {MANIFEST}: is missing: the run was not closed (killed, or still running)" in result.stderr

    @pytest.mark.parametrize("run", ["none", "none.zip", "*", "../x", "/nowhere"])
    def test_an_unknown_run_is_2(self, runbook, run):
        result = runbook("evidence", "verify", run)
        assert result.exit_code == 2
        assert "`runbook evidence list`" in result.stderr

    def test_a_key_option_replaces_the_keys_of_the_parameters(self, runbook, environment, tmp_path):
        """An auditor brings his own keys and needs no parameters."""
        folder = signed_run(environment)
        shutil.rmtree(tmp_path / "params")
        assert runbook("evidence", "verify", folder).exit_code == 1
        ann, bob = public_key_file(tmp_path / "ann.pub", ANN), public_key_file(tmp_path / "bob.pub", BOB)
        assert runbook("evidence", "verify", folder, "--key", ann, "--key", bob).exit_code == 0
        result = runbook("evidence", "verify", folder, "--key", bob)
        assert result.exit_code == 1
        assert "not one of the trusted keys (bob)" in result.stderr

    def test_without_keys_of_signers_approvals_are_not_verified(self, runbook, environment, tmp_path):
        """The parameters name the signers; without them a note says that the approver is not verified."""
        folder = signed_run(environment)
        ann = public_key_file(tmp_path / "ann.pub", ANN)
        result = runbook("evidence", "verify", folder, "--key", ann)
        assert (result.exit_code, "approved by bob for CHG1" in result.stdout) == (0, True)
        shutil.rmtree(tmp_path / "params")
        result = runbook("evidence", "verify", folder, "--key", ann)
        assert result.exit_code == 0
        assert "whether bob signed it cannot be checked without a signer's key" in result.stdout

    def test_a_key_option_replaces_the_key_of_a_signer(self, runbook, environment, tmp_path):
        folder = signed_run(environment)
        ann, bob = public_key_file(tmp_path / "ann.pub", ANN), public_key_file(tmp_path / "bob.pub", EVE)
        for params in (True, False):
            if not params:
                shutil.rmtree(tmp_path / "params")
            result = runbook("evidence", "verify", folder, "--key", ann, "--key", bob)
            assert result.exit_code == 1
            assert "approvals/bob.dsse.json: signed with the key" in result.stderr

    def test_a_key_trusted_to_close_runs_may_not_approve_them(self, runbook, environment, tmp_path):
        """The parameters name the signers, and the machine is not one of them."""
        folder = planned_run(environment)
        write_approval(folder, EVE, "machine")
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, EVE)
        result = runbook("evidence", "verify", folder, "--key", public_key_file(tmp_path / "machine.pub", EVE))
        assert result.exit_code == 1
        assert "approvals/machine.dsse.json: signed with the key" in result.stderr

    def test_without_trusted_keys_the_machines_own_key_is_trusted(self, runbook, root, environment):
        set_params(root, evidence={"trusted_keys": {}})
        folder = planned_run(environment)
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, keys.machine_key(root))
        assert "signed by this machine, SHA256:" in runbook("evidence", "verify", RUN).stdout
        shutil.rmtree(root / ".runbook")
        assert runbook("evidence", "verify", RUN).exit_code == 1

    def test_with_trusted_keys_the_machines_own_key_is_not_trusted(self, runbook, root, environment):
        folder = planned_run(environment)
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, keys.machine_key(root))
        assert "not one of the trusted keys (ann)" in runbook("evidence", "verify", RUN).stderr

    @pytest.mark.parametrize("env", ["../artifacts/prod/x/local", "absolute", "", "local\n", "x/../local", "Local"])
    def test_parameters_in_the_run_are_not_trusted(self, runbook, root, environment, env):
        """A forger's parameters would name a forger's keys."""
        folder = planned_run(environment)
        env = str(folder / "local") if env == "absolute" else env.replace("x/local", f"{RUN}/local")
        raw = yaml.safe_load((PARAMS / "local.yaml").read_text(encoding="utf-8"))
        raw["evidence"] = {"trusted_keys": {"eve": keys.format_public_key(EVE.public_key)}}
        for path in (folder / "local.yaml", root / "params" / "local.yaml"):
            path.write_text(yaml.safe_dump(raw))
        rewrite_journal(folder, lambda event: False, env=env)
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, EVE)
        result = runbook("evidence", "verify", RUN)
        assert result.exit_code == 1
        assert "not one of the trusted keys (none given)" in result.stderr

    def test_a_damaged_journal_is_reported(self, runbook, environment):
        folder = planned_run(environment)
        RunFolder(environment, RUN, NOTEBOOKS[0]).journal().write("plan")
        manifest.sign_manifest(folder, ANN, code=folder, params=folder / "none.yaml")
        result = runbook("evidence", "verify", RUN)
        assert (result.exit_code, result.stdout) == (1, f"  {RUN}\n")
        assert "✗ journal.jsonl: is not the journal of a run" in result.stderr

    def test_a_run_may_be_in_the_folder_of_another_environment(self, runbook, root):
        """The path of a folder is not evidence."""
        signed_run(root / "artifacts" / "dev")
        assert runbook("evidence", "verify", RUN).exit_code == 0


class TestShow:
    def test_runs_are_listed_with_their_results(self, runbook, environment):
        signed_run(environment)
        planned_run(environment, "20261124T090000Z-plan-ffff", mode="plan", change="")
        assert runbook("evidence", "list").stdout.splitlines() == [
            f"{RUN}          prod     done       4 changes  CHG1",
            "20261124T090000Z-plan-ffff           prod     not closed no change",
        ]
        none = runbook("evidence", "list", "--env", "dev")
        assert (none.exit_code, none.stdout, none.stderr) == (0, "", "There are no runs of dev in artifacts/.\n")

    def test_a_run_is_shown_with_its_files(self, runbook, environment):
        signed_run(environment)
        result = runbook("evidence", "show", RUN).stdout
        assert result.startswith(f"{RUN}: apply of prod")
        assert "journal.jsonl" in result
        assert result.count("plans/") == 2

    def test_people_times_and_commit_are_shown(self, runbook, environment):
        signed_run(environment)
        result = runbook("evidence", "show", RUN).stdout.splitlines()
        assert "asked for by ann" in result
        assert "run by       bob on build-7" in result
        assert f"commit       {'c0ffee' * 6}, with uncommitted changes" in result
        assert "approved by  bob" in result
        assert [line for line in result if line.startswith("when         20")]

    def test_a_failure_is_shown(self, runbook, environment):
        planned_run(environment)
        own = RunFolder(environment, RUN, "01_network").journal()
        own.write("ended", state="failed", cell=4, error="RequestRejected", why="AWS said no")
        RunFolder(environment, RUN, "02_data").journal().write("ended", state="not run", why="01_network failed")
        result = runbook("evidence", "show", RUN).stdout
        assert "01_network   failed: RequestRejected: AWS said no – planned 2 to create; nothing changed\n" in result
        assert "02_data      not run: 01_network failed\n" in result

    def test_the_machines_key_is_shown_in_the_format_of_the_parameters(self, runbook, root):
        result = runbook("evidence", "key")
        set_params(root, evidence={"trusted_keys": {"me": result.stdout.strip()}})
        assert result.stdout.strip() == keys.format_public_key(keys.machine_key(root).public_key)
        assert "PRIVATE" not in result.output


class TestApprove:
    @pytest.fixture
    def planned(self, environment):
        folder = planned_run(environment, "20261124T070000Z-plan-ffff", mode="plan")
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        return close_run(folder)

    def test_a_signer_approves_the_plans_of_a_run(self, runbook, planned, tmp_path):
        result = runbook("approve", planned.name, "--as", "bob", "--key", private_key_file(tmp_path / "key", BOB))
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.count(": 2 changes\n") == 2
        assert f"Approved by bob for 72 hours: {planned / 'approvals' / 'bob.dsse.json'}\n" in result.stdout
        assert runbook("evidence", "verify", planned.name).exit_code == 0

    def test_the_machines_key_is_the_default(self, runbook, root, planned):
        set_params(root, approval={"signers": {"me": keys.format_public_key(keys.machine_key(root).public_key)}})
        assert runbook("approve", planned.name, "--as", "me").exit_code == 0

    def test_the_key_must_be_that_of_the_signer(self, runbook, planned, tmp_path):
        result = runbook("approve", planned.name, "--as", "bob", "--key", private_key_file(tmp_path / "key", ANN))
        assert result.exit_code == 1
        assert f"The key {keys.fingerprint(ANN.public_key)} is not the key of bob in approval.signers" in result.stderr
        assert not (planned / "approvals").exists()

    def test_an_unknown_signer_is_rejected(self, runbook, planned, tmp_path):
        result = runbook("approve", planned.name, "--as", "eve", "--key", private_key_file(tmp_path / "key", ANN))
        assert (result.exit_code, "eve is not in approval.signers (ann, bob)" in result.stderr) == (1, True)

    def test_without_signers_the_fingerprint_is_used(self, runbook, root, planned):
        set_params(root, approval={"signers": {}})
        result = runbook("approve", planned.name, "--as", "ann")
        assert (result.exit_code, "approve with the fingerprint: runbook apply --approved" in result.stderr) == (
            2,
            True,
        )

    def test_a_changed_plan_is_not_approved(self, runbook, planned, tmp_path):
        path = next((planned / "plans").iterdir())
        edit_json(path, caller="another")
        result = runbook("approve", planned.name, "--as", "bob", "--key", private_key_file(tmp_path / "key", BOB))
        assert result.exit_code == 1
        assert f"plans/{path.name}: was changed after the run was closed" in result.stderr

    def test_a_plan_is_not_approved_when_another_file_was_changed(self, runbook, planned, tmp_path):
        """The page that the reviewer read must be that of the plan."""
        (planned / "01_network.html").write_text("nothing to see")
        result = runbook("approve", planned.name, "--as", "bob", "--key", private_key_file(tmp_path / "key", BOB))
        assert (result.exit_code, "✗" in result.stdout) == (1, False)
        assert "01_network.html: was changed after the run was closed" in result.stderr

    def test_a_destroy_needs_its_own_approval(self, runbook, planned, tmp_path):
        result = runbook(
            "approve", planned.name, "--as", "bob", "--destroy", "--key", private_key_file(tmp_path / "key", BOB)
        )
        assert (result.exit_code, "has no plan with changes" in result.stderr) == (1, True)


class TestDiff:
    def table(self, folder, notebook, *lines):
        text = "\n".join(["resource,id,status,size", *lines]) + "\n"
        RunFolder(folder.parent, folder.name, notebook).table_path("t").write_text(text, encoding="utf-8")

    @pytest.fixture
    def runs(self, environment):
        names = [f"20261124T0{n}0000Z-apply-ffff" for n in (1, 2)]
        one, two = (
            rewrite_journal(planned_run(environment, name), lambda event: event["event"] == "inventory")
            for name in names
        )
        self.table(one, "01_network", "thing.a,t-1,ready,1", "thing.b,t-2,ready,1", "thing.c,–,not there,–")
        self.table(two, "01_network", "thing.a,t-1,ready,2", "thing.c,t-3,ready,1")
        return one, two

    def test_differences_of_the_tables_are_listed(self, runbook, runs):
        result = runbook("evidence", "diff", runs[0].name, runs[1].name).stdout
        assert result == "~ thing.a\n      size: 1 → 2\n- thing.b\n+ thing.c\n"

    def test_a_run_does_not_differ_from_itself(self, runbook, runs):
        assert runbook("evidence", "diff", runs[0].name, runs[0].name).stdout == "No difference.\n"

    def test_a_table_of_one_run_only_is_not_a_difference(self, runbook, runs):
        self.table(runs[0], "02_data", "thing.d,t-4,ready,1")
        result = runbook("evidence", "diff", runs[0].name, runs[1].name).stdout
        assert f"? 02_data: only {runs[0].name} has its state\n" in result

    def test_inventories_are_compared_by_value(self, runbook, runs):
        for folder, size in zip(runs, (1, 9), strict=True):
            line = {"key": "thing.a", "id": "t-1", "status": "ready", "size": size, "detail": {}}
            RunFolder(folder.parent, folder.name, "01_network").journal().write(
                "inventory", stack="s", resources=[line]
            )
        result = runbook("evidence", "diff", runs[0].name, runs[1].name).stdout
        assert result == "~ thing.a\n      size: 1 → 9\n"

    def test_a_deleted_resource_is_missing(self, runbook, runs):
        """A destroy writes its tables before it deletes."""
        own = RunFolder(runs[0].parent, runs[0].name, "01_network").journal()
        own.write("change", ok=True, key="thing.b", action="delete", fields={})
        assert "thing.b" not in runbook("evidence", "diff", runs[0].name, runs[1].name).stdout


def test_an_archive_is_uploaded_again_after_a_failure(runbook, root, environment, monkeypatch):
    from runbook_lib.cli import evidence as commands

    folder = signed_run(environment)
    archive = pack(folder)
    calls = []

    def upload(params, where, run, packed):
        calls.append((params.env, where, run, packed))
        return "s3://somewhere"

    monkeypatch.setattr(commands, "upload", upload)
    assert runbook("evidence", "store", RUN).stdout == "s3://somewhere\n"
    assert calls == [("prod", root, RUN, archive)]
    planned_run(environment, "20261124T090000Z-plan-ffff")
    assert runbook("evidence", "store", "20261124T090000Z-plan-ffff").exit_code == 2
