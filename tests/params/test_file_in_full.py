"""What is told of a parameter file in full: every line of the error, in order, and what to do next."""

from pathlib import Path

import pytest
import yaml

from runbook_lib.errors import UnknownEnvironment
from runbook_lib.params import load, params_file, regions
from tests.params.parameter_files import GOOD, at, load_error, problems, written

RAW = yaml.safe_load(GOOD)
CORRECT = "Correct each line above, then run this again."
MISSING = "missing; see the comments in another file of params/"


def told(folder, **given):
    """The lines about a whole file that is given, without their beginning, which says that."""
    lines = problems(folder / "local.yaml", RAW | given)
    assert all(line.startswith("parameter ") for line in lines)
    return [line.removeprefix("parameter ") for line in lines]


# Which file, and whether it can be read.


def test_the_name_of_an_environment_has_at_most_64_characters(tmp_path):
    assert params_file(tmp_path, "x" * 64) == tmp_path / "params" / f"{'x' * 64}.yaml"
    with pytest.raises(UnknownEnvironment) as caught:
        params_file(tmp_path, "x" * 65)
    path = tmp_path / "params" / f"{'x' * 65}.yaml"
    assert caught.value.what == f"There is no environment {'x' * 65!r}: no {path}."


@pytest.mark.parametrize("env", ["Dev", "../x", "a/../../params/b", "../params/dev"])
def test_the_environments_that_there_are_are_told_in_the_order_of_their_names(tmp_path, env):
    """Those of this ``params/``, wherever the name would lead."""
    for folder in (tmp_path, tmp_path / "params", tmp_path / "params" / "a"):
        folder.mkdir(exist_ok=True)
    for name in ("qa", "dev", "prod", "alpha", "zeta", "beta"):
        (tmp_path / "params" / f"{name}.yaml").touch()
    for other in ("elsewhere.yaml", "params/schema.json", "params/a/b.yaml"):
        (tmp_path / other).touch()
    with pytest.raises(UnknownEnvironment) as caught:
        params_file(tmp_path, env)
    assert caught.value.fix == "Use one of: alpha, beta, dev, prod, qa, zeta."


@pytest.mark.parametrize("place", ["dev.yaml", "folder/dev.yaml", "file.yaml/dev.yaml", "folder.yaml"])
def test_where_no_file_is_there_is_no_environment(tmp_path, place):
    """Nor in a folder that is none, nor where a folder has the file's name."""
    (tmp_path / "file.yaml").touch()
    (tmp_path / "folder.yaml").mkdir()
    path = tmp_path / place
    with pytest.raises(UnknownEnvironment) as caught:
        load(path)
    assert caught.value.what == f"There is no environment {path.stem!r}: no {path}."


def test_a_file_that_may_not_be_read_is_told_with_the_command_that_helps(tmp_path, monkeypatch):
    (tmp_path / "my files").mkdir()
    path = written(tmp_path / "my files")

    def refuse(self, encoding):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    error = load_error(path)
    assert error.what == f"{path} can't be read: Permission denied."
    assert error.fix == f"Make it readable: chmod u+r '{path}'"


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("a: 1\nb: [\n", ":3 is not YAML: expected the node content, but found '<stream end>'.",
         "Correct that line, then run this again."),
        ("#" * 65537, " has more than 64 KiB.", "Make it smaller: one environment has no more."),
        ("- a\n", ":1: not a mapping.", "Start from another file in params/."),
        ("2024-02-30\n", ":1: not a mapping.", "Start from another file in params/."),
    ],
)  # fmt: skip
def test_what_is_not_to_be_read_is_told_with_what_helps(tmp_path, text, what, fix):
    path = tmp_path / "local.yaml"
    path.write_text(text, encoding="utf-8")
    error = load_error(path)
    assert (error.what, error.fix) == (f"{path}{what}", fix)


def test_a_file_is_utf_8(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_bytes(b"a: caf\xe9\n")
    error = load_error(path)
    why = "'utf-8' codec can't decode byte 0xe9 in position 6: invalid continuation byte"
    assert (error.what, error.fix) == (f"{path} is not UTF-8 text: {why}.", "Save it as UTF-8.")


def test_without_any_file_there_is_no_environment(tmp_path):
    assert load_error(tmp_path / "dev.yaml").fix == "Use one of: none."


# Where a problem is.


def test_what_a_section_lacks_has_its_line(tmp_path):
    path = written(
        tmp_path, ("  vpc_cidr: 10.20.0.0/16 ", "  # "), ("{path: /healthz, ", "{"), ("env: local", "env: prod")
    )
    assert problems(path) == [
        f"{path}:3 env: prod – differs from the file's name; it must be local",
        f"{at(path, 'network:')} network.vpc_cidr: – {MISSING}",
    ]


def test_a_problem_has_the_line_of_its_field_or_of_what_the_field_belongs_to(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text("# first\n\nenv: local\naccount: '1'\ncompute:\n  certificate: {}\n", encoding="utf-8")
    error = load_error(path)
    assert error.what.splitlines() == [
        f"{path}:3 region: – {MISSING}",
        f"{path}:3 network: – {MISSING}",
        f"{path}:4 account: '1' – an account number has 12 digits",
        f"{path}:6 compute.certificate: – give exactly one of arn, domain (with hosted_zone) or self_signed",
    ]
    assert error.fix == CORRECT


def test_where_nothing_stands_in_a_file_what_is_missing_has_its_first_line(tmp_path):
    given = {name: value for name, value in RAW.items() if name != "region"}
    path = tmp_path / "local.yaml"
    assert problems(path, given) == [f"{path}:1 region: – {MISSING}"]


def test_what_yaml_misreads_has_no_second_line(tmp_path):
    path = written(tmp_path, ("  required: false ", "  required: 0x1 "), ("dashboard: false", "dashboard: yes"))
    assert problems(path) == [
        f'{at(path, "required: 0x1")} approval.required: 0x1 – YAML reads it as 1; write "0x1" in quotes, or 1',
        f'{at(path, "dashboard: yes")} dashboard: yes – YAML reads it as true; write "yes" in quotes, or true',
    ]


def test_what_the_run_gives_takes_the_place_of_what_yaml_misreads(tmp_path):
    """Nothing is told of what the file has there, and what is given is checked as ever."""
    path = written(tmp_path, ("  required: false ", "  required: 0x1 "), ("dashboard: false", "dashboard: yes"))
    approval = {"required": False}
    found = load(path, {"dashboard": True, "approval": approval})
    assert (found.dashboard, found.approval.required, found.env) == (True, False, "local")
    assert problems(path, {"dashboard": "on", "approval": approval}) == [
        "parameter dashboard: 'on' – write true or false"
    ]


def test_one_problem_is_told_once(tmp_path):
    """A key that is there three times is told in one line."""
    path = written(tmp_path, ("env: local\n", "env: local\nenv: local\nenv: local\n"))
    assert problems(path) == [f"{path}:{5} env: – written twice; YAML would ignore the first"]


@pytest.mark.parametrize(
    ("value", "shown", "advice"),
    [
        (5, "5", True), (True, "true", True), (None, "null", True), (1.5, "1.5", True), ("5", "'5'", False),
        ([1], "", False), ({"a": 1}, "", False),
    ],
)  # fmt: skip
def test_a_text_that_papermill_has_made_something_else_is_told_how_to_pass(tmp_path, value, shown, advice):
    """What stands in the file, or is given as a text, has no such advice."""
    line = f"deploy: {f'{shown} ' if shown else ''}– write the fields of this section, each on a line of its own"
    line += "; with papermill, pass it as a text: -r deploy VALUE" if advice else ""
    if isinstance(value, dict):
        line = "deploy.a: – unknown key. Known here: configuration, github, revision, rollback_alarms,"
        line += " rollback_function, source"
    assert told(tmp_path, deploy=value) == [line]
    path = written(tmp_path, ("dashboard: false", "dashboard: 5"))
    assert problems(path) == [f"{at(path, 'dashboard: 5')} dashboard: 5 – write true or false"]


# What is wrong with a value.


@pytest.mark.parametrize(
    ("section", "changes", "lines"),
    [
        ("network", {"admin_cidrs": ["x"], "nat": "both"}, [
            "network.nat: 'both' – write 'single', 'per_zone' or 'none'",
            "network.admin_cidrs.0: 'x' – write a network in CIDR notation, e.g. 10.20.0.0/16",
        ]),
        ("network", {"admin_cidrs": ["x"], "public_key": 5}, [
            "network.admin_cidrs.0: 'x' – write a network in CIDR notation, e.g. 10.20.0.0/16",
            "network.public_key: 5 – write a text, in quotes",
        ]),
        ("network", {"admin_cidrs": []}, ["network.admin_cidrs: – must not be empty"]),
        ("network", {"admin_cidrs": {"a": 1}}, ["network.admin_cidrs: – write a list, e.g. [a, b]"]),
        ("data", {"multi_az": None, "log_days": " 30"}, [
            "data.multi_az: null – write true or false", "data.log_days: ' 30' – write a whole number",
        ]),
        ("app", {"environment": {"1x": "y"}}, ["app.environment.1x: '1x' – has characters that do not fit"]),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_as_it_may_stand_in_the_file(tmp_path, section, changes, lines):
    assert told(tmp_path, **{section: RAW[section] | changes}) == lines


@pytest.mark.parametrize(
    ("section", "changes", "key", "hint", "known"),
    [
        ("guards", {"keep_buckt": True}, "keep_buckt", "; did you mean keep_bucket?",
         "deletion_protection, final_snapshot, keep_bucket"),
        ("network", {"zones": {"us-west-2a": {"pub": 1}}}, "zones.us-west-2a.pub", "; did you mean public?",
         "private, public"),
        ("compute", {"scaling": {"maxmum": 1}}, "scaling.maxmum", "; did you mean maximum?",
         "maximum, metric, minimum, target"),
        ("compute", {"schedules": [{"x": 1}]}, "schedules.0.x", ".", "maximum, minimum, name, recurrence, time_zone"),
        ("deploy", {"github": {"z": 1}}, "github.z", ".", "commit, repository"),
        ("evidence", {"object_lock": {"dayz": 1}}, "object_lock.dayz", "; did you mean days?", "days, mode"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_keys_of_its_section(tmp_path, section, changes, key, hint, known):
    (line,) = [line for line in told(tmp_path, **{section: RAW[section] | changes}) if "unknown" in line]
    assert line == f"{section}.{key}: – unknown key{hint} Known here: {known}"


@pytest.mark.parametrize("account", ["12345678901", "1234567890123", "12345678901x", ""])
def test_an_account_number_has_12_digits(tmp_path, account):
    assert told(tmp_path, account=account) == [f"account: {account!r} – an account number has 12 digits"]


def test_an_account_that_is_a_number_is_told_to_be_quoted(tmp_path):
    (line,) = told(tmp_path, account=123456789012)
    assert line == (
        'account: 123456789012 – write it in quotes ("012345670123"): YAML reads it as a number, with a leading 0 as an'
        " octal one; with papermill, pass it as a text: -r account VALUE"
    )


def test_an_environment_that_is_no_text_is_told_once(tmp_path):
    assert told(tmp_path, env=5) == [
        "env: 5 – write a text, in quotes; with papermill, pass it as a text: -r env VALUE"
    ]


# The root certificates of the database.


@pytest.fixture
def no_roots(tmp_path, monkeypatch):
    monkeypatch.setattr(regions, "ROOTS", tmp_path / "none.pem")
    regions.ROOTS.write_bytes(b"")
    return "region: us-west-2 – none.pem of this runbook has no root certificate of RDS there"


DEPLOYS = [None, 5, {}, {"source": "s3"}, {"source": "github"}]


@pytest.mark.parametrize("deploy", DEPLOYS)
def test_only_the_sample_application_needs_the_root_certificates(tmp_path, no_roots, deploy):
    """A revision of GitHub brings its own."""
    lines = [line for line in told(tmp_path, deploy=deploy, dashboard=5) if "root" in line]
    assert [line[: len(no_roots)] for line in lines] == ([] if deploy == {"source": "github"} else [no_roots])


@pytest.mark.parametrize("region", ["nowhere", "cn-north-1", 5, None, ["us-west-2"]])
def test_a_region_that_is_none_needs_no_root_certificate(tmp_path, no_roots, region):
    lines = told(tmp_path, region=region, network=None)
    assert [line.split(":")[0] for line in lines] == ["region", "network"]
    assert "root" not in "".join(lines)


def test_a_file_without_deploy_is_of_the_sample_application(tmp_path, no_roots):
    given = {name: value for name, value in RAW.items() if name != "deploy"}
    assert [line[: len(no_roots) + 10] for line in problems(tmp_path / "local.yaml", given)] == [
        f"parameter {no_roots}"
    ]
