"""Whatever is wrong with a parameter file is told at once: file, line, field, value, and what is allowed."""

import re
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import UnknownEnvironment
from runbook_lib.params import load, params_file
from runbook_lib.params.document import Document, Unreadable
from runbook_lib.resources.vpc import Vpc
from runbook_lib.runs.start import aws_client
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
            "– must not be empty", id="nobody",
        ),
        pytest.param(
            "backup_window: \"08:00-08:30\"", "backup_window: \"24:00-24:30\"", "backup_window", "data.backup_window",
            "'24:00-24:30' – write two times of day in UTC, e.g. \"08:00-08:30\"",
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
            "0 – write true or false", id="a number for a switch",
        ),
        pytest.param(
            'engine_version: "8.4" ', "engine_version: 8.4 ", "engine_version", "data.engine_version",
            "8.4 – write a text, in quotes", id="a version without quotes",
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
    assert line.startswith(f"{at(path, 'zones:')} network.zones: – write at least 2")


@pytest.mark.parametrize(
    ("old", "new", "field", "near"),
    [
        ("nat: single ", "natt: single ", "network.natt", "nat"),
        (PRIVATE_B, PRIVATE_B + ", pubic: 10.20.16.0/20", "network.zones.us-west-2b.pubic", "public"),
        ("guards:  ", "gards: ", "gards", "guards"),
        ("interval: 15", "intervall: 15", "compute.health_check.intervall", "interval"),
        (
            "source: s3 ", f"github: {{repository: a/b, comit: {'a' * 40}}}\n  source: github",
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
    path = written(tmp_path, ("  nat: single ", "  xylophone: 1\n  nat: single "))
    assert problems(path) == [
        f"{at(path, 'xylophone:')} network.xylophone: – unknown key. Known here: admin_cidrs, flow_log_days, nat,"
        " public_key, vpc_cidr, zones"
    ]


def test_further_tags_are_taken_and_reach_aws(tmp_path, aws):
    """Many organisations deny whatever lacks theirs."""
    found = load(written(tmp_path, ("tags: {", 'tags: {CostCenter: "0042", data class: internal, ')))
    client = aws_client(found, aws.root, "")
    assert {"CostCenter": "0042", "data class": "internal", "owner": "platform"}.items() <= client.tag_map(
        Vpc(name="main", cidr="10.0.0.0/16")
    ).items()


@pytest.mark.parametrize(
    ("tags", "field", "why"),
    [
        ('owner: "R&D, Platform"', "owner", "'R&D, Platform' – has '&'; IAM and RDS take letters, digits, spaces and"),
        ("owner: 5 € a day", "owner", "'5 € a day' – has '€'; "),
        ('owner: "a\\tb"', "owner", "'a\\tb' – has '\\t'; "),
        ('owner: "a\\u00a0b"', "owner", "'a\\xa0b' – has '\\xa0'; "),
        ("owner: aws:me", "owner", "'aws:me' – AWS reserves aws: and rds: at the beginning"),
        (f"owner: {'x' * 257}", "owner", f"'{'x' * 156}… – write at most 256 characters"),
        ('owner: ""', "owner", "'' – must not be empty"),
        ("cost center: R&D", "cost center", "'R&D' – has '&'; "),
        ("R&D: yes it is", "R&D", "– has '&'; "),
        ("aws:team: x", "aws:team", "– AWS reserves aws: and rds: at the beginning"),
        ("Name: x", "Name", "– this runbook sets that tag itself"),
        ("Runbook:env: x", "Runbook:env", "– this runbook sets that tag itself"),
        ("Owner: x", "Owner", "– differs only in case from owner, for IAM the same"),
        (f"{'k' * 128}: x", "k" * 128, "– a tag's key has 1 to 127 characters"),
        ("CostCenter: 42", "CostCenter", "42 – write a text, in quotes"),
    ],
)
def test_a_tag_that_some_service_refuses_is_refused_at_its_line(tmp_path, tags, field, why):
    """EC2 takes nearly everything, so it would be IAM that stops the first apply, in its middle."""
    path = written(tmp_path, ("tags: {project: webapp, owner: platform}", f"tags:\n  {tags}"))
    (line,) = problems(path)
    assert line.startswith(f"{path}:9 tags.{field}: {why}")


def test_there_is_room_for_our_own_tags(tmp_path):
    tags = "\n".join(f"  t{number}: x" for number in range(41))
    path = written(tmp_path, ("tags: {project: webapp, owner: platform}", f"tags:\n{tags}"))
    assert problems(path) == [f"{path}:8 tags: 41 – too many; AWS allows 50 for a resource, and 10 are ours"]


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
    """012345670123 would be read as another number than the one written, 123456789012 as a number."""
    path = written(tmp_path, ('account: "123456789012" ', "account: 012345670123 "))
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["account"] != 12345670123
    (line,) = problems(path)
    assert line.startswith(f"{at(path, 'account:')} account: ")
    assert line.endswith(
        'account: 012345670123 – YAML reads it as 1402433619; write "012345670123" in quotes, or 1402433619'
    )
    path.write_text(path.read_text(encoding="utf-8").replace("012345670123", "123456789012"), encoding="utf-8")
    (line,) = problems(path)
    assert '– write it in quotes ("012345670123")' in line


@pytest.mark.parametrize("account", ["12345678901", "1234567890123", "12345678901x", "١٢٣٤٥٦٧٨٩٠١٢", "１23456789012"])
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


def test_the_name_of_an_environment_is_no_way_to_write_lines_on_a_terminal(tmp_path):
    error = load_error(tmp_path / "lo\nVerified\x1b[2J.yaml")
    assert error.what.isprintable()
    assert "'lo\\nVerified\\x1b[2J'" in error.what


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


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        ("owner: platform", "owner: 2024-02-30", "tags.owner", 'a date; write "2024-02-30" in quotes'),
        ("owner: platform", "owner: yes", "tags.owner", 'true; write "yes" in quotes, or true'),
        ("owner: platform", "owner: 8.40", "tags.owner", '8.4; write "8.40" in quotes'),
        ("owner: platform", "owner: .inf", "tags.owner", 'inf; write ".inf" in quotes'),
        ("owner: platform", "owner: =", "tags.owner", 'its own value; write "=" in quotes'),
        ("volume_gb: 8", "volume_gb: 010", "compute.volume_gb", '8; write "010" in quotes, or 8'),
        ("volume_gb: 8", "volume_gb: 0x10", "compute.volume_gb", '16; write "0x10" in quotes, or 16'),
        ("volume_gb: 8", "volume_gb: 1:30", "compute.volume_gb", '90; write "1:30" in quotes, or 90'),
        ("volume_gb: 8", "volume_gb: 1_000", "compute.volume_gb", '1000; write "1_000" in quotes, or 1000'),
        ("volume_gb: 8", "volume_gb: +8", "compute.volume_gb", '8; write "+8" in quotes, or 8'),
        ("volume_gb: 8", "volume_gb: 0b1000", "compute.volume_gb", '8; write "0b1000" in quotes, or 8'),
        ("multi_az: false", "multi_az: No", "data.multi_az", 'false; write "No" in quotes, or false'),
        ("multi_az: false", "multi_az: off", "data.multi_az", 'false; write "off" in quotes, or false'),
        ('backup_window: "08:00-08:30" ', "backup_window: 08:00 ", "data.backup_window", ""),
    ],
)
def test_what_yaml_would_read_as_something_else_is_refused_at_its_line(tmp_path, old, new, field, why):
    """Never taken silently: 010 GB are not 8."""
    path = written(tmp_path, (old, new))
    text = new.partition(": ")[2].strip()
    (line,) = problems(path)
    assert line.startswith(f"{at(path, new)} {field}: ")
    if why:
        assert line.endswith(f" {field}: {text} – YAML reads it as {why}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nat: single ", 'nat: "single" '), ("nat: single ", "nat: 'single' "), ("multi_az: false", "multi_az: False"),
        ("image: null  ", "image: ~  "), ("image: null  ", "image:   "), ("owner: platform", "owner: 1.2.3"),
        ("owner: platform", "owner: yes and no"), ("owner: platform", "owner: a:b"),
    ],
)  # fmt: skip
def test_what_means_what_stands_there_is_taken(tmp_path, old, new):
    path = written(tmp_path, (old, new))
    assert load(path).model_dump(mode="json", exclude_unset=True) == yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("digits", [19, 5000, 50_000])
def test_an_enormous_number_is_refused_at_its_line(tmp_path, digits):
    path = written(tmp_path, ("volume_gb: 8", f"volume_gb: {'9' * digits}"))
    (line,) = problems(path)
    assert line.startswith(f"{at(path, 'volume_gb')} compute.volume_gb: 99999")
    assert line.endswith(f"– has {digits} characters; no number here is that long")
    assert len(line) < 500


@pytest.mark.parametrize(("key", "reading"), [("yes", "true"), ("1", "1"), ("~", "nothing"), ("2024-01-02", "a date")])
def test_a_key_that_yaml_would_read_as_no_text_is_refused(tmp_path, key, reading):
    path = written(tmp_path, ("tags: {project: webapp, owner: platform}", f"tags:\n  {key}: x"))
    assert problems(path) == [f"{path}:9 tags.{key}: – as a key, YAML reads it as {reading}; write it in quotes"]


BOMB = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]\n" for n in range(12))


@pytest.mark.parametrize(
    ("more", "line", "why"),
    [
        ("x: &x [*x]\n", 1, "the anchor &x is for aliases"),
        ("x: *y\n", 1, "the alias *y stands for another part; write the value itself"),
        (BOMB, 1, "the anchor &a0 is for aliases"),
        ("x: {<<: *y}\n", 1, "the alias *y stands"),
        ("x: !!python/object/apply:os.system [id]\n", 1, "the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("x: !!int '3'\n", 1, "the tag tag:yaml.org,2002:int changes the type of a value; remove it"),
        ("x:\n  ? [a]\n  : b\n", 2, "a key is a text, not a list or a mapping"),
        ("x:\n  " + "[" * 100, 2, "more than 20 levels deep"),
        ("x: " + "{a: " * 5_000 + "}" * 5_000, 1, "more than 20 levels deep"),
        ("".join(f"{'  ' * n}k:\n" for n in range(200)), 21, "more than 20 levels deep"),
        ("---\nx: 1\n", 1, "a second document begins here"),
    ],
)  # fmt: skip
def test_what_would_hang_or_crash_is_refused_at_its_line_at_once(tmp_path, more, line, why):
    path = written(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text + more, encoding="utf-8")
    began = time.monotonic()
    error = load_error(path)
    assert time.monotonic() - began < 10
    assert error.what.startswith(f"{path}:{len(text.splitlines()) + line} is not YAML for parameters: {why}")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "local.yaml"
    path.write_text(GOOD + "# more\n" * 100_000, encoding="utf-8")
    began = time.monotonic()
    assert load_error(path).what == f"{path} has more than 64 KiB."
    assert time.monotonic() - began < 10


@given(st.text(st.sampled_from("ab10:-_ \n[]{},&*!?|>'\"#%@=~.<yesno"), max_size=60))
def test_no_text_is_answered_with_a_traceback_or_taken_for_another_value(text):
    """What is read is what YAML reads, or it is refused."""
    try:
        document = Document(text)
    except Unreadable:
        return
    if not document.problems:
        assert document.values == yaml.safe_load(text)


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
        "parameter approval.required: 'perhaps' – write true or false",
        "parameter colour: – unknown key. Known here: account, adopt, alarms, app, approval, compute, controls,"
        " dashboard, data, deploy, endpoint, env, evidence, github, guards, network, permissions_boundary, region,"
        " tags",
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


@pytest.mark.parametrize("env", ["../params/local", "./local", "local\n", "*", ""])
def test_a_path_is_no_name_of_an_environment(env):
    """It would be read as an environment."""
    with pytest.raises(UnknownEnvironment, match="local"):
        params_file(PARAMS.parent, env)
    assert params_file(PARAMS.parent, "local") == PARAMS / "local.yaml"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85", "\u2028"])
def test_a_character_that_nobody_sees_is_refused_at_its_line(tmp_path, character):
    """YAML takes some of them for the end of a line, and would read a blank in their place."""
    path = tmp_path / "local.yaml"
    path.write_text(GOOD.replace("tags:", f"# qq{character}b\ntags:"), encoding="utf-8")
    (problem,) = problems(path)
    assert problem.startswith(f"{at(path, '# qq')} is not YAML for parameters: it has the character {character!a}")


@pytest.mark.parametrize(
    ("networks", "why"),
    [
        ("[203.0.113.0/024]", "write it as 203.0.113.0/24"),
        ("[203.0.113.0/255.255.255.0]", "write it as 203.0.113.0/24"),
        ("[203.0.113.0/24, 203.0.113.0/24]", "lists 203.0.113.0/24 twice"),
        ("[203.0.113.0]", "write a network in CIDR notation"),
    ],
)
def test_a_network_is_written_once_and_in_one_way(tmp_path, networks, why):
    """A rule is named after its network. One problem has one line, also where it is the only item of its list."""
    path = tmp_path / "local.yaml"
    path.write_text(re.sub(r"admin_cidrs: .*", f"admin_cidrs: {networks}", GOOD), encoding="utf-8")
    (problem,) = problems(path)
    assert why in problem


@pytest.mark.parametrize("path", ["/é", "/" + "a" * 1024, "healthz"])
def test_a_health_check_has_a_path_that_elastic_load_balancing_takes(tmp_path, path):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""
    (problem,) = problems(written(tmp_path, ("path: /healthz", f"path: {path}")))
    assert "write a path of at most 1024 characters" in problem


def test_a_value_that_is_missing_is_shown_as_yaml_writes_it(tmp_path):
    (problem,) = problems(written(tmp_path, ("instance_type: t4g.small", "instance_type: null")))
    assert "compute.instance_type: null – write a text, in quotes" in problem


@pytest.mark.parametrize("instance_type", ["m8g.metal-24xl", "c7gn.large", "hpc7g.4xlarge"])
def test_every_type_of_ec2_for_the_architecture_is_taken(tmp_path, instance_type):
    """https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html"""
    load(written(tmp_path, ("instance_type: t4g.small", f"instance_type: {instance_type}")))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("true", "True", "TRUE")), *((word, False) for word in ("false", "False", "FALSE")),
        *((word, None) for word in ("null", "Null", "NULL", "~", "")), ("0", 0), ("7", 7), ("-7", -7), ("10", 10),
        ("1" * 18, int("1" * 18)), ("0.5", 0.5), ("0.0", 0.0), ("-0.5", -0.5), ("-10.0", -10.0), ("0.05", 0.05),
        ("1.25", 1.25), ("123456789.12345678", 123456789.12345678), ("1e3", "1e3"), ("'yes'", "yes"), ('"007"', "007"),
        ("a b", "a b"),
    ],
)  # fmt: skip
def test_a_value_means_what_stands_there(text, value):
    document = Document(f"a: {text}\n")
    assert (document.values, document.problems, document.misread) == ({"a": value}, [], set())
    assert type(document.values["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yes", 'YAML reads it as true; write "yes" in quotes, or true'),
        ("On", 'YAML reads it as true; write "On" in quotes, or true'),
        ("off", 'YAML reads it as false; write "off" in quotes, or false'),
        ("007", 'YAML reads it as 7; write "007" in quotes, or 7'),
        ("+7", 'YAML reads it as 7; write "+7" in quotes, or 7'),
        ("-0", 'YAML reads it as 0; write "-0" in quotes, or 0'),
        ("1_000", 'YAML reads it as 1000; write "1_000" in quotes, or 1000'),
        ("0x1f", 'YAML reads it as 31; write "0x1f" in quotes, or 31'),
        ("1:30", 'YAML reads it as 90; write "1:30" in quotes, or 90'),
        ("1.50", 'YAML reads it as 1.5; write "1.50" in quotes'),
        ("1.", 'YAML reads it as 1.0; write "1." in quotes'),
        (".5", 'YAML reads it as 0.5; write ".5" in quotes'),
        (".inf", 'YAML reads it as inf; write ".inf" in quotes'),
        ("2026-01-01", 'YAML reads it as a date; write "2026-01-01" in quotes'),
        ("1" * 19, "has 19 characters; no number here is that long"),
    ],
)
def test_a_value_that_yaml_reads_as_another_is_told_and_kept_as_written(text, why):
    document = Document(f"a: {text}\n")
    assert document.values == {"a": text}
    assert document.misread == {("a",)}
    assert [problem.why for problem in document.problems] == [why]
