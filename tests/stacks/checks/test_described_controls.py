"""Controls that nobody can break in the embedded account: evaluated on what AWS would describe."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import SimpleNamespace

import pytest

from runbook_lib.resources.auto_scaling_group import AutoScalingGroup
from runbook_lib.resources.cache_replication_group import CacheReplicationGroup
from runbook_lib.resources.load_balancer import LoadBalancer
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.stacks.checks.controls import EVALUATIONS
from runbook_lib.stacks.checks.paths.model import TCP, Group, Rule, Traffic

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=120)
EVALUATE = {name: how for own in EVALUATIONS.values() for name, how in own.items()}


class Account:
    """An account that has given answers for its calls, and resources of some kinds."""

    def __init__(self, answers, *kinds, database=None):
        self._kinds, self.database = kinds, database
        self.network = SimpleNamespace(id="vpc-1")
        self.params = SimpleNamespace(env="prod")
        self.environment = SimpleNamespace(every=lambda kind: [self.the(kind)] if kind in kinds else [])
        self.snapshot = SimpleNamespace(
            all=lambda service, operation, result, **request: answers.get(operation, []),
            get=lambda service, operation, **request: answers.get(operation),
            aws=SimpleNamespace(name=lambda resource: "prod-x"),
        )

    def the(self, kind):
        key = f"{kind.__name__}.x"
        return SimpleNamespace(key=key, port=80, aws_name=lambda aws: "prod-x") if kind in self._kinds else None

    def observed(self, resource):
        return SimpleNamespace(id="prod-x")


def instance(**more):
    stopped = {"InstanceId": "i-1", "State": {"Name": "stopped"}, "NetworkInterfaces": [{}], **more}
    return {"describe_instances": [{"Instances": [stopped]}]}, ()


def running(*managed):
    """An instance, and what Systems Manager tells."""
    answers, _ = instance(State={"Name": "running"})
    return {**answers, "describe_instance_information": [*managed]}, ()


def group(**more):
    own = {"AutoScalingGroupName": "prod-x", "AvailabilityZones": ["a", "b"], "HealthCheckType": "ELB", **more}
    return {"describe_auto_scaling_groups": [own]}, (AutoScalingGroup,)


def balancer(zones):
    own = {"LoadBalancerName": "prod-x", "LoadBalancerArn": "arn:x", "AvailabilityZones": zones}
    return {"describe_load_balancers": [own]}, (LoadBalancer,)


def certificate(**more):
    answers, kinds = balancer(["a", "b"])
    listener = {"ListenerArn": "arn:l", "Certificates": [{"CertificateArn": "arn:c"}]}
    described = {"Certificate": {"CertificateArn": "arn:c", **more}}
    return {**answers, "describe_listeners": [listener], "describe_certificate": described}, kinds


def cache(node=(), **more):
    own = {"ReplicationGroupId": "prod-x", **more}
    member = {"CacheClusterId": "prod-x-1", "ReplicationGroupId": "prod-x", "Engine": "redis", **dict(node)}
    return {"describe_replication_groups": [own], "describe_cache_clusters": [member]}, (CacheReplicationGroup,)


def secret(**more):
    return {"describe_secret": {"Name": "prod/x", "CreatedDate": NOW, **more}}, (RandomSecret,)


def snapshot(**more):
    return {"describe_db_snapshots": [{"DBSnapshotIdentifier": "s", **more}]}, ()


SUBSCRIPTION = {"CustSubscriptionId": "s", "Enabled": True}
PARAMETERS, GROUPS = ({**SUBSCRIPTION, "SourceType": f"db-{kind}-group"} for kind in ("parameter", "security"))


def subscription(described, **more):
    return {"describe_event_subscriptions": [described | more]}, ()


TWO = {"LaunchTemplate": {"Overrides": [{"InstanceType": "t4g.small"}, {"InstanceType": "t4g.medium"}]}}
CASES = {  # what satisfies the control, and what does not
    "ACM.2": (certificate(KeyAlgorithm="RSA-2048"), certificate(KeyAlgorithm="RSA_1024")),
    "AutoScaling.2": (group(), group(AvailabilityZones=["a"])),
    "AutoScaling.6": (group(MixedInstancesPolicy=TWO), group()),
    "AutoScaling.9": (group(LaunchTemplate={"LaunchTemplateId": "lt-1"}), group(LaunchConfigurationName="old")),
    "EC2.4": (
        instance(StateTransitionReason=f"User initiated ({NOW:%Y-%m-%d %H:%M:%S} GMT)"),
        instance(StateTransitionReason=f"User initiated ({OLD:%Y-%m-%d %H:%M:%S} GMT)"),
    ),
    "EC2.17": (instance(), instance(NetworkInterfaces=[{}, {}])),
    "EC2.24": (instance(VirtualizationType="hvm"), instance(VirtualizationType="paravirtual")),
    "ELB.13": (balancer(["a", "b"]), balancer(["a"])),
    "ElastiCache.1": (cache(SnapshotRetentionLimit=1), cache(SnapshotRetentionLimit=0)),
    "ElastiCache.2": (cache({"AutoMinorVersionUpgrade": True}), cache({"AutoMinorVersionUpgrade": False})),
    "ElastiCache.3": (cache(AutomaticFailover="enabled"), cache(AutomaticFailover="disabled")),
    "ElastiCache.4": (cache(AtRestEncryptionEnabled=True), cache(AtRestEncryptionEnabled=False)),
    "ElastiCache.5": (cache(TransitEncryptionEnabled=True), cache(TransitEncryptionEnabled=False)),
    "ElastiCache.6": (cache({"EngineVersion": "7.1"}), cache({"EngineVersion": "5.0.6"})),
    "ElastiCache.7": (cache({"CacheSubnetGroupName": "prod-private"}), cache({"CacheSubnetGroupName": "default"})),
    "RDS.4": (snapshot(Encrypted=True), snapshot(Encrypted=False)),
    "RDS.21": (subscription(PARAMETERS), subscription(PARAMETERS, Enabled=False)),
    "RDS.22": (subscription(GROUPS), subscription(GROUPS, EventCategoriesList=["failure"])),
    "SSM.1": (
        running({"InstanceId": "i-1", "PingStatus": "Online"}),
        running({"InstanceId": "i-1", "PingStatus": "ConnectionLost"}, {"InstanceId": "i-2", "PingStatus": "Online"}),
    ),
    "SecretsManager.1": (secret(RotationEnabled=True), secret()),
    "SecretsManager.2": (
        secret(RotationEnabled=True, NextRotationDate=NOW + timedelta(days=1)),
        secret(RotationEnabled=True, NextRotationDate=OLD),
    ),
    "SecretsManager.3": (secret(LastAccessedDate=NOW), secret(LastAccessedDate=OLD)),
    "SecretsManager.4": (secret(LastRotatedDate=NOW), secret(LastRotatedDate=OLD)),
}  # fmt: skip
DATABASE = {"DBInstanceIdentifier": "prod-database"}
DATABASES = {
    "RDS.3": ({"StorageEncrypted": True}, {"StorageEncrypted": False}),
    "RDS.9": (
        {"EnabledCloudwatchLogsExports": ["audit", "error", "general", "slowquery"]},
        {"EnabledCloudwatchLogsExports": ["error"]},
    ),
    "RDS.18": ({"DBSubnetGroup": {"VpcId": "vpc-1"}}, {"DBSubnetGroup": {}}),
    "RDS.23": ({"Endpoint": {"Port": 13306}}, {"Endpoint": {"Port": 3306}}),
    "RDS.25": ({"MasterUsername": "dbadmin"}, {"MasterUsername": "admin"}),
}


TAGS = [{"Key": "runbook:key", "Value": "own.key"}]
OF_KINDS = ("ACM", "ELB", "ElastiCache")
"""What AWS describes without tags: the key is that of the kind."""


def tagged(answers):
    """The answers, with tags where each of these calls describes them; snapshots of databases have another field."""
    fields = {name: "TagList" if name == "describe_db_snapshots" else "Tags" for name in answers}
    return {name: with_tags(answer, fields[name]) for name, answer in answers.items()}


def with_tags(answer, field):
    if isinstance(answer, list):
        return [with_tags(each, field) for each in answer]
    more = {"Instances": with_tags(answer["Instances"], field)} if "Instances" in answer else {}
    return answer | {field: TAGS} | more


@pytest.mark.parametrize("name", CASES)
def test_an_offence_names_the_resource_as_the_runbook_does(name):
    _, (answers, kinds) = CASES[name]
    database = DATABASE if name.startswith("RDS") else None
    (offence,) = EVALUATE[name](Account(tagged(answers), *kinds, database=database)).offences
    assert offence.key == "own.key" or name.startswith(OF_KINDS)
    assert offence.key


@pytest.mark.parametrize("name", CASES)
def test_a_described_resource_satisfies_a_control_or_does_not(name):
    (good, kinds), (bad, _) = CASES[name]
    database = DATABASE if name.startswith("RDS") else None
    fine, wrong = (EVALUATE[name](Account(answers, *kinds, database=database)) for answers in (good, bad))
    assert ([*fine.offences], fine.not_applicable) == ([], "")
    assert fine.looked_at
    assert [bool(each.id and each.why) for each in wrong.offences] == [True]


@pytest.mark.parametrize(("owner", "rotated"), [("rds", True), ("rds", False), ("", True)])
def test_a_secret_that_was_never_rotated(owner, rotated):
    """RDS rotates its own after the first seven days."""
    answers, kinds = secret(**({"OwningService": owner} if owner else {}), RotationEnabled=rotated)
    assert bool(EVALUATE["SecretsManager.4"](Account(answers, *kinds)).offences) is not (owner == "rds" and rotated)


@pytest.mark.parametrize("name", DATABASES)
def test_a_described_database_satisfies_a_control_or_does_not(name):
    good, bad = (Account({}, database=DATABASE | fields) for fields in DATABASES[name])
    assert not EVALUATE[name](good).offences
    assert [each.id for each in EVALUATE[name](bad).offences] == ["prod-database"]


@pytest.mark.parametrize("name", ["AutoScaling.3", "AutoScaling.5"])
def test_a_launch_configuration_is_wrong_wherever_there_is_one(name):
    answers, kinds = group(LaunchConfigurationName="old")
    assert EVALUATE[name](Account(answers, *kinds)).offences
    answers, kinds = group()
    assert EVALUATE[name](Account(answers, *kinds)).not_applicable


# https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
RISKY = {20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088,
         8888, 9200, 9300}  # fmt: skip
ALL = sorted({port + step for port in RISKY | {80, 443} for step in (-1, 0, 1)})
PORTS = {  # of rules for one port each, those that break the control, by IPv4 and by IPv6
    "EC2.13": ({22}, {22}),
    "EC2.14": ({3389}, {3389}),
    "EC2.18": ({*ALL} - {80, 443}, {*ALL} - {80, 443}),
    "EC2.19": (RISKY, RISKY),
    "EC2.53": ({22, 3389}, set()),
    "EC2.54": (set(), {22, 3389}),
}  # fmt: skip


@pytest.mark.parametrize("name", PORTS)
def test_a_port_open_to_the_world_breaks_a_control_or_does_not(name):
    for peer, broken in zip(("0.0.0.0/0", "::/0"), PORTS[name], strict=True):
        rules = {port: Rule(Traffic(TCP, port, port), ip_network(peer)) for port in ALL}
        account = Account({})
        account.network.groups = {str(port): Group(str(port), ingress=(rule,)) for port, rule in rules.items()}
        assert {int(offence.id) for offence in EVALUATE[name](account).offences} == broken


def test_without_a_cache_or_a_load_balancer_nothing_passes():
    """What is not there was not looked at."""
    for name in (*(name for name in CASES if name.startswith("ElastiCache")), "ELB.5", "ELB.13", "ELB.18", "ELB.22"):
        outcome = EVALUATE[name](Account({}))
        assert (outcome.looked_at, bool(outcome.not_applicable)) == ((), True), name
