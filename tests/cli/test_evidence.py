"""`runbook evidence …` and `runbook approve`: what a person and an auditor are told, and with which exit code."""

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import runbook_lib
from runbook_lib.cli import main as cli
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
    asking(tmp_path, evidence={"trusted_keys": {"ann": ann}}, approval={"signers": {"ann": ann, "bob": bob}})
    return tmp_path


def asking(root, **sections):
    path = root / "params" / "prod.yaml"
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**raw, **{name: raw[name] | more for name, more in sections.items()}}))


@pytest.fixture
def runbook(root):
    return lambda *arguments: CliRunner().invoke(cli.main, list(map(str, arguments)))


@pytest.fixture
def environment(root):
    return root / "artifacts" / "prod"


def held(path, signer):
    """A private key in a file, as its owner has it."""
    path.write_bytes(signer.private_bytes)
    path.chmod(0o600)
    return path


def public(path, signer):
    path.write_text(keys.format_public_key(signer.public_key))
    return path


class TestVerify:
    def test_a_good_run_is_0_and_says_who_what_and_by_whom(self, runbook, environment):
        signed_run(environment)
        told = runbook("evidence", "verify", RUN)
        assert (told.exit_code, told.stderr) == (0, "")
        assert f"{RUN}: apply of prod, account 123456789012, region us-west-2, by arn:me, for CHG1\n" in told.stdout
        assert "01_network   done – planned 2 to create; 2 create; verified\n" in told.stdout
        assert "approved by bob for CHG1" in told.stdout
        last = told.stdout.splitlines()[-1]
        assert last == f"Complete and unchanged: 20 files, signed by ann, {keys.fingerprint(ANN.public_key)}."

    @pytest.mark.parametrize("how", ["id", "folder", "archive", "archive's name"])
    def test_a_run_is_named_as_one_likes(self, runbook, environment, how):
        folder = signed_run(environment)
        archive = pack(folder)
        named = {"id": RUN, "folder": folder, "archive": archive, "archive's name": archive.name}[how]
        assert runbook("evidence", "verify", named).exit_code == 0

    def test_everything_that_is_wrong_is_told_file_by_file_and_is_1(self, runbook, environment):
        folder = signed_run(environment)
        (folder / "01_network.html").write_text("another")
        (folder / "02_data.html").unlink()
        (folder / "more").touch()
        told = runbook("evidence", "verify", RUN)
        assert told.exit_code == 1
        assert told.stderr.splitlines() == [
            "✗ 01_network.html: was changed after the run was closed",
            "✗ 02_data.html: is missing",
            "✗ more: was added after the run was closed",
            "✗ 02_data.html: is missing, and the notebook was run",
            "4 things are wrong.",
        ]
        assert "Complete" not in told.stdout

    def test_a_killed_run_is_1_and_not_closed(self, runbook, environment):
        planned_run(environment)
        told = runbook("evidence", "verify", RUN)
        assert told.exit_code == 1
        assert f"✗ {MANIFEST}: is missing: the run was not closed (killed, or still running)" in told.stderr

    @pytest.mark.parametrize("run", ["none", "none.zip", "*", "../x", "/nowhere"])
    def test_what_is_not_there_is_2(self, runbook, run):
        told = runbook("evidence", "verify", run)
        assert told.exit_code == 2
        assert "`runbook evidence list`" in told.stderr

    def test_a_key_given_by_hand_is_believed_instead_of_the_parameters(self, runbook, environment, tmp_path):
        """An auditor brings the keys that he knows, and needs neither parameters nor checkout."""
        folder = signed_run(environment)
        shutil.rmtree(tmp_path / "params")
        assert runbook("evidence", "verify", folder).exit_code == 1
        ann, bob = public(tmp_path / "ann.pub", ANN), public(tmp_path / "bob.pub", BOB)
        assert runbook("evidence", "verify", folder, "--key", ann, "--key", bob).exit_code == 0
        told = runbook("evidence", "verify", folder, "--key", bob)
        assert told.exit_code == 1
        assert "not one of the trusted keys (bob)" in told.stderr

    def test_an_auditor_who_knows_the_machine_only_sees_nothing_wrong_in_good_approvals(
        self, runbook, environment, tmp_path
    ):
        """Who approves stands in the parameters; without them it is not known, and said to be so."""
        folder = signed_run(environment)
        ann = public(tmp_path / "ann.pub", ANN)
        told = runbook("evidence", "verify", folder, "--key", ann)
        assert (told.exit_code, "approved by bob for CHG1" in told.stdout) == (0, True)
        shutil.rmtree(tmp_path / "params")
        told = runbook("evidence", "verify", folder, "--key", ann)
        assert told.exit_code == 0
        assert "whether bob signed it cannot be checked without a signer's key" in told.stdout

    def test_a_key_that_was_brought_for_an_approver_takes_the_place_of_the_parameters(
        self, runbook, environment, tmp_path
    ):
        folder = signed_run(environment)
        ann, bob = public(tmp_path / "ann.pub", ANN), public(tmp_path / "bob.pub", EVE)
        for params in (True, False):
            if not params:
                shutil.rmtree(tmp_path / "params")
            told = runbook("evidence", "verify", folder, "--key", ann, "--key", bob)
            assert told.exit_code == 1
            assert "approvals/bob.dsse.json: signed with the key" in told.stderr

    def test_whose_key_is_brought_to_close_runs_may_not_approve_them(self, runbook, environment, tmp_path):
        """The parameters name the signers, and the machine is none of them."""
        folder = planned_run(environment)
        write_approval(folder, EVE, "machine")
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, EVE)
        told = runbook("evidence", "verify", folder, "--key", public(tmp_path / "machine.pub", EVE))
        assert told.exit_code == 1
        assert "approvals/machine.dsse.json: signed with the key" in told.stderr

    def test_without_trusted_keys_this_machine_believes_itself(self, runbook, root, environment):
        asking(root, evidence={"trusted_keys": {}})
        folder = planned_run(environment)
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, keys.machine_key(root))
        assert "signed by this machine, SHA256:" in runbook("evidence", "verify", RUN).stdout
        shutil.rmtree(root / ".runbook")
        assert runbook("evidence", "verify", RUN).exit_code == 1

    def test_where_keys_are_named_this_machine_s_own_counts_no_more_than_another(self, runbook, root, environment):
        folder = planned_run(environment)
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        close_run(folder, keys.machine_key(root))
        assert "not one of the trusted keys (ann)" in runbook("evidence", "verify", RUN).stderr

    @pytest.mark.parametrize("env", ["../artifacts/prod/x/local", "absolute", "", "local\n", "x/../local", "Local"])
    def test_parameters_that_came_with_the_run_are_not_believed(self, runbook, root, environment, env):
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
        told = runbook("evidence", "verify", RUN)
        assert told.exit_code == 1
        assert "not one of the trusted keys (none given)" in told.stderr

    def test_a_journal_that_reads_like_none_is_told_as_such(self, runbook, environment):
        folder = planned_run(environment)
        RunFolder(environment, RUN, NOTEBOOKS[0]).journal().write("plan")
        manifest.sign_manifest(folder, ANN, code=folder, params=folder / "none.yaml")
        told = runbook("evidence", "verify", RUN)
        assert (told.exit_code, told.stdout) == (1, f"  {RUN}\n")
        assert "✗ journal.jsonl: is not the journal of a run" in told.stderr

    def test_a_run_may_lie_where_another_environment_has_its_own(self, runbook, root):
        """Where a folder lies is no evidence."""
        signed_run(root / "artifacts" / "dev")
        assert runbook("evidence", "verify", RUN).exit_code == 0


class TestLooking:
    def test_the_runs_are_listed_with_what_became_of_them(self, runbook, environment):
        signed_run(environment)
        planned_run(environment, "20261124T090000Z-plan-ffff", mode="plan", change="")
        assert runbook("evidence", "list").stdout.splitlines() == [
            f"{RUN}          prod     closed     CHG1",
            "20261124T090000Z-plan-ffff           prod     not closed",
        ]
        assert runbook("evidence", "list", "--env", "dev").stdout == ""

    def test_a_run_is_shown_with_its_files(self, runbook, environment):
        signed_run(environment)
        told = runbook("evidence", "show", RUN).stdout
        assert told.startswith(f"{RUN}: apply of prod")
        assert "journal.jsonl" in told
        assert told.count("plans/") == 2

    def test_who_when_and_from_what_is_shown(self, runbook, environment):
        signed_run(environment)
        told = runbook("evidence", "show", RUN).stdout.splitlines()
        assert "asked for by ann" in told
        assert "run by       bob on build-7" in told
        assert f"commit       {'c0ffee' * 6}, with changes in no commit" in told
        assert [line for line in told if line.startswith("approved by  bob: ")]
        assert [line for line in told if line.startswith("when         20")]

    def test_a_failure_is_shown_as_one(self, runbook, environment):
        planned_run(environment)
        own = RunFolder(environment, RUN, "01_network").journal()
        own.write("ended", state="failed", cell=4, error="RequestRejected", why="AWS said no")
        RunFolder(environment, RUN, "02_data").journal().write("ended", state="not run", why="01_network failed")
        told = runbook("evidence", "show", RUN).stdout
        assert "01_network   failed: RequestRejected: AWS said no – planned 2 to create; nothing changed\n" in told
        assert "02_data      not run: 01_network failed\n" in told

    def test_the_key_of_this_machine_is_shown_as_the_parameters_take_it(self, runbook, root):
        told = runbook("evidence", "key")
        asking(root, evidence={"trusted_keys": {"me": told.stdout.strip()}})
        assert told.stdout.strip() == keys.format_public_key(keys.machine_key(root).public_key)
        assert "PRIVATE" not in told.output


class TestApprove:
    @pytest.fixture
    def planned(self, environment):
        folder = planned_run(environment, "20261124T070000Z-plan-ffff", mode="plan")
        for notebook in NOTEBOOKS:
            finish_notebook(folder, notebook)
        return close_run(folder)

    def test_a_signer_approves_the_plans_of_a_run(self, runbook, planned, tmp_path):
        told = runbook("approve", planned.name, "--as", "bob", "--key", held(tmp_path / "key", BOB))
        assert (told.exit_code, told.stderr) == (0, "")
        assert told.stdout.count(": 2 changes\n") == 2
        assert f"Approved by bob for 72 hours: {planned / 'approvals' / 'bob.dsse.json'}\n" in told.stdout
        assert runbook("evidence", "verify", planned.name).exit_code == 0

    def test_with_the_key_of_this_machine_unless_another_is_given(self, runbook, root, planned):
        asking(root, approval={"signers": {"me": keys.format_public_key(keys.machine_key(root).public_key)}})
        assert runbook("approve", planned.name, "--as", "me").exit_code == 0

    def test_nobody_approves_in_the_name_of_another(self, runbook, planned, tmp_path):
        told = runbook("approve", planned.name, "--as", "bob", "--key", held(tmp_path / "key", ANN))
        assert told.exit_code == 1
        assert f"bob signs with another key than {keys.fingerprint(ANN.public_key)}" in told.stderr
        assert not (planned / "approvals").exists()

    def test_who_is_no_signer_is_refused(self, runbook, planned, tmp_path):
        told = runbook("approve", planned.name, "--as", "eve", "--key", held(tmp_path / "key", ANN))
        assert (told.exit_code, "eve is none of approval.signers (ann, bob)" in told.stderr) == (1, True)

    def test_where_no_signers_are_named_the_fingerprint_is_enough(self, runbook, root, planned):
        asking(root, approval={"signers": {}})
        told = runbook("approve", planned.name, "--as", "ann")
        assert (told.exit_code, "give the fingerprint: runbook apply --approved" in told.stderr) == (2, True)

    def test_a_plan_that_was_changed_since_is_not_approved(self, runbook, planned, tmp_path):
        path = next((planned / "plans").iterdir())
        edit_json(path, caller="another")
        told = runbook("approve", planned.name, "--as", "bob", "--key", held(tmp_path / "key", BOB))
        assert told.exit_code == 1
        assert f"plans/{path.name}: was changed after the run was closed" in told.stderr

    def test_nor_is_one_beside_which_something_was_changed(self, runbook, planned, tmp_path):
        """What the reviewer looked at is a page: it has to be the one of that plan."""
        (planned / "01_network.html").write_text("nothing to see")
        told = runbook("approve", planned.name, "--as", "bob", "--key", held(tmp_path / "key", BOB))
        assert (told.exit_code, "✗" in told.stdout) == (1, False)
        assert "01_network.html: was changed after the run was closed" in told.stderr

    def test_to_remove_is_approved_for_itself(self, runbook, planned, tmp_path):
        told = runbook("approve", planned.name, "--as", "bob", "--destroy", "--key", held(tmp_path / "key", BOB))
        assert (told.exit_code, "has no plan that would change something" in told.stderr) == (1, True)


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

    def test_what_the_tables_of_two_runs_differ_in(self, runbook, runs):
        told = runbook("evidence", "diff", runs[0].name, runs[1].name).stdout
        assert told == "~ thing.a\n      size: 1 → 2\n- thing.b\n+ thing.c\n"

    def test_a_run_does_not_differ_from_itself(self, runbook, runs):
        assert runbook("evidence", "diff", runs[0].name, runs[0].name).stdout == "No difference.\n"

    def test_what_only_one_looked_at_is_no_difference(self, runbook, runs):
        self.table(runs[0], "02_data", "thing.d,t-4,ready,1")
        told = runbook("evidence", "diff", runs[0].name, runs[1].name).stdout
        assert f"? 02_data: only {runs[0].name} has its state\n" in told

    def test_what_was_verified_is_compared_value_by_value(self, runbook, runs):
        for folder, size in zip(runs, (1, 9), strict=True):
            line = {"key": "thing.a", "id": "t-1", "status": "ready", "size": size, "detail": {}}
            RunFolder(folder.parent, folder.name, "01_network").journal().write(
                "inventory", stack="s", resources=[line]
            )
        told = runbook("evidence", "diff", runs[0].name, runs[1].name).stdout
        assert told == "~ thing.a\n      size: 1 → 9\n"

    def test_what_was_removed_is_not_there_any_more(self, runbook, runs):
        """A destroy shows its tables before it acts."""
        own = RunFolder(runs[0].parent, runs[0].name, "01_network").journal()
        own.write("change", ok=True, key="thing.b", action="delete", fields={})
        assert "thing.b" not in runbook("evidence", "diff", runs[0].name, runs[1].name).stdout


def test_an_archive_is_stored_once_more_after_a_failure(runbook, root, environment, monkeypatch):
    from runbook_lib.cli import evidence as commands

    folder = signed_run(environment)
    archive = pack(folder)
    asked = []

    def stored(params, where, run, packed):
        asked.append((params.env, where, run, packed))
        return "s3://somewhere"

    monkeypatch.setattr(commands, "upload", stored)
    assert runbook("evidence", "store", RUN).stdout == "s3://somewhere\n"
    assert asked == [("prod", root, RUN, archive)]
    planned_run(environment, "20261124T090000Z-plan-ffff")
    assert runbook("evidence", "store", "20261124T090000Z-plan-ffff").exit_code == 2
