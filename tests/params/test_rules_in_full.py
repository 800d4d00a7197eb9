"""What each rule tells in full: the place, the value and the sentence; and what it passes over as wrong in itself."""

from ipaddress import IPv4Network

import pytest
import yaml

from runbook_lib.params.rules import Problem, find_problems
from tests.params.parameter_files import GOOD

RAW = yaml.safe_load(GOOD)


def found(**changes):
    return list(find_problems(RAW | changes))


def of_network(**changes):
    return found(network=RAW["network"] | changes)


def zones(**nets):
    """The subnets of zone a and b by their sides, e.g. ``a_public``."""
    made = {}
    for name, net in nets.items():
        letter, _, side = name.partition("_")
        made.setdefault(f"us-west-2{letter}", {})[side] = net
    return made


def subnet(letter, side):
    return "network", "zones", f"us-west-2{letter}", side


def test_the_file_of_the_rehearsal_has_no_problem():
    assert found() == []
    assert list(find_problems({})) == []


@pytest.mark.parametrize("section", ["network", "tags", "evidence", "guards", "compute", "data", "app", "alarms"])
@pytest.mark.parametrize("wrong", [None, [], ["x"], "x", 5])
def test_a_section_that_is_none_is_the_model_s_to_refuse(section, wrong):
    assert found(**{section: wrong}) == []


# Subnets.


@pytest.mark.parametrize("size", [15, 16, 28, 29])
def test_a_subnet_has_a_size_that_aws_allows(size):
    net, why = f"10.0.0.0/{size}", "AWS allows /16 to /28"
    problem = [] if 16 <= size <= 28 else [Problem(subnet("a", "public"), IPv4Network(net), why)]
    assert of_network(vpc_cidr=None, zones=zones(a_public=net)) == problem
    problem = [Problem(("network", "vpc_cidr"), IPv4Network(net), why)] if problem else []
    assert of_network(vpc_cidr=net, zones=None) == problem


def test_each_subnet_of_a_wrong_size_is_told_beside_the_vpc():
    nets = zones(a_public="10.0.0.0/29", a_private="10.1.0.0/17", b_public="10.0.0.8/30")
    assert [problem.at for problem in of_network(vpc_cidr="10.0.0.0/15", zones=nets)] == [
        ("network", "vpc_cidr"), subnet("a", "public"), subnet("b", "public")
    ]  # fmt: skip


def test_a_subnet_outside_the_vpc_and_one_that_overlaps_are_told_with_the_other_network():
    nets = zones(a_public="10.0.0.0/20", a_private="10.1.0.0/20", b_public="10.0.8.0/24", b_private="10.0.16.0/20")
    assert of_network(vpc_cidr="10.0.0.0/16", zones=nets) == [
        Problem(subnet("a", "private"), IPv4Network("10.1.0.0/20"), "lies outside vpc_cidr 10.0.0.0/16"),
        Problem(
            subnet("b", "public"),
            IPv4Network("10.0.8.0/24"),
            "overlaps with 10.0.0.0/20; subnets of a VPC must not overlap",
        ),
    ]


@pytest.mark.parametrize("wrong", [None, 5, True, ["/"], "10.0.0.0", "10.0.0.0/33", "10.0.0.1/16", "/", "x/16"])
def test_what_is_no_network_hides_no_problem_of_the_others(wrong):
    overlap = zones(a_public="10.0.0.0/24", a_private=wrong, b_public="10.0.0.0/24")
    why = "overlaps with 10.0.0.0/24; subnets of a VPC must not overlap"
    assert of_network(vpc_cidr=wrong, zones=overlap) == [
        Problem(subnet("b", "public"), IPv4Network("10.0.0.0/24"), why)
    ]


@pytest.mark.parametrize("wrong", [None, 5, "x", ["public"]])
def test_what_is_no_zone_hides_no_problem_of_the_others(wrong):
    nets = {"us-west-2b": wrong, **zones(a_public="10.0.0.0/29")}
    assert [problem.at for problem in of_network(zones=nets, vpc_cidr=None)] == [subnet("a", "public")]
    assert of_network(zones=wrong) == []


@pytest.mark.parametrize(
    ("region", "zone", "allowed"),
    [
        ("us-west-2", "us-west-2e", "us-west-2a, us-west-2b, us-west-2c, us-west-2d"),
        ("us-west-2", "us-west-2", "us-west-2a, us-west-2b, us-west-2c, us-west-2d"),
        ("us-west-2", "us-west-1a", "us-west-2a, us-west-2b, us-west-2c, us-west-2d"),
        ("us-west-2", "", "us-west-2a, us-west-2b, us-west-2c, us-west-2d"),
        ("us-west-2", 5, "us-west-2a, us-west-2b, us-west-2c, us-west-2d"),
        ("ca-central-1", "ca-central-1c", "ca-central-1a, ca-central-1b, ca-central-1d"),
        ("eu-south-9", "eu-south-9X", ", ".join(f"eu-south-9{letter}" for letter in "abcdef")),
    ],
)
def test_a_zone_that_the_region_has_not_is_told_with_those_that_it_has(region, zone, allowed):
    network = RAW["network"] | {"zones": {f"{region}a": {}, zone: {}}}
    why = f"not a zone of {region}; allowed: {allowed}"
    assert found(region=region, network=network) == [Problem(("network", "zones", zone), zone, why)]
    assert found(region=5, network=network) == found(region=None, network=network) == []


@pytest.mark.parametrize(
    ("region", "letters"),
    [
        ("us-east-1", "abcdef"), ("us-east-2", "abc"), ("us-west-1", "abc"), ("us-west-2", "abcd"),
        ("ca-central-1", "abd"), ("eu-west-1", "abc"), ("eu-west-2", "abc"), ("eu-central-1", "abc"),
        ("eu-north-1", "abc"), ("ap-southeast-1", "abc"), ("ap-southeast-2", "abc"), ("ap-northeast-1", "acd"),
    ],
)  # fmt: skip
def test_the_zones_that_a_new_account_has(region, letters):
    network = RAW["network"] | {"zones": {f"{region}z": {}}}
    allowed = ", ".join(f"{region}{letter}" for letter in letters)
    assert [problem.why for problem in found(region=region, network=network)] == [
        f"not a zone of {region}; allowed: {allowed}"
    ]


# Names.


def test_a_name_that_is_too_long_is_told_with_the_environment():
    env = "x" * 29
    assert found(env=env) == [
        Problem(("env",), env, f"makes the {kind} name {env}-web, 33 characters; AWS allows 32")
        for kind in ("load balancer", "target group")
    ]


def test_a_reserved_beginning_is_told_with_the_environment():
    why = "makes the security group name sg-bastion; AWS reserves names that begin with sg-"
    assert found(env="sg") == [Problem(("env",), "sg", why)]


@pytest.mark.parametrize("wrong", [{"account": None}, {"account": 10**40}, {"region": None}, {"region": [50 * "x"]}])
def test_names_with_a_wrong_account_or_region_are_passed_over_and_the_others_told(wrong):
    """The bucket's name has both; the cache's, further down in the table, has none of them."""
    told = [problem.why.split(" name")[0] for problem in found(env="x" * 32, network=None, **wrong)]
    assert told == ["makes the load balancer", "makes the target group", "makes the cache replication group"]
    without = {key: value for key, value in (RAW | {"env": "x" * 32, "network": None}).items() if key not in wrong}
    assert [problem.why.split(" name")[0] for problem in find_problems(without)] == told


# Tags.


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "a tag's key has 1 to 127 characters"),
        ("x" * 128, "a tag's key has 1 to 127 characters"),
        ("Name", "this runbook sets that tag itself"),
        ("runbook:env", "this runbook sets that tag itself"),
        ("Runbook:Anything", "this runbook sets that tag itself"),
        ("a,b", "has ','; IAM and RDS take letters, digits, spaces and _ . : / = + - @ in tags"),
        ("aws:x", "AWS reserves aws: and rds: at the beginning"),
        ("Owner", "differs only in case from owner, for IAM the same"),
        ("PROJECT", "differs only in case from project, for IAM the same"),
    ],
)
def test_a_key_that_some_service_refuses_is_told_without_its_value(key, why):
    assert found(tags={key: "x"}) == [Problem(("tags", key), None, why)]


@pytest.mark.parametrize("key", ["x", "x" * 127, "name", "Names", "runbook", "owner", 5, None])
def test_a_key_that_each_service_takes_is_accepted(key):
    """One that is no text is the model's to refuse."""
    assert found(tags={key: "x"}) == []


def test_of_two_keys_that_differ_in_case_the_second_is_told():
    """Also when the first has another problem."""
    why = "differs only in case from CostCenter, for IAM the same"
    assert found(tags={"CostCenter": "x", "costcenter": "y", "Other": "z"}) == [
        Problem(("tags", "costcenter"), None, why)
    ]
    assert [problem.at[1] for problem in found(tags={"A,": "x", "a,": "y"})] == ["A,", "a,"]


@pytest.mark.parametrize("count", [39, 40, 41])
def test_there_are_at_most_forty_tags(count):
    why = "too many; AWS allows 50 for a resource, and 10 are ours"
    tags = {f"t{number}": "x" for number in range(count)}
    assert found(tags=tags) == ([Problem(("tags",), 41, why)] if count == 41 else [])


# What is of the environment's account and region.


def arn(service="x", region="us-west-2", account="123456789012", rest="a/b"):
    return f"arn:aws:{service}:{region}:{account}:{rest}"


PLACES = [("evidence", "kms_key"), ("compute", "certificate", "arn"), ("alarms", "topic"), ("app", "secrets", "A")]


def at(place, value):
    for part in reversed(place):
        value = {part: value}
    return value


@pytest.mark.parametrize("place", PLACES)
def test_what_is_of_another_region_is_told_at_its_place(place):
    there = arn("secretsmanager", "eu-west-1", rest="secret:x")
    why = "is not in us-west-2, where this environment is"
    assert found(**at(place, there)) == [Problem(place, there, why)]
    assert found(**at(place, arn("secretsmanager", rest="secret:x"))) == []


@pytest.mark.parametrize("place", PLACES[:3])
@pytest.mark.parametrize(
    "value", [None, 5, "", "x", "arn:aws:kms:eu-west-1:1", "urn:aws:kms:eu-west-1:123456789012:x", arn(region="")]
)
def test_what_is_no_arn_or_of_no_region_is_passed_over(place, value):
    assert found(**at(place, value)) == []


def test_only_a_certificate_is_of_our_account():
    other = arn(account="999999999999")
    why = "is of account 999999999999, not of 123456789012, where this environment is"
    place = PLACES[1]
    assert found(**at(place, other)) == [Problem(place, other, why)]
    assert found(**at(place, arn(account=""))) == found(**at(PLACES[0], other)) == []


@pytest.mark.parametrize(
    ("store", "guards", "refused"),
    [
        ("bucket", {"keep_bucket": False}, True),
        ("bucket", {"keep_bucket": True}, False),
        ("bucket", {"keep_bucket": None}, False),
        ("bucket", {}, False),
        ("bucket", None, False),
        ("bucket", [], False),
        ("local", {"keep_bucket": False}, False),
    ],
)
def test_evidence_is_stored_in_a_bucket_that_is_kept(store, guards, refused):
    why = "needs guards.keep_bucket: true; otherwise it would be deleted with the bucket"
    problem = [Problem(("evidence", "store"), "bucket", why)] if refused else []
    assert found(evidence={"store": store}, guards=guards) == problem


# The application.


def test_each_wrong_entry_of_the_application_is_told_at_its_own_line_without_its_value():
    settings = {5: "x", "FIRST": 5, "PORT": "80", "FINE": "a", "NUL": "a\0b"}
    secrets = {"A": None, "B": "two words", "HOME": arn("secretsmanager", "eu-west-1"), "FINE": "prod/x"}
    taken = "is set by the runbook; take another name"
    no_name = (
        "is no name: write the ARN or name of a secret in Secrets Manager, or the name of a SecureString beginning"
        " with /; never the secret itself"
    )
    assert found(app={"environment": settings, "secrets": secrets}) == [
        Problem(("app", "environment", "PORT"), None, taken),
        Problem(("app", "environment", "NUL"), None, "holds a NUL character, which no process can get"),
        Problem(("app", "secrets", "B"), None, no_name),
        Problem(("app", "secrets", "HOME"), None, taken),
    ]


def test_a_setting_may_name_what_is_in_another_region():
    assert found(app={"environment": {"TOPIC": arn("sns", "eu-west-1")}, "secrets": None}) == []
    assert found(app={"environment": [], "secrets": ["A"]}) == []


# Machines, sizes and windows.


@pytest.mark.parametrize(
    ("compute", "fields"),
    [
        ({"instance_type": "t3.small", "bastion_type": "t3.nano"}, ["instance_type", "bastion_type"]),
        ({"instance_type": "t3.small", "architecture": "x86_64", "bastion_type": "t4g.nano"}, ["bastion_type"]),
        ({"instance_type": "t3small", "bastion_type": 5}, []),
        ({"instance_type": "t3.small", "bastion_type": "t4g.nano", "architecture": "mips"}, []),
        ({"instance_type": "t4g.small", "architecture": None}, []),
        ({"instance_type": "hpc7g.large", "bastion_type": "x2gd.large"}, []),
        ({"instance_type": "g.large"}, ["instance_type"]),
        ({"instance_type": "t3.large.g"}, ["instance_type"]),
    ],
)
def test_a_machine_of_another_architecture_is_told_with_its_type(compute, fields):
    """Without an architecture it is arm64."""
    why = f"is not of architecture {compute.get('architecture', 'arm64')}"
    assert found(compute=compute) == [Problem(("compute", field), compute[field], why) for field in fields]


def test_sizes_and_ways_out_are_looked_at_as_well():
    compute, network = RAW["compute"], RAW["network"]
    scaling = {"metric": "cpu", "target": 50, "minimum": 1}
    why = "is less than one server in each of the 2 zones"
    assert found(compute=compute | {"scaling": scaling}) == [Problem(("compute", "scaling", "minimum"), 1, why)]
    why = "leaves no way to GitHub, which deploy.source: github needs"
    assert found(network=network | {"nat": "none"}, deploy={"source": "github"}) == [
        Problem(("network", "nat"), "none", why)
    ]


@pytest.mark.parametrize(
    ("backup", "maintenance", "field", "why"),
    [
        ("08:00-08:29", "sun:09:00-sun:09:30", "backup_window", "too short; RDS requires at least 30 minutes"),
        ("08:00-08:30", "sun:09:00-sun:09:29", "maintenance_window", "too short; RDS requires at least 30 minutes"),
        ("08:00-08:30", "sun:06:00-sun:08:01", "maintenance_window", "overlaps with backup_window"),
        ("08:00-08:30", "tue:06:00-wed:04:00", "maintenance_window", "overlaps with backup_window"),
        ("08:00-08:30", "sun:08:30-sun:10:30", "", ""),
        ("08:00-10:00", "sun:06:00-sun:08:00", "", ""),
        ("23:00-00:30", "sun:00:30-sun:04:00", "", ""),
    ],
)
def test_a_wrong_window_is_told_with_its_text(backup, maintenance, field, why):
    windows = {"backup_window": backup, "maintenance_window": maintenance}
    why += "; RDS does not allow that" if why.startswith("overlaps") else ""
    assert found(data=windows) == ([Problem(("data", field), windows[field], why)] if field else [])


@pytest.mark.parametrize("day", ["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
def test_a_window_may_begin_on_any_day(day):
    assert [problem.at for problem in found(data={"maintenance_window": f"{day}:08:00-{day}:08:30"})] == [
        ("data", "maintenance_window")
    ]


def test_a_window_that_lasts_until_another_day_is_as_long_as_the_days_between():
    """Of a week's order: one from sunday to monday is short, one from monday to sunday covers every hour."""
    for window, problems in (("sun:23:00-mon:01:00", 0), ("mon:01:00-sun:23:00", 1), ("wed:09:00-thu:07:00", 0)):
        assert len(found(data={"maintenance_window": window})) == problems
