"""What counts against a quota, and what does not."""

import pytest

from runbook_lib.engine.preflight.usage import COUNTS, count_vcpus, family_of, vcpus_of
from tests.engine.preflight.answers import Answers

TYPES = [{"InstanceType": name, "VCpuInfo": {"DefaultVCpus": count}} for name, count in
         (("t4g.small", 2), ("m5.12xlarge", 48), ("p4d.24xlarge", 96))]  # fmt: skip


def reservations(*instances):
    """Each by its type and state, and how it was bought; two of them in one reservation."""
    described = [
        {"InstanceType": kind, "State": {"Name": state}, **({"InstanceLifecycle": how[0]} if how else {})}
        for kind, state, *how in instances
    ]
    return [{"Instances": described[at : at + 2]} for at in range(0, len(described), 2)]


@pytest.mark.parametrize(
    ("name", "family"), [("t4g.small", "t"), ("m5.12xlarge", "m"), ("u-6tb1.metal", "u"), ("vt1.3xlarge", "vt"),
                         ("inf2.xlarge", "inf"), ("42", "42")],
)  # fmt: skip
def test_the_family_is_the_letters_before_the_generation(name, family):
    assert family_of(name) == family


def test_the_vcpus_of_types_are_asked_for_together():
    account = Answers(describe_instance_types=TYPES)
    assert vcpus_of(account, {"t4g.small", "m5.12xlarge"}) == {"t4g.small": 2, "m5.12xlarge": 48, "p4d.24xlarge": 96}
    assert account.requests("describe_instance_types") == [{"InstanceTypes": ["m5.12xlarge", "t4g.small"]}]


def test_instances_on_demand_that_run_or_soon_will_count():
    account = Answers(
        describe_instance_types=TYPES,
        describe_instances=reservations(
            ("t4g.small", "running"), ("t4g.small", "pending"), ("m5.12xlarge", "running"), ("t4g.small", "stopped"),
            ("t4g.small", "shutting-down"), ("m5.12xlarge", "terminated"), ("m5.12xlarge", "running", "spot"),
            ("p4d.24xlarge", "running"),
        ),
    )  # fmt: skip
    assert count_vcpus(account, {"t", "m"}) == 2 + 2 + 48
    assert account.requests("describe_instance_types") == [{"InstanceTypes": ["m5.12xlarge", "t4g.small"]}]
    assert count_vcpus(account, {"p"}) == 96
    account.asked.clear()
    assert count_vcpus(account, {"x"}) == 0
    assert account.requests("describe_instance_types") == []


def counted(code, where="", **answers):
    return COUNTS[code](Answers(**answers), where)


@pytest.mark.parametrize(
    ("code", "operation"),
    [
        ("L-F678F1CE", "describe_vpcs"), ("L-A4707A72", "describe_internet_gateways"),
        ("L-E79EC296", "describe_security_groups"), ("L-0263D0A3", "describe_addresses"),
        ("L-B22855CB", "describe_target_groups"), ("L-7B6409FD", "describe_db_instances"),
    ],
)  # fmt: skip
def test_some_quotas_count_all_that_there_is(code, operation):
    assert counted(code) == 0
    assert counted(code, **{operation: [{}, {}, {}]}) == 3


def test_nat_gateways_count_in_their_zone_until_they_are_gone():
    """https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-gateways"""
    subnets = [{"SubnetId": f"subnet-{zone}", "AvailabilityZone": zone} for zone in "ab"]
    states = ["pending", "available", "deleting", "deleted", "failed"]
    nats = [{"SubnetId": "subnet-a", "State": state} for state in states]
    nats += [{"SubnetId": "subnet-b", "State": "available"}, {"SubnetId": "subnet-gone", "State": "deleting"}]
    own = {"describe_nat_gateways": nats, "describe_subnets": subnets}
    assert [counted("L-FE5A380F", zone, **own) for zone in "abc"] == [3, 1, 0]


def test_inbound_rules_count_in_the_group_itself():
    groups = [{"GroupId": f"sg-{n}", "Tags": [{"Key": "runbook:key", "Value": f"security_group.{name}"}]}
              for n, name in enumerate(("alb", "web", "web"))]  # fmt: skip
    rules = [{"IsEgress": egress} for egress in (True, False, False)]
    account = Answers(describe_security_groups=groups, describe_security_group_rules=rules)
    assert COUNTS["L-0EA8095F"](account, "security_group.web") == 2
    assert account.requests("describe_security_group_rules") == [
        {"Filters": [{"Name": "group-id", "Values": ["sg-1", "sg-2"]}]}
    ]
    account.asked.clear()
    assert COUNTS["L-0EA8095F"](account, "security_group.db") == 0
    assert account.requests("describe_security_group_rules") == []


def test_storage_of_engines_that_have_their_own_does_not_count():
    engines = {"mysql": 20, "mariadb": 30, "aurora-mysql": 1, "docdb": 1, "neptune": 1, "postgres": None}
    databases = [{"Engine": engine, "AllocatedStorage": size} for engine, size in engines.items()]
    assert counted("L-7ADDB58A", describe_db_instances=databases) == 50


def test_load_balancers_of_other_types_have_quotas_of_their_own():
    found = [{"Type": kind} for kind in ("application", "network", "application", "gateway", "application")]
    assert counted("L-53DA6B97", describe_load_balancers=found) == 3
