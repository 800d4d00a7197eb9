"""`runbook adopt`: an apply of the notebook that has the resource, with what it shall become; planned and approved."""

# ruff: noqa: F811

import pytest

from tests.cli.test_main import fake_run, planned, root, runbook  # noqa: F401

VPC = "vpc-0123456789abcdef0"


def test_it_applies_the_notebooks_of_the_resources(runbook, fake_run):
    jobs = fake_run(planned(update=1))
    keys = ("db_instance.database", "local-database", "vpc.main", VPC)
    done = runbook("adopt", "--env", "local", "--approved", "0123456789abcdef", "--change", "CHG1", *keys)
    assert done.exit_code == 0, done.output
    (job,) = jobs
    assert job.only == ("01_network", "02_data")
    assert job.parameters["mode"] == "apply"
    assert (job.parameters["approved"], job.parameters["change"]) == ("0123456789abcdef", "CHG1")
    assert job.parameters["adopt"] == {"db_instance.database": "local-database", "vpc.main": VPC}


def test_its_plan_is_shown_before(runbook, fake_run):
    jobs = fake_run(planned(update=1))
    done = runbook("plan", "--env", "local", "--adopt", "vpc.main", VPC)
    assert done.exit_code == 0, done.output
    (job,) = jobs
    assert (job.only, job.parameters["mode"]) == (("01_network",), "plan")
    assert job.parameters["adopt"] == {"vpc.main": VPC}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("vpc.main",), "each KEY needs an ID"),
        (("vpc.maim", VPC), "vpc.maim is no resource of these parameters; did you mean vpc.main"),
        (("vpc.main", VPC, "vpc.main", "vpc-1"), "A key is given twice"),
        (("vpc", VPC), "vpc is no resource"),
    ],
)
def test_what_is_written_wrong_runs_nothing(runbook, fake_run, words, told):
    jobs = fake_run(planned())
    done = runbook("adopt", "--env", "local", *words)
    assert (done.exit_code, jobs) == (2, [])
    assert told in done.output


def test_a_plan_of_it_is_of_no_other_verb(runbook, fake_run):
    jobs = fake_run(planned())
    for other in ("--destroy", "--rollback"):
        assert runbook("plan", "--env", "local", "--adopt", "vpc.main", VPC, other).exit_code == 2
    assert jobs == []
