"""`runbook rollback` and `plan --rollback`: 04_deploy alone, with the revision that was chosen in place of webapp/."""

# ruff: noqa: F811

import pytest

from runbook_lib.cli import choices
from runbook_lib.resources.deployment_history import Deployed
from runbook_lib.runs.rollback import NOTEBOOK
from tests.cli.test_main import fake_run, planned, root, runbook  # noqa: F401

DIGEST = "12" * 32


@pytest.fixture
def chosen(monkeypatch):
    """What is chosen, without AWS; notes what was asked for."""
    asked = []

    def choose(params, root, run, to):
        asked.append(to)
        return Deployed("d-1", f"sha256 {DIGEST}", "2026-01-01 10:00 UTC", True, True, False)

    monkeypatch.setattr(choices, "choose_revision", choose)
    return asked


def test_both_run_one_notebook_with_the_revision(runbook, fake_run, chosen):
    """So what was planned is what is approved; the journal and the signed evidence hold the revision."""
    jobs = fake_run(planned(update=1))
    done = runbook("plan", "--env", "local", "--rollback", "--to", "1212121")
    assert done.exit_code == 0, done.output
    assert f"To sha256 {DIGEST}, as deployed on 2026-01-01 10:00 UTC by d-1." in done.output
    runbook("rollback", "--env", "local", "--approved", "a1", "--change", "CHG1")
    assert chosen == ["1212121", ""]
    assert [job.only for job in jobs] == [(NOTEBOOK,)] * 2
    assert [job.parameters["mode"] for job in jobs] == ["plan", "apply"]
    for job in jobs:
        assert job.parameters["deploy"]["revision"] == DIGEST
        assert job.parameters["deploy"]["configuration"] == "CodeDeployDefault.OneAtATime"
        assert job.metadata["parameters"]["deploy"]["revision"] == DIGEST
    assert (jobs[1].parameters["approved"], jobs[1].parameters["change"]) == ("a1", "CHG1")


def test_the_comment_for_a_review_names_the_command_that_does_it(runbook, fake_run, chosen, tmp_path):
    """An apply would deploy webapp/ again."""
    fake_run(planned(update=1))
    comment = tmp_path / "plan.md"
    for asked, said in (([], ""), (["--to", "1212121"], " --to 1212121")):
        done = runbook("plan", "--env", "local", "--rollback", *asked, "--markdown", str(comment))
        assert done.exit_code == 0, done.output
        text = comment.read_text(encoding="utf-8")
        assert text.startswith("### Plan to roll back for `local`")
        assert f"`runbook rollback --env local{said} --approved " in text


@pytest.mark.parametrize(
    "arguments",
    [["--to", "1212121"], ["--rollback", "--destroy"], ["--rollback", "--only", "03_compute"]],
    ids=" ".join,
)
def test_a_plan_says_what_does_not_go_together(runbook, fake_run, chosen, arguments):
    jobs = fake_run(planned(update=1))
    assert runbook("plan", "--env", "local", *arguments).exit_code == 2
    assert (jobs, chosen) == ([], [])
