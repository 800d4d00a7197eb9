"""A wave plan is read whole, and each mistake has its line and a word on what to write."""

import pytest

from runbook_fleet.wave_plan import WavePlanError, project_of, read_plan
from runbook_lib.evidence.attestation import keys
from tests.fleet.projects import make_params, write_params

REQUIRED = {"  required: false              #": "  required: true               #"}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "notebooks").mkdir()
    make_params(tmp_path)
    return tmp_path


@pytest.fixture
def read(project):
    def read(text):
        path = project / "fleet" / "release.yaml"
        path.write_text(text, encoding="utf-8")
        return read_plan(path)

    return read


def problems_of(read, text):
    with pytest.raises(WavePlanError) as caught:
        read(text)
    assert caught.value.fix == "Correct each line above. docs/fleet.md has an example."
    return [line.partition("release.yaml:")[2] for line in caught.value.what.splitlines()]


def signed_by(project, who="ann"):
    line = keys.format_public_key(keys.machine_key(project).public_key)
    return {**REQUIRED, "signers: {}  ": f'signers: {{{who}: "{line}"}}'}


def test_environments_go_in_waves_and_the_rest_has_defaults(read):
    plan = read("waves:\n  - [fleet-a]\n  - [fleet-b, fleet-c]\n")
    assert plan.waves == (("fleet-a",), ("fleet-b", "fleet-c"))
    assert (plan.tolerance, plan.pause_minutes, plan.approval, plan.rollback) == (0, 0, False, True)
    assert plan.environments() == ["fleet-a", "fleet-b", "fleet-c"]


def test_each_environment_may_have_an_aws_profile_of_its_own(read):
    plan = read("waves: [[fleet-a]]\naws_profile: runbook-{env}\n")
    assert plan.profile_of("fleet-a") == "runbook-fleet-a"
    assert read("waves: [[fleet-a]]\n").profile_of("fleet-a") == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tolerance: 1\n", "1 waves: – missing; write e.g. waves: [[dev], [staging], [prod]]"),
        ("waves: []\n", "1 waves: – must not be empty"),
        ("waves: [[]]\n", "1 waves[0]: – must not be empty"),
        ("waves: [fleet-a]\n", "1 waves[0]: fleet-a – write each wave as a list, e.g. [[dev], [prod-us, prod-eu]]"),
        ("waves:\n- [fleet-a]\n- [7]\n", "3 waves[1][0]: 7 – write the name of a file in params/"),
        ("waves: [[../x]]\n", "1 waves[0][0]: ../x – write the name of a file in params/"),
        ("waves: [[fleet-a]]\ntolerances: 1\n", "2 tolerances: – unknown key; did you mean tolerance? Known here: "),
        ("waves: [[fleet-a]]\ntolerance: -1\n", "2 tolerance: -1 – write at least 0"),
        ("waves: [[fleet-a]]\nparallel: many\n", "2 parallel: many – write a whole number"),
        ("waves: [[fleet-a]]\napproval: yes\n", '2 approval: yes – YAML reads it as true; write "yes" in quotes'),
        ("waves: [[fleet-a]]\naws_profile: a b\n", "2 aws_profile: a b – write the name of an AWS profile"),
        ("waves:\n- [fleet-a]\n- [fleet-b, fleet-a]\n", "3 waves[1][1]: fleet-a – is in wave 1 already"),
    ],
)
def test_a_mistake_has_its_line_and_what_to_write(read, text, problem):
    (found,) = problems_of(read, text)
    assert found.startswith(problem)


def test_all_mistakes_are_told_at_once(read):
    found = problems_of(read, "waves: [[fleet-a, fleet-a]]\ntolerance: two\nwaits: 3\n")
    assert [line.split(":")[0] for line in found] == ["2 tolerance", "3 waits", "1 waves[0][1]"]


def test_an_environment_without_parameters_is_named_with_those_that_there_are(read):
    (found,) = problems_of(read, "waves: [[fleet-d]]\n")
    assert found.startswith("1 waves[0][0]: fleet-d – There is no environment 'fleet-d'")
    assert "Use one of: fleet-a, fleet-b, fleet-c." in found


def test_parameters_that_are_wrong_are_told_with_the_wave_that_needs_them(read, project):
    write_params(project, "fleet-b", {"region: us-west-2": "region: moon-1"})
    found = problems_of(read, "waves: [[fleet-a], [fleet-b]]\n")
    assert found[0].startswith("1 waves[1][0]: fleet-b – ")
    assert "region: 'moon-1'" in found[0]


def test_a_plan_that_nobody_could_approve_is_refused(read, project):
    """An apply would be refused hours later: by a fingerprint alone, nobody approves a wave."""
    write_params(project, "fleet-b", REQUIRED)
    (found,) = problems_of(read, "waves: [[fleet-a], [fleet-b]]\n")
    assert found == (
        "1 waves[1][0]: fleet-b – approval.required is true, and params/fleet-b.yaml names no approval.signers:"
        " nobody could sign"
    )


def test_approval_between_waves_needs_signers_after_the_first(read, project):
    write_params(project, "fleet-b", signed_by(project))
    (found,) = problems_of(read, "waves: [[fleet-a], [fleet-b], [fleet-c]]\napproval: true\n")
    assert found.startswith(
        "1 waves[2][0]: fleet-c – approval: true is for all waves but the first, and params/fleet-c"
    )
    write_params(project, "fleet-c", signed_by(project))
    assert read("waves: [[fleet-a], [fleet-b], [fleet-c]]\napproval: true\n").approval


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", ":1: not a mapping."),
        ("- a\n", ":1: not a mapping."),
        ("waves: [\n", " is not YAML: "),
        ("waves: [[fleet-a]]\nx: *a\n", ":2 is not YAML for parameters: the alias *a"),
    ],
)
def test_what_is_no_wave_plan_is_refused(read, text, what):
    with pytest.raises(WavePlanError) as caught:
        read(text)
    assert what in caught.value.what


def test_a_file_that_is_missing_is_named(project):
    with pytest.raises(WavePlanError, match=r"fleet/none\.yaml can't be read: No such file"):
        read_plan(project / "fleet" / "none.yaml")


def test_a_plan_outside_a_project_says_where_to_keep_it(tmp_path):
    with pytest.raises(WavePlanError) as caught:
        project_of(tmp_path / "release.yaml")
    assert "no folder above it has params/ and notebooks/" in caught.value.what
    assert caught.value.fix == "Keep wave plans in the project, e.g. in its folder fleet/."
