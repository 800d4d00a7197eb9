"""`runbook local fault …` and related commands; faults and outages survive a restart."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from embedded_aws.client import process
from embedded_aws.state_folder import StateFolder
from embedded_aws.testing import embedded
from runbook_lib.cli.main import main


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with embedded(tmp_path_factory.mktemp("game-day")) as server:
        yield server


@pytest.fixture
def run(aws):
    """Return a function that runs a command; it returns exit code and output."""

    def run(*words):
        done = CliRunner().invoke(main, ["local", *words], env={"RUNBOOK_ROOT": str(aws.root)})
        return done.exit_code, done.output.strip()

    return run


def test_faults_are_added_listed_and_cleared(run):
    """Each line shows what is hit, how, and how often it was."""
    assert run("fault", "list") == (0, "There are no faults.")
    line = "1 ec2:CreateSubnet throttle: 0 of 3 hit"
    assert run("fault", "add", "ec2:CreateSubnet", "throttle", "--times", "3") == (0, line)
    slow = "2 s3:Put* slow 1.5 s: 0 hit, after 2, with probability 0.5 (seed 7)"
    chosen = ("--seconds", "1.5", "--skip", "2", "--probability", "0.5", "--seed", "7")
    assert run("fault", "add", "s3:Put*", "slow", *chosen) == (0, slow)
    refuse = "3 ec2:* refuse UnauthorizedOperation: 0 hit"
    assert run("fault", "add", "ec2:*", "refuse", "--code", "UnauthorizedOperation") == (0, refuse)
    hook = "4 hook:ValidateService on us-west-2a fail: 0 of 1 hit"
    assert run("fault", "add", "hook:ValidateService", "fail", "--times", "1", "--zone", "us-west-2a") == (0, hook)
    assert run("fault", "list") == (0, "\n".join([line, slow, refuse, hook]))
    assert run("fault", "clear", "2", "4") == (0, "2 faults are cleared.")
    assert run("fault", "list") == (0, f"{line}\n{refuse}")
    assert run("fault", "clear") == (0, "2 faults are cleared.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ec2:CreateSubnett", "throttle"], "did you mean CreateSubnet"),
        (["ec2", "throttle"], "write ec2:CreateSubnet"),
        (["hook:ValidateService", "throttle"], "use fail for hooks, another kind for operations"),
        (["ec2:CreateVpc", "fail"], "use fail for hooks, another kind for operations"),
        (["ec2:CreateVpc", "thrttle"], "'thrttle' is not one of 'throttle'"),
        (["ec2:CreateVpc", "slow"], "slow needs seconds"),
        (["ec2:CreateVpc", "throttle", "--zone", "us-west-2a"], "zone: Extra inputs are not permitted"),
        (["hook:ValidateServce", "fail"], "did you mean ValidateService"),
    ],
)
def test_a_mistake_is_wrong_usage(run, words, said):
    """Exit code 2, without a traceback, with a suggestion."""
    code, output = run("fault", "add", *words)
    assert (code, said in output) == (2, True), output
    assert "Traceback" not in output
    assert run("fault", "list") == (0, "There are no faults.")


def test_outages_of_what_does_not_exist_are_wrong_usage(run, aws):
    """The message names what exists."""
    code, output = run("fail-zone", "us-west-2z")
    assert (code, "there are us-west-2a" in output) == (2, True)
    assert run("kill-instance", "any")[0] == 2
    assert run("fail-over", "app")[0] == 2
    assert run("restore") == (0, "There was nothing to restore.")


@pytest.mark.exhaustive
def test_faults_survive_a_restart_and_are_in_the_status(run, aws):
    """Until `restore` ends all of them."""
    run("fault", "add", "ec2:CreateVpc", "throttle", "--times", "3")
    assert run("fail-zone", "us-west-2a") == (0, "us-west-2a is lost, with no instance.")
    process.stop(aws.root)
    code, output = run("fault", "list")
    assert (code, "start it: `runbook local up`" in output) == (1, True)
    run("up")
    usual, told = 3, run("status")[1].splitlines()  # where it is, its pace, and what runs
    number = told[usual].split()[1]
    assert told[usual:] == [
        f"Fault {number} ec2:CreateVpc throttle: 0 of 3 hit",
        "us-west-2a is lost, until `runbook local restore`.",
    ]
    assert run("restore") == (0, "Restored: zones us-west-2a; 1 faults.")
    assert len(run("status")[1].splitlines()) == usual


def test_forgetting_the_account_deletes_its_faults(run, aws):
    run("fault", "add", "ec2:CreateVpc", "throttle")
    assert StateFolder(aws.root).faults.exists()
    run("down", "--forget")
    assert not StateFolder(aws.root).faults.exists()


def test_the_command_does_not_import_moto():
    """It starts as fast as other commands."""
    code = "import sys, runbook_lib.cli; sys.exit('moto' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0
