"""A wave waits for those plans only that change something, and says how to approve each."""

import pytest

from runbook_fleet.approvals import find_missing
from runbook_lib.evidence.attestation.keys import format_public_key
from tests.fleet.projects import make_params, write_params
from tests.support.run_folders import BOB, planned_run, write_approval

RUN = "20261124T070000Z-plan-ffff"


@pytest.fixture
def project(tmp_path):
    make_params(tmp_path)
    line = format_public_key(BOB.public_key)
    required = {"  required: false              #": "  required: true               #"}
    write_params(tmp_path, "fleet-a", {**required, "signers: {}  ": f'signers: {{bob: "{line}"}}'})
    return tmp_path


@pytest.fixture
def plan(project):
    """The folder of a run in plan mode, with two plans that change something."""
    return planned_run(project / "artifacts" / "fleet-a", RUN, mode="plan")


def test_each_plan_without_an_approval_has_the_command_for_it(project, plan):
    assert find_missing(project, {"fleet-a": [RUN]}, "CHG1") == [
        f"runbook approve {RUN} --as NAME   # fleet-a, {stack}: 2 changes" for stack in ("network", "data")
    ]


def test_a_signed_approval_ends_the_waiting(project, plan):
    write_approval(plan, BOB, "bob")
    assert find_missing(project, {"fleet-a": [RUN]}, "CHG1") == []


def test_an_approval_that_does_not_count_says_why(project, plan):
    write_approval(plan, BOB, "bob")
    missing = find_missing(project, {"fleet-a": [RUN]}, "CHG2")
    assert missing[0].endswith("(bob: approved for CHG1, and this run is for CHG2.)")


def test_looking_leaves_no_trace_in_the_evidence(project, plan):
    """The run that uses an approval keeps a copy, not the one that waits for it."""
    write_approval(plan, BOB, "bob")
    find_missing(project, {"fleet-a": [RUN]}, "CHG1")
    assert [path.name for path in (project / "artifacts" / "fleet-a").iterdir()] == [RUN]


def test_nothing_is_waited_for_where_nobody_has_to_sign(project):
    planned_run(project / "artifacts" / "fleet-b", RUN, mode="plan")
    assert find_missing(project, {"fleet-b": [RUN]}, "CHG1") == []


def test_a_plan_without_changes_needs_no_approval(project):
    planned_run(project / "artifacts" / "fleet-a", RUN, mode="plan", notebooks=())
    assert find_missing(project, {"fleet-a": [RUN]}, "CHG1") == []
