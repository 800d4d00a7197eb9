"""What parameters have to be together: subnets that fit, names that AWS takes, windows that it accepts."""

from dataclasses import replace
from ipaddress import IPv4Network
from types import SimpleNamespace

import botocore.session
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.aws.client import Aws
from runbook_lib.params import Params
from runbook_lib.params.rules import NAMES, ZONES, Problem, find_problems
from runbook_lib.resources.base import Observed, snake
from runbook_lib.resources.bucket import Bucket
from runbook_lib.resources.db_instance import DbInstance
from runbook_lib.resources.secret import KeptSecret
from runbook_lib.stacks.environment import stacks
from tests.params.parameter_files import GOOD

RAW = yaml.safe_load(GOOD)


def told(raw):
    return [(".".join(map(str, problem.at)), problem.why) for problem in find_problems(raw)]


def of_network(**changes):
    return told(RAW | {"network": RAW["network"] | changes})


# Subnets.


@st.composite
def carved(draw):
    """A VPC, and a layout that somebody has carved out of it: halves of halves, some of them taken."""
    length = draw(st.integers(16, 24))
    vpc = IPv4Network((draw(st.integers(0, 2**length - 1)) << (32 - length), length))
    pieces = [vpc]
    for _ in range(draw(st.integers(3, 12))):
        cut = draw(st.sampled_from([p for p in pieces if p.prefixlen < 28]))
        pieces.remove(cut)
        pieces.extend(cut.subnets())
    return vpc, draw(st.permutations(pieces))


def layout(vpc, nets):
    """Parameters with these subnets, two to a zone."""
    pairs = zip(nets[::2], nets[1::2], strict=False)
    zones = {
        f"us-west-2{letter}": {"public": str(public), "private": str(private)}
        for letter, (public, private) in zip("abcd", pairs, strict=False)
    }
    return {"vpc_cidr": str(vpc), "zones": zones}


@given(carved())
def test_subnets_carved_out_of_the_vpc_are_accepted(found):
    """Whoever plans addresses is never refused a layout that AWS would take."""
    vpc, nets = found
    wanted = layout(vpc, nets)
    assert of_network(**wanted) == []
    Params.model_validate(RAW | {"network": RAW["network"] | wanted})


@given(carved(), st.data())
def test_an_overlap_is_refused_wherever_it_is(found, data):
    """Also of one with itself, and of one that contains another; both are named."""
    vpc, nets = found
    wanted = layout(vpc, nets)
    places = [(zone, side) for zone, sides in wanted["zones"].items() for side in sides]
    first, second = data.draw(st.permutations(places))[:2]
    one = IPv4Network(wanted["zones"][first[0]][first[1]])
    smaller = [one, *(one.subnets() if one.prefixlen < 28 else ())]
    larger = [one.supernet()] if one.prefixlen > vpc.prefixlen else []
    two = data.draw(st.sampled_from([*smaller, *larger]))
    wanted["zones"][second[0]][second[1]] = str(two)
    overlaps = [(at, why) for at, why in of_network(**wanted) if "overlaps" in why]
    pair = {f"network.zones.{zone}.{side}" for zone, side in (first, second)}
    assert any(
        at in pair and (f"overlaps with {one};" in why or f"overlaps with {two};" in why) for at, why in overlaps
    )


@given(carved(), st.data())
def test_a_subnet_outside_the_vpc_is_refused(found, data):
    vpc, nets = found
    wanted = layout(vpc, nets)
    zone = data.draw(st.sampled_from(sorted(wanted["zones"])))
    inside = IPv4Network(wanted["zones"][zone]["public"])
    moved = IPv4Network((int(inside.network_address) ^ (1 << (32 - vpc.prefixlen)), inside.prefixlen))
    wanted["zones"][zone]["public"] = str(moved)
    assert of_network(**wanted) == [(f"network.zones.{zone}.public", f"lies outside vpc_cidr {vpc}")]


@given(st.integers(0, 32))
def test_a_vpc_is_of_a_size_that_aws_has(length):
    why = {at: why for at, why in of_network(vpc_cidr=f"0.0.0.0/{length}", zones={})}
    assert why == ({} if 16 <= length <= 28 else {"network.vpc_cidr": "AWS allows /16 to /28"})


@pytest.mark.parametrize("region", sorted(ZONES))
def test_a_zone_is_one_that_the_region_has(region):
    for letter in "abcdef":
        zones = {f"{region}{letter}": {}}
        found = [at for at, _ in told(RAW | {"region": region, "network": RAW["network"] | {"zones": zones}})]
        assert found == ([] if letter in ZONES[region] else [f"network.zones.{region}{letter}"])


def test_a_region_that_is_not_in_the_table_is_not_refused():
    """AWS opens regions faster than a table follows."""
    zones = dict(zip(("eu-south-9a", "eu-south-9b"), RAW["network"]["zones"].values(), strict=True))
    assert told(RAW | {"region": "eu-south-9", "network": RAW["network"] | {"zones": zones}}) == []


# Names.


def params(**changes):
    return Params.model_validate(RAW | changes)


CPU = {"metric": "cpu", "target": 50}
GITHUB = {"repository": "example/web", "environments": ["prod"]}


def everything():
    """The resources of an environment that has all there is."""
    data = RAW["data"] | {"log_exports": ["audit", "error", "general", "slowquery"], "monitoring_seconds": 60}
    data |= {"sessions": {"store": "elasticache"}}
    yield from (resource for stack in stacks(params(data=data)) for resource in stack)
    certificate = {"domain": "www.example.com", "hosted_zone": "Z0123456789EXAMPLE"}
    day = {"name": 60 * "x", "recurrence": "0 7 * * *", "minimum": 2, "maximum": 4}
    compute = RAW["compute"] | {"certificate": certificate, "scaling": CPU, "schedules": [day]}
    topic = {"topic": "arn:aws:sns:us-west-2:123456789012:alerts"}
    wanted = params(compute=compute, github=GITHUB, alarms=topic, dashboard=True)
    yield from (resource for stack in stacks(wanted) for resource in stack)


def really_called(aws, resource):
    """The kind of a name as the table knows it, and the name that AWS gets."""
    if isinstance(resource, KeptSecret):
        return "secret", resource.aws_name(aws)
    return snake(type(resource).__name__), resource.aws_name(aws)


# AWS names these itself, or knows them by what they belong to (the access to a secret is a role policy);
# "Name" is only a tag of theirs.
NAMELESS = {
    "alias_record", "default_security_group", "elastic_ip", "flow_log", "hosted_zone", "imported_certificate",
    "instance", "instance_refresh", "internet_gateway", "listener", "machine_image",
    "master_secret_access", "nat_gateway",
    "open_id_connect_provider", "redirect_listener", "release", "requested_certificate", "route", "route_table",
    "route_table_association",
    "security_group_rule", "service_linked_role", "stored_bundle", "subnet", "validation_record", "vpc", "vpc_endpoint",
    "vpc_endpoint_route", "topic",
}  # fmt: skip


def test_the_table_of_names_says_what_things_are_really_called():
    """Of each kind the longest: a name is refused here if, and only if, AWS would refuse one of ours."""
    aws = Aws(env=RAW["env"], region=RAW["region"], account=RAW["account"])
    longest = {}
    for kind, name in (really_called(aws, resource) for resource in everything()):
        if kind not in NAMELESS:
            longest.setdefault(kind, set()).add(name)
    table = {kind: allowed.pattern.format(**RAW) for kind, allowed in NAMES.items() if kind != "final_snapshot"}
    assert set(longest) == set(table)
    for kind, name in table.items():
        assert name in longest[kind]
        assert len(name) == max(map(len, longest[kind])), f"{kind}: {sorted(longest[kind])}"


def test_a_kind_without_a_name_of_its_own_has_no_limit():
    """The longest tag that a thing gets fits for any name that the load balancer's limit lets through."""
    longest = NAMES["load_balancer"].max_length - len("-web")
    names = [f"{'x' * longest}-{resource.name}" for resource in everything()]
    assert max(map(len, names)) <= 256


def test_the_final_snapshot_is_called_as_the_table_says():
    """Its name is made when the database goes, which is too late to find that it is too long."""
    database = next(r for r in everything() if isinstance(r, DbInstance))
    pattern, sent = NAMES["final_snapshot"].pattern, []
    seen = Observed("prod-database", {}, detail={"resource_id": pattern.rpartition("-final-")[2].upper()})
    aws = SimpleNamespace(rds=SimpleNamespace(delete_db_instance=lambda **request: sent.append(request)))
    replace(database, final_snapshot=True).delete(aws, {}, seen)
    assert [request["FinalDBSnapshotIdentifier"] for request in sent] == [pattern.format(env="prod")]


@pytest.mark.parametrize("kind", sorted(NAMES))
def test_a_name_is_refused_when_it_is_longer_than_aws_takes(kind):
    """The last that fits is taken; with one letter more it is told which name is too long, and by how much."""
    pattern, most = NAMES[kind].pattern, NAMES[kind].max_length
    room = most - len(pattern.format(**RAW | {"env": ""}))
    assert why_of(kind, "x" * room) == []
    name = pattern.format(**RAW | {"env": "x" * (room + 1)})
    assert why_of(kind, "x" * (room + 1)) == [
        f"makes the {kind.replace('_', ' ')} name {name}, {most + 1} characters; AWS allows {most}"
    ]


IN_THE_MODEL = {
    "role": ("iam", "CreateRole", "RoleName"),
    "federated_role": ("iam", "CreateRole", "RoleName"),
    "role_policy": ("iam", "PutRolePolicy", "PolicyName"),
    "instance_profile": ("iam", "CreateInstanceProfile", "InstanceProfileName"),
    "application": ("codedeploy", "CreateApplication", "applicationName"),
    "deployment_group": ("codedeploy", "CreateDeploymentGroup", "deploymentGroupName"),
    "auto_scaling_group": ("autoscaling", "CreateAutoScalingGroup", "AutoScalingGroupName"),
    "scaling_policy": ("autoscaling", "PutScalingPolicy", "PolicyName"),
    "scheduled_action": ("autoscaling", "PutScheduledUpdateGroupAction", "ScheduledActionName"),
    "log_group": ("logs", "CreateLogGroup", "logGroupName"),
    "secret": ("secretsmanager", "CreateSecret", "Name"),
    "alarm": ("cloudwatch", "PutMetricAlarm", "AlarmName"),
}
IN_THE_DOCUMENTATION = {
    "load_balancer": 32, "target_group": 32, "bucket": 63, "db_instance": 63, "final_snapshot": 255,
    "db_subnet_group": 255, "db_parameter_group": 255, "cache_replication_group": 40, "cache_subnet_group": 255,
    "launch_template": 128, "key_pair": 255, "security_group": 255, "dashboard": 255, "configuration_parameter": 960,
}  # fmt: skip
"""The calls' models do not say it; of a parameter's 1011 with its ARN the longest region leaves as many."""


def test_aws_takes_names_of_that_length():
    session = botocore.session.get_session()
    said = {
        kind: session.get_service_model(service).operation_model(operation).input_shape.members[member].metadata["max"]
        for kind, (service, operation, member) in IN_THE_MODEL.items()
    }
    assert {kind: allowed.max_length for kind, allowed in NAMES.items()} == said | IN_THE_DOCUMENTATION


def why_of(kind, env):
    found = told(RAW | {"env": env})
    assert {at for at, _ in found} <= {"env"}
    return [why for _, why in found if why.startswith(f"makes the {kind.replace('_', ' ')} name ")]


@pytest.mark.parametrize(
    ("env", "kind", "name"),
    [
        ("internal", "load balancer", "internal-web"),
        ("internal-eu", "load balancer", "internal-eu-web"),
        ("sthree", "bucket", "sthree-runbook-123456789012-us-west-2"),
        ("amzn-s3-demo", "bucket", "amzn-s3-demo-runbook-123456789012-us-west-2"),
        ("sg", "security group", "sg-bastion"),
        ("aws", "configuration parameter", "/aws/web/config"),
        ("awsdev", "configuration parameter", "/awsdev/web/config"),
        ("ssm-test", "configuration parameter", "/ssm-test/web/config"),
    ],
)
def test_a_name_with_a_beginning_that_aws_keeps_for_itself_is_refused(env, kind, name):
    (problem,) = told(RAW | {"env": env})
    assert problem[0] == "env"
    assert problem[1].startswith(f"makes the {kind} name {name}; AWS reserves names that begin with ")


@pytest.mark.parametrize("env", ["internals", "internet", "three", "amzn", "sgp", "aw", "prod-aws", "my-internal"])
def test_a_name_that_only_resembles_a_reserved_one_is_taken(env):
    assert told(RAW | {"env": env}) == []


@pytest.mark.parametrize("wrong", [{"account": 123456789012}, {"region": None}, {"account": None, "region": 7}])
def test_a_wrong_account_or_region_hides_no_name_that_is_too_long(wrong):
    found = told(RAW | {"env": "x" * 30, "network": None} | wrong)
    assert [why.split(" name")[0] for _, why in found] == ["makes the load balancer", "makes the target group"]


def test_the_longest_region_has_the_shortest_names():
    """What fits in one region may not in another: S3 has both in a bucket's name."""
    network = {"network": None, "env": "x" * 28}
    assert told(RAW | network) == []
    assert [why.split(",")[0].split()[2] for _, why in told(RAW | network | {"region": "ap-southeast-1"})] == ["bucket"]


def test_an_environment_that_is_no_text_is_passed_over():
    assert told(RAW | {"env": 5}) == []


def test_buckets_are_told_apart_by_account_and_region():
    """All of AWS shares their names."""
    names = {
        Bucket(name="runbook").aws_name(Aws(env="dev", account=account, region=region))
        for account in ("111122223333", "222233334444")
        for region in ("us-west-2", "us-east-1")
    }
    assert len(names) == 4


# Machines and windows.


@pytest.mark.parametrize(
    ("kind", "architecture", "fits"),
    [
        ("t4g.small", "arm64", True),
        ("m7gd.large", "arm64", True),
        ("c6gn.xlarge", "arm64", True),
        ("a1.large", "arm64", True),
        ("a1.large", "x86_64", False),
        ("t3.small", "arm64", False),
        ("g5.xlarge", "arm64", False),
        ("t3.small", "x86_64", True),
        ("m7i.large", "x86_64", True),
        ("g4dn.xlarge", "x86_64", True),
        ("t4g.small", "x86_64", False),
    ],
)
@pytest.mark.parametrize("field", ["instance_type", "bastion_type"])
def test_a_machine_has_the_architecture_of_its_image(field, kind, architecture, fits):
    other = {"arm64": "t4g.small", "x86_64": "t3.small"}[architecture]
    types = {"instance_type": other, "bastion_type": other} | {field: kind}
    found = told(RAW | {"compute": RAW["compute"] | types | {"architecture": architecture}})
    assert found == ([] if fits else [(f"compute.{field}", f"is not of architecture {architecture}")])


def of_windows(**windows):
    return told(RAW | {"data": windows})


@pytest.mark.parametrize(
    ("backup", "maintenance", "meet"),
    [
        ("08:00-08:30", "sun:08:30-sun:09:00", False),
        ("08:00-08:30", "sun:08:29-sun:08:59", True),
        ("08:00-08:30", "wed:07:31-wed:08:01", True),
        ("08:00-08:30", "wed:07:30-wed:08:00", False),
        ("23:45-00:15", "mon:00:00-mon:00:30", True),
        ("23:45-00:15", "mon:00:15-mon:00:45", False),
        ("00:00-00:30", "sun:23:45-mon:00:15", True),
        ("12:00-12:30", "sun:22:00-tue:02:00", True),
    ],
)
def test_backups_and_maintenance_have_hours_of_their_own(backup, maintenance, meet):
    """Backups are made every day, so the day of maintenance is of no help."""
    why = "overlaps with backup_window; RDS does not allow that"
    found = of_windows(backup_window=backup, maintenance_window=maintenance)
    assert found == ([("data.maintenance_window", why)] if meet else [])


def test_a_window_that_is_not_given_is_the_default():
    assert [at for at, _ in of_windows(backup_window="09:00-09:30")] == ["data.maintenance_window"]
    assert [at for at, _ in of_windows(maintenance_window="tue:08:15-tue:08:45")] == ["data.maintenance_window"]
    assert of_windows() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("backup_window", "08:00-08:29"),
        ("backup_window", "08:00-08:00"),
        ("maintenance_window", "sun:23:50-mon:00:19"),
        ("maintenance_window", "sun:09:00-sun:09:00"),
    ],
)
def test_a_window_is_half_an_hour_at_least(field, value):
    assert of_windows(**{field: value}) == [(f"data.{field}", "too short; RDS requires at least 30 minutes")]


@pytest.mark.parametrize("value", [None, 8, "", "always", "08:00", "xyz:08:00-xyz:09:00", "8-9"])
def test_a_window_that_is_none_is_the_models_to_refuse(value):
    assert of_windows(backup_window=value) == of_windows(maintenance_window=value) == []


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*RAW["network"], *RAW["data"], "us-west-2a", "public"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_stands_in_the_file_is_told_and_never_a_traceback(anything):
    for section in ("network", "data", "compute", "env", "region"):
        assert all(isinstance(problem, Problem) for problem in find_problems(RAW | {section: anything}))


# Evidence.


def test_what_is_to_last_lies_in_no_bucket_that_goes():
    stored = {"evidence": {"store": "bucket"}}
    assert told(RAW | stored | {"guards": {"keep_bucket": False}}) == [
        ("evidence.store", "needs guards.keep_bucket: true; otherwise it would be deleted with the bucket")
    ]
    assert told(RAW | stored | {"guards": {"keep_bucket": True}}) == told(RAW | stored | {"guards": {}}) == []


def of_certificate(arn):
    return told(RAW | {"compute": {"certificate": {"arn": arn}}})


def test_a_certificate_is_of_the_environments_region_and_account():
    """A load balancer says of any other that it does not exist, after everything else was created."""
    arn = "arn:aws:acm:{}:{}:certificate/0a1b"
    assert of_certificate(arn.format("us-west-2", RAW["account"])) == []
    assert of_certificate(arn.format("us-east-1", RAW["account"])) == [
        ("compute.certificate.arn", "is not in us-west-2, where this environment is")
    ]
    assert of_certificate(arn.format("us-west-2", "999999999999")) == [
        ("compute.certificate.arn", "is of account 999999999999, not of 123456789012, where this environment is")
    ]


def test_a_key_is_asked_where_the_environment_is():
    key = "arn:aws:kms:{}:123456789012:key/0a1b"
    assert told(RAW | {"evidence": {"kms_key": key.format("eu-west-1")}}) == [
        ("evidence.kms_key", "is not in us-west-2, where this environment is")
    ]
    assert told(RAW | {"evidence": {"kms_key": key.format("us-west-2")}}) == []
