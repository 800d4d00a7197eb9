"""Whatever is wrong with a parameter file is told at once: file, line, field, value, and what is allowed."""

import pytest
import yaml

from runbook_lib.params import load
from tests.params.parameter_files import GOOD, PARAMS, at, load_error, problems, written

PRIVATE_B = "private: 10.20.144.0/20"


def test_a_good_file_is_read_as_it_stands(tmp_path):
    found = load(written(tmp_path))
    assert found.model_dump(mode="json", exclude_unset=True) == yaml.safe_load(GOOD)


def test_every_problem_is_told_at_once(tmp_path):
    """One pass of corrections is enough: wrong fields hide neither each other nor what is wrong between fields."""
    path = written(
        tmp_path,
        ("nat: single ", "nat: triple "),
        (PRIVATE_B, "private: 10.20.128.0/20"),
        ("volume_gb: 8", "volum_gb: 8"),
        ('account: "123456789012" ', "account: 123456789012 "),
        ("flow_log_days: 7", "flow_log_days: 8"),
    )
    assert [line.split(" – ")[0] for line in problems(path)] == [
        f"{at(path, 'account:')} account: 123456789012",
        f"{at(path, 'us-west-2b')} network.zones.us-west-2b.private: 10.20.128.0/20",
        f"{at(path, 'nat: triple')} network.nat: 'triple'",
        f"{at(path, 'flow_log_days')} network.flow_log_days: 8",
        f"{at(path, 'volum_gb')} compute.volum_gb:",
    ]


def test_problems_come_in_the_order_of_the_file(tmp_path):
    path = written(tmp_path, ("bastion_type: t4g.nano", "bastion_type: t3.nano"), (PRIVATE_B, "private: 10.9.0.0/20"))
    lines = [int(line.removeprefix(f"{path}:").split()[0]) for line in problems(path)]
    assert len(lines) == 2
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("old", "new", "where", "field", "why"),
    [
        pytest.param(
            PRIVATE_B, "private: 10.20.136.0/21", "us-west-2b", "network.zones.us-west-2b.private",
            "10.20.136.0/21 – overlaps with 10.20.128.0/20; subnets of a VPC must not overlap", id="overlap",
        ),
        pytest.param(
            PRIVATE_B, "private: 10.20.140.0/20", "us-west-2b", "network.zones.us-west-2b.private",
            "'10.20.140.0/20' – host bits are set; the network of that size is 10.20.128.0/20", id="misaligned",
        ),
        pytest.param(
            "vpc_cidr: 10.20.0.0/16", "vpc_cidr: 10.20.1.0/16", "vpc_cidr", "network.vpc_cidr",
            "'10.20.1.0/16' – host bits are set; the network of that size is 10.20.0.0/16", id="misaligned VPC",
        ),
        pytest.param(
            PRIVATE_B, "private: 10.21.144.0/20", "us-west-2b", "network.zones.us-west-2b.private",
            "10.21.144.0/20 – lies outside vpc_cidr 10.20.0.0/16", id="outside the VPC",
        ),
        pytest.param(
            PRIVATE_B, "private: 10.20.144.0/29", "us-west-2b", "network.zones.us-west-2b.private",
            "10.20.144.0/29 – AWS allows /16 to /28", id="subnet too small",
        ),
        pytest.param(
            "vpc_cidr: 10.20.0.0/16", "vpc_cidr: 10.0.0.0/8", "vpc_cidr", "network.vpc_cidr",
            "10.0.0.0/8 – AWS allows /16 to /28", id="VPC too large",
        ),
        pytest.param(
            PRIVATE_B, "private: 10.20.144.0/255", "us-west-2b", "network.zones.us-west-2b.private",
            "'10.20.144.0/255' – not an IPv4 network; write it like 10.20.0.0/16", id="no prefix length",
        ),
        pytest.param(
            PRIVATE_B, "private: 10.20.144.0", "us-west-2b", "network.zones.us-west-2b.private",
            "'10.20.144.0' – write a network in CIDR notation, e.g. 10.20.0.0/16", id="an address",
        ),
        pytest.param(
            PRIVATE_B, "private: 169119744", "us-west-2b", "network.zones.us-west-2b.private",
            "169119744 – write a network in CIDR notation, e.g. 10.20.0.0/16", id="a number",
        ),
        pytest.param(
            "us-west-2b:", "us-east-1b:", "us-east-1b", "network.zones.us-east-1b",
            "us-east-1b – not a zone of us-west-2; allowed: us-west-2a, us-west-2b, us-west-2c, us-west-2d",
            id="zone of another region",
        ),
        pytest.param(
            "us-west-2b:", "us-west-2e:", "us-west-2e", "network.zones.us-west-2e",
            "us-west-2e – not a zone of us-west-2; allowed: us-west-2a, us-west-2b, us-west-2c, us-west-2d",
            id="zone that is not there",
        ),
        pytest.param(
            "[203.0.113.0/24]", "[0.0.0.0/0]", "admin_cidrs", "network.admin_cidrs",
            "– 0.0.0.0/0 opens SSH to the world; give the networks that administrators come from", id="world",
        ),
        pytest.param(
            "[203.0.113.0/24]", "[0.0.0.0/1, 128.0.0.0/1]", "admin_cidrs", "network.admin_cidrs",
            "– 0.0.0.0/1 opens SSH to the world; give the networks that administrators come from", id="halves",
        ),
        pytest.param(
            "[203.0.113.0/24]", "[]", "admin_cidrs", "network.admin_cidrs",
            "– Tuple should have at least 1 item after validation, not 0", id="nobody",
        ),
        pytest.param(
            "backup_window: \"08:00-08:30\"", "backup_window: \"24:00-24:30\"", "backup_window", "data.backup_window",
            "'24:00-24:30' – String should match pattern '^([01]\\d|2[0-3]):[0-5]\\d-([01]\\d|2[0-3]):[0-5]\\d$'",
            id="no time of day",
        ),
        pytest.param(
            "CodeDeployDefault.OneAtATime", "CodeDeployDefault.AllAtOnce", "configuration:", "deploy.configuration",
            "'CodeDeployDefault.AllAtOnce' – takes every server out of the load balancer at the same time, so the site"
            " is down during a deployment; use CodeDeployDefault.OneAtATime or CodeDeployDefault.HalfAtATime",
            id="all at once",
        ),
        pytest.param(
            "instance_class: db.t4g.micro", "instance_class: db.t2.micro", "instance_class", "data.instance_class",
            "'db.t2.micro' – AWS has retired db.t2.micro; use db.t4g.micro or larger", id="retired class",
        ),
        pytest.param(
            "instance_type: t4g.small", "instance_type: t3.small", "instance_type", "compute.instance_type",
            "t3.small – is not of architecture arm64", id="another architecture",
        ),
        pytest.param(
            "multi_az: false", "multi_az: 0", "multi_az", "data.multi_az",
            "0 – Input should be a valid boolean", id="a number for a switch",
        ),
        pytest.param(
            'engine_version: "8.4" ', "engine_version: 8.4 ", "engine_version", "data.engine_version",
            "8.4 – Input should be a valid string", id="a version without quotes",
        ),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_its_place_and_what_is_allowed(tmp_path, old, new, where, field, why):
    path = written(tmp_path, (old, new))
    assert problems(path) == [f"{at(path, where)} {field}: {why}"]


@pytest.mark.parametrize(
    ("field", "old"), [("network.flow_log_days", "flow_log_days: 7"), ("data.log_days", "  log_days: 7")]
)
@pytest.mark.parametrize("days", [0, 2, 31, 366, 10000])
def test_a_retention_that_aws_has_no_such_value_for_is_told_with_all_it_has(tmp_path, field, old, days):
    path = written(tmp_path, (old, old.replace("7", str(days))))
    where = at(path, old.replace("7", str(days)))
    (line,) = problems(path)
    assert line.startswith(f"{where} {field}: {days} – CloudWatch Logs keeps logs for one of 1, 3, 5, 7, 14, ")
    assert line.endswith(" 3653 days")


def test_one_zone_only_is_refused(tmp_path):
    """A site in one zone is down when that zone is."""
    zone = next(line for line in GOOD.splitlines(keepends=True) if "us-west-2b" in line)
    path = written(tmp_path, (zone, ""))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, 'zones:')} network.zones: – Dictionary should have at least 2 items")


@pytest.mark.parametrize(
    ("old", "new", "field", "near"),
    [
        ("nat: single ", "natt: single ", "network.natt", "nat"),
        (PRIVATE_B, PRIVATE_B + ", pubic: 10.20.16.0/20", "network.zones.us-west-2b.pubic", "public"),
        ("guards:  ", "gards: ", "gards", "guards"),
        ("interval: 15", "intervall: 15", "compute.health_check.intervall", "interval"),
        (
            "source: s3 ", f"github: {{repository: a/b, comit: {'0' * 40}}}\n  source: github",
            "deploy.github.comit", "commit",
        ),
    ],
)  # fmt: skip
def test_a_misspelt_key_is_told_with_the_nearest_one(tmp_path, old, new, field, near):
    """Never ignored: an ignored key is a wish that nobody fulfils."""
    path = written(tmp_path, (old, new))
    lines = [line for line in problems(path) if " unknown key" in line]
    where = at(path, f"{field.rpartition('.')[2]}:")
    known = lines[0].partition("Known here: ")[2].split(", ")
    assert [line.partition(" Known here")[0] for line in lines] == [
        f"{where} {field}: – unknown key; did you mean {near}?"
    ]
    assert near in known
    assert known == sorted(known)


def test_a_key_like_no_other_is_told_with_all_there_are(tmp_path):
    path = written(tmp_path, ("tags: {", "tags: {xylophone: 1, "))
    assert problems(path) == [f"{at(path, 'tags:')} tags.xylophone: – unknown key. Known here: owner, project"]


@pytest.mark.parametrize(
    ("old", "field"),
    [
        ("  flow_log_days: 7\n", "network.flow_log_days"),
        ("region: us-west-2\n", "region"),
        ("{path: /healthz", "compute.health_check.path"),
    ],
)
def test_a_key_written_twice_is_refused(tmp_path, old, field):
    """YAML would take the last and forget the first, also where both say the same."""
    twice = old + old if old.endswith("\n") else f"{old}, path: /other"
    path = written(tmp_path, (old, twice))
    (line,) = problems(path)
    assert line.startswith(f"{path}:")
    assert line.endswith(f" {field}: – written twice; YAML would ignore the first")


def test_a_missing_value_is_told_where_it_belongs(tmp_path):
    path = written(tmp_path, ("  vpc_cidr: 10.20.0.0/16 ", "  # "), ("region: us-west-2\n", ""))
    # What concerns the whole file has its first line; what concerns a section has the section's.
    assert problems(path) == [
        f"{path}:{3} region: – missing; see the comments in another file of params/",
        f"{at(path, 'network:')} network.vpc_cidr: – missing; see the comments in another file of params/",
    ]


def test_an_account_without_quotes_is_refused_with_the_reason(tmp_path):
    """012345670123 would be read as another number than the one written."""
    path = written(tmp_path, ('account: "123456789012" ', "account: 012345670123 "))
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["account"] != 12345670123
    (line,) = problems(path)
    assert line.startswith(f"{at(path, 'account:')} account: ")
    assert line.endswith(
        '– write it in quotes ("012345670123"): YAML reads it as a number, with a leading 0 as an octal one'
    )


@pytest.mark.parametrize("account", ["12345678901", "1234567890123", "12345678901x"])
def test_an_account_that_is_none_is_refused(tmp_path, account):
    path = written(tmp_path, ("123456789012", account))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, 'account:')} account: '{account}' – ")


def test_an_env_that_differs_from_its_file_is_refused(tmp_path):
    """A copied file in which the name was forgotten would change the environment it was copied from."""
    path = written(tmp_path, name="dev.yaml")
    assert problems(path) == [f"{at(path, 'env:')} env: local – differs from the file's name; it must be dev"]


def test_a_missing_file_is_told_with_the_environments_there_are(tmp_path):
    for name in ("prod.yaml", "dev.yaml"):
        written(tmp_path, name=name)
    error = load_error(tmp_path / "prdo.yaml")
    assert error.what == f"There is no environment 'prdo': no {tmp_path / 'prdo.yaml'}."
    assert error.fix == "Use one of: dev, prod."


def test_a_missing_folder_is_told_as_a_missing_file(tmp_path):
    assert load_error(tmp_path / "nowhere" / "dev.yaml").fix == "Use one of: none."


def test_a_folder_in_place_of_a_file_is_no_environment(tmp_path):
    (tmp_path / "dev.yaml").mkdir()
    assert "There is no environment 'dev'" in load_error(tmp_path / "dev.yaml").what


def test_what_is_not_yaml_is_told_with_its_line(tmp_path):
    path = written(tmp_path, ("  nat: single ", "  nat: [single "))
    error = load_error(path)
    assert error.what.startswith(f"{path}:")
    assert " is not YAML: " in error.what


@pytest.mark.parametrize("text", ["a: b: c\n", "\tenv: local\n", "env: local\n---\nenv: local\n", "a: *b\n", "a: \0\n"])
def test_no_text_is_answered_with_a_traceback(tmp_path, text):
    path = tmp_path / "local.yaml"
    path.write_text(text, encoding="utf-8")
    assert "is not YAML" in load_error(path).what


def test_a_date_that_is_none_is_told(tmp_path):
    """YAML takes what looks like a date for one, without being asked."""
    path = written(tmp_path, ("owner: platform", "owner: 2024-02-30"))
    error = load_error(path)
    assert error.what.startswith(f"{path} is not YAML: day")
    assert "quotes" in error.fix


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "- env: local\n", "local\n", "null\n"])
def test_what_is_empty_or_not_a_mapping_is_refused(tmp_path, text):
    path = tmp_path / "local.yaml"
    path.write_text(text, encoding="utf-8")
    error = load_error(path)
    assert error.what == f"{path}:1: not a mapping."
    assert error.fix == "Start from another file in params/."


def test_an_empty_mapping_is_told_all_it_lacks(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text("{}\n", encoding="utf-8")
    missing = [line.split()[1].rstrip(":") for line in problems(path)]
    assert missing == ["env", "account", "region", "network", "compute"]


def test_what_is_not_utf8_is_refused(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_bytes(GOOD.replace("platform", "Plattförm").encode("cp1252"))
    error = load_error(path)
    assert error.what.startswith(f"{path} is not UTF-8 text: ")
    assert error.fix == "Save it as UTF-8."


def test_a_key_that_is_no_text_is_told(tmp_path):
    path = written(tmp_path, ("tags: {", "tags: {1: 2, "))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, 'tags:')} tags.1: ")


# Values given with the run: papermill -p, and papermill -f with a whole file.


def test_a_given_value_takes_the_place_of_the_files(tmp_path):
    given = {"tags": {"project": "other", "owner": "me"}, "approval": {"required": True}}
    found = load(written(tmp_path), given)
    assert (found.tags.project, found.approval.required) == ("other", True)
    assert found.network == load(written(tmp_path)).network


def test_a_given_value_mends_what_is_wrong_in_the_file(tmp_path):
    path = written(tmp_path, ("region: us-west-2\n", "region: nowhere\n"))
    assert load(path, {"region": "us-west-2"}).region == "us-west-2"


def test_a_given_value_that_is_wrong_is_told_as_a_parameter(tmp_path):
    """No line of the file is to blame for it."""
    path = written(tmp_path)
    lines = problems(path, {"region": "us-east-1", "approval": {"required": "perhaps"}, "colour": "red"})
    assert sorted(line for line in lines if line.startswith("parameter ")) == [
        "parameter approval.required: 'perhaps' – Input should be a valid boolean",
        "parameter colour: – unknown key. Known here: account, approval, compute, data, deploy, endpoint, env,"
        " evidence, github, guards, network, region, tags",
    ]
    assert [line.split(" – ")[1].split(";")[0] for line in lines if line.startswith(f"{path}:")] == [
        "not a zone of us-east-1"
    ] * 2


def test_a_whole_file_given_needs_no_file(tmp_path):
    given = yaml.safe_load(GOOD)
    assert load(tmp_path / "local.yaml", given) == load(written(tmp_path))


def test_what_was_given_alone_is_checked_alike(tmp_path):
    given = yaml.safe_load(GOOD) | {"env": "prod", "account": 123456789012}
    lines = problems(tmp_path / "local.yaml", given)
    assert {line.split(":")[0] for line in lines} == {"parameter env", "parameter account"}


def test_a_file_that_was_loaded_cannot_be_changed():
    """What was checked is what is used."""
    found = load(PARAMS / "local.yaml")
    with pytest.raises(ValueError, match="frozen"):
        found.region = "us-east-1"
    with pytest.raises(ValueError, match="frozen"):
        found.network.nat = "per_zone"
