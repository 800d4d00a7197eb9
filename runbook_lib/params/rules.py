"""Rules for several parameters together; checked on the raw file, so that all problems are reported at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations
from string import ascii_lowercase, digits
from typing import Any

from .app import reference_problem, setting_problem
from .fields import check_tag
from .model import Data, Tags
from .problem import Problem, Raw
from .sizes import size_problems, way_out_problems


@dataclass(frozen=True)
class Name:
    """The longest name of a kind, and what AWS allows.

    Args:
        pattern: The name, with ``{env}``, ``{account}`` and ``{region}``.
        max_length: The number of characters that AWS allows.
        reserved: Prefixes that AWS reserves.
    """

    pattern: str
    max_length: int
    reserved: tuple[str, ...] = ()


# By kind; the other names of a kind are shorter.  RDS rejects two hyphens in a row and one at the end,
# which ``env`` cannot have.  Each limit is documented with the call that creates the resource:
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html
# https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
# https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
# https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
NAMES = {
    "load_balancer": Name("{env}-web", 32, ("internal-",)),
    "target_group": Name("{env}-web", 32),
    "bucket": Name("{env}-runbook-{account}-{region}", 63, ("sthree-", "amzn-s3-demo-")),
    "db_instance": Name("{env}-database", 63),
    "final_snapshot": Name("{env}-database-final-db-abcdefghijklmnopqrstuvwxyz", 255),
    "db_subnet_group": Name("{env}-private", 255),
    "db_parameter_group": Name("{env}-mysql", 255),
    "cache_replication_group": Name("{env}-sessions", 40),
    "cache_subnet_group": Name("{env}-private", 255),
    "role": Name("{env}-monitoring", 64),
    "federated_role": Name("{env}-github-deploy", 64),
    "role_policy": Name("{env}-github-look-secretsmanager", 128),
    "instance_profile": Name("{env}-bastion", 128),
    "application": Name("{env}-web", 100),
    "deployment_group": Name("{env}-web", 100),
    "launch_template": Name("{env}-web", 128),
    "auto_scaling_group": Name("{env}-web", 255),
    "key_pair": Name("{env}-bastion", 255),
    "security_group": Name("{env}-bastion", 255, ("sg-",)),
    "log_group": Name("/aws/rds/instance/{env}-database/slowquery", 512),
    "secret": Name("{env}/bastion-ssh-key", 512),
    "alarm": Name("{env}-nat-{region}a-packets-dropped", 255),
    "dashboard": Name("{env}-overview", 255),
    "scaling_policy": Name("{env}-web", 255),
    "scheduled_action": Name("{env}-" + 60 * "x", 255),
    "configuration_parameter": Name("/{env}/web/config", 960, ("/aws", "/ssm")),  # 1011 with its ARN
}

# The zones of a new account; https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
ZONES = {
    "us-east-1": "abcdef",
    "us-east-2": "abc",
    "us-west-1": "abc",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-central-1": "abc",
    "eu-north-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
    "ap-northeast-1": "acd",
}

_MAX_TAGS = 40
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def find_problems(raw: Raw) -> Iterator[Problem]:
    """Yield the problems between fields; fields that are wrong in themselves are skipped."""
    network = raw.get("network")
    if isinstance(network, Mapping):
        yield from _sizes(network)
        yield from _outside_vpc(network)
        yield from _overlaps(network)
        yield from _zones(network, raw.get("region"))
    yield from _names(raw)
    yield from _tag_keys(raw.get("tags"))
    yield from _evidence(raw)
    yield from _certificate(raw)
    yield from _architecture(raw.get("compute"))
    yield from _windows(raw.get("data"))
    yield from _application(raw)
    yield from size_problems(raw)
    yield from way_out_problems(raw)
    if isinstance(alarms := raw.get("alarms"), Mapping):
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
        yield from _place(raw, ("alarms", "topic"), alarms.get("topic"))


def _subnets(network: Raw) -> dict[tuple[Any, ...], IPv4Network]:
    zones = network.get("zones")
    networks = {
        ("network", "zones", zone, side): _parsed(value)
        for zone, sides in (zones.items() if isinstance(zones, Mapping) else ())
        for side, value in (sides.items() if isinstance(sides, Mapping) else ())
    }
    return {place: net for place, net in networks.items() if net}


def _parsed(value: Any) -> IPv4Network | None:
    try:
        return IPv4Network(value) if isinstance(value, str) and "/" in value else None
    except ValueError:
        return None


def _sizes(network: Raw) -> Iterator[Problem]:
    """Hold the networks' sizes against what a VPC may have.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
    """
    vpc = _parsed(network.get("vpc_cidr"))
    for place, net in (({("network", "vpc_cidr"): vpc} if vpc else {}) | _subnets(network)).items():
        if not 16 <= net.prefixlen <= 28:
            yield Problem(place, net, "AWS allows /16 to /28")


def _outside_vpc(network: Raw) -> Iterator[Problem]:
    vpc = _parsed(network.get("vpc_cidr"))
    for place, net in _subnets(network).items():
        if vpc and not net.subnet_of(vpc):
            yield Problem(place, net, f"lies outside vpc_cidr {vpc}")


def _overlaps(network: Raw) -> Iterator[Problem]:
    for (_, one), (place, two) in combinations(_subnets(network).items(), 2):
        if one.overlaps(two):
            yield Problem(place, two, f"overlaps with {one}; subnets of a VPC must not overlap")


def _zones(network: Raw, region: Any) -> Iterator[Problem]:
    zones = network.get("zones")
    for zone in zones if isinstance(zones, Mapping) and isinstance(region, str) else ():
        letters = ZONES.get(region, "abcdef")
        if not isinstance(zone, str) or zone[:-1] != region or zone[-1:] not in letters:
            allowed = ", ".join(region + letter for letter in letters)
            yield Problem(("network", "zones", zone), zone, f"not a zone of {region}; allowed: {allowed}")


def _names(raw: Raw) -> Iterator[Problem]:
    values = {key: raw[key] for key in ("env", "account", "region") if isinstance(raw.get(key), str)}
    for kind, allowed in NAMES.items() if "env" in values else ():
        try:
            name = allowed.pattern.format(**values)
        except KeyError:
            continue  # account or region is wrong in itself
        reason = f"makes the {kind.replace('_', ' ')} name {name}"
        if len(name) > allowed.max_length:
            yield Problem(("env",), values["env"], f"{reason}, {len(name)} characters; AWS allows {allowed.max_length}")
        for prefix in filter(name.startswith, allowed.reserved):
            yield Problem(("env",), values["env"], f"{reason}; AWS reserves names that begin with {prefix}")


def _evidence(raw: Raw) -> Iterator[Problem]:
    """Evidence needs a bucket that is kept, and a KMS key in the region of the environment."""
    evidence, guards = raw.get("evidence"), raw.get("guards")
    if not isinstance(evidence, Mapping):
        return
    keep_bucket = guards.get("keep_bucket", True) if isinstance(guards, Mapping) else True
    if evidence.get("store") == "bucket" and keep_bucket is False:
        yield Problem(
            ("evidence", "store"),
            "bucket",
            "needs guards.keep_bucket: true; otherwise it would be deleted with the bucket",
        )
    yield from _place(raw, ("evidence", "kms_key"), evidence.get("kms_key"))


def _certificate(raw: Raw) -> Iterator[Problem]:
    """A load balancer takes certificates of its own account and region.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/https-listener-certificates.html
    """
    compute = raw.get("compute")
    certificate = compute.get("certificate") if isinstance(compute, Mapping) else None
    if isinstance(certificate, Mapping):
        at, arn = ("compute", "certificate", "arn"), certificate.get("arn")
        yield from _place(raw, at, arn)
        if (owner := _part(arn, 4)) and owner != raw.get("account"):
            yield Problem(at, arn, f"is of account {owner}, not of {raw.get('account')}, where this environment is")


def _place(raw: Raw, at: tuple[str, ...], arn: Any) -> Iterator[Problem]:
    region = raw.get("region")
    if (place := _part(arn, 3)) and place != region:
        yield Problem(at, arn, f"is not in {region}, where this environment is")


def _application(raw: Raw) -> Iterator[Problem]:
    """Hold each setting and each secret of the application against what it may be, at its own line."""
    app = raw.get("app")
    for section, check in (("environment", setting_problem), ("secrets", reference_problem)):
        given = app.get(section) if isinstance(app, Mapping) else None
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if not isinstance(name, str) or not isinstance(value, str):
                continue
            if why := check(name, value):
                yield Problem(("app", section, name), None, why)
            elif section == "secrets":
                yield from _place(raw, ("app", section, name), value)


def _part(arn: Any, number: int) -> str:
    """One part of an ARN: 3 is the region, 4 the account; empty when it is none."""
    parts = arn.split(":", 5) if isinstance(arn, str) else []
    return parts[number] if len(parts) == 6 and parts[0] == "arn" else ""


def _tag_keys(tags: Any) -> Iterator[Problem]:
    """IAM tells keys apart by more than case, and a resource has 50 tags at most, some of them ours.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
    """
    if not isinstance(tags, Mapping):
        return
    known = {name: name for name in Tags.model_fields}
    for key in filter(lambda key: isinstance(key, str), tags):
        same = known.setdefault(key.lower(), key)
        if why := _tag_key_problem(key) or (
            f"differs only in case from {same}, for IAM the same" if same != key else ""
        ):
            yield Problem(("tags", key), None, why)
    if len(tags) > _MAX_TAGS:
        yield Problem(("tags",), len(tags), f"too many; AWS allows 50 for a resource, and {50 - _MAX_TAGS} are ours")


def _tag_key_problem(key: str) -> str:
    if not 1 <= len(key) <= 127:
        return "a tag's key has 1 to 127 characters"
    if key == "Name" or key.lower().startswith("runbook:"):
        return "this runbook sets that tag itself"
    try:
        check_tag(key)
    except ValueError as error:
        return str(error)
    return ""


def _architecture(compute: Any) -> Iterator[Problem]:
    """Hold the types against the architecture: those of Graviton carry a ``g`` after the generation.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
    """
    if not isinstance(compute, Mapping):
        return
    architecture = compute.get("architecture", "arm64")
    for field in ("instance_type", "bastion_type"):
        value = compute.get(field)
        if isinstance(value, str) and "." in value and architecture in ("arm64", "x86_64"):
            generation = value.split(".")[0].lstrip(ascii_lowercase).lstrip(digits)
            graviton = "g" in generation or value.startswith("a1.")  # the first generation is named otherwise
            if graviton != (architecture == "arm64"):
                yield Problem(("compute", field), value, f"is not of architecture {architecture}")


def _windows(data: Any) -> Iterator[Problem]:
    """Hold the windows' form, length and distance against RDS.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    """
    if not isinstance(data, Mapping):
        return
    taken: list[set[int]] = []
    for field, days in (("backup_window", 1), ("maintenance_window", 7)):
        value = data.get(field, Data.model_fields[field].default)
        minutes = _minutes(value, days)
        if minutes is None:
            return  # wrong in itself
        if len(minutes) < 30:
            yield Problem(("data", field), value, "too short; RDS requires at least 30 minutes")
        if any(minutes & earlier for earlier in taken):
            yield Problem(("data", field), value, "overlaps with backup_window; RDS does not allow that")
        taken.append(minutes)


def _minutes(window: Any, days: int) -> set[int] | None:
    """Return the minutes of the day that a window covers, on any day; ``None`` when it is not a window."""
    try:
        begin, end = (_minute(moment) for moment in window.split("-"))
    except (AttributeError, ValueError):
        return None
    return {(begin + minute) % 1440 for minute in range((end - begin) % (1440 * days))}


def _minute(moment: str) -> int:
    *day, hour, minute = moment.split(":")
    return 1440 * sum(map(_DAYS.index, day)) + 60 * int(hour) + int(minute)
