"""What the claims look at: found among everything that AWS would describe, and nothing else."""

import pytest

from runbook_lib.errors import IdentityLost, MissingDependency, RunbookError
from runbook_lib.resources.auto_scaling_group import AutoScalingGroup
from runbook_lib.resources.cache_replication_group import CacheReplicationGroup
from runbook_lib.resources.security_group import SecurityGroup
from runbook_lib.resources.vpc import Vpc
from runbook_lib.stacks.checks.account import Account
from runbook_lib.stacks.environment import whole
from tests.stacks.checks.described_site import TARGETS, A, B, Site, tags, without_groups

SUBNETS = ["subnet-private-a", "subnet-private-b", "subnet-public-a", "subnet-public-b"]


@pytest.fixture
def site():
    return Site()


def ids(interfaces):
    return [each.id for each in interfaces]


def test_the_environment_is_what_the_parameters_ask_for(site):
    environment = Account(site.params, None, {}).environment
    assert [each.key for each in environment] == [each.key for each in whole(site.params)]


def test_one_resource_of_a_kind(site):
    """The one of a name, any where none is given, and none where the parameters ask for none."""
    account = site.account()
    assert account.the(SecurityGroup, "web").key == "security_group.web"
    assert account.the(SecurityGroup, "db").key == "security_group.db"
    assert account.the(SecurityGroup).key == site.keyed("security_group.")[0].key
    assert account.the(SecurityGroup, "stranger") is None
    assert account.the(CacheReplicationGroup) is None


def test_what_the_survey_has_observed_is_not_asked_for_again(site):
    account = site.account()
    for kind in (Vpc, AutoScalingGroup):
        resource = account.the(kind)
        assert account.observed(resource) is site.observed[resource]
    site.see("auto_scaling_group", None)
    account = site.account()
    assert account.observed(account.the(AutoScalingGroup)) is None
    assert account.observed(None) is None


def unobserved(site):
    """A subnet that the survey has not observed, nor the VPC that it is in; now EC2 describes it."""
    (subnet,) = site.keyed("subnet.private-us-west-2a")
    site.observed = {each: seen for each, seen in site.observed.items() if each not in (subnet, subnet.vpc)}
    site.subnets["subnet-private-a"] |= {"VpcId": "vpc-1", "State": "available"}
    dns = {"EnableDnsHostnames": {"Value": True}, "EnableDnsSupport": {"Value": True}}
    for name, answer in dns.items():
        attribute = name[0].lower() + name[1:]
        site.answer("ec2", "describe_vpc_attribute", {name: answer}, VpcId="vpc-1", Attribute=attribute)
    return subnet


def test_what_the_survey_has_not_observed_is_observed_once_with_all_before_it(site):
    subnet = unobserved(site)
    before = dict(site.observed)
    account = site.account()
    seen = account.observed(subnet)
    assert seen.id == "subnet-private-a"
    assert account.observed(subnet) is seen
    assert account.observed(subnet.vpc).id == "vpc-1"
    assert site.observed == before


def test_what_is_missing_is_looked_for_without_what_it_is_in(site):
    """By its tags, everywhere."""
    subnet = unobserved(site)
    site.observed[subnet.vpc] = None
    marked = [{"Name": "tag-key", "Values": ["runbook:owner", "runbook:env", "runbook:key"]}]
    found = [{"SubnetId": own, **each} for own, each in site.subnets.items()]
    site.answer("ec2", "describe_subnets", {"Subnets": found}, Filters=marked)
    assert site.account().observed(subnet).id == "subnet-private-a"
    site.answer("ec2", "describe_subnets", {"Subnets": []}, Filters=marked)
    assert site.account().observed(subnet) is None


def test_what_may_be_somebody_elses_proves_nothing(site):
    (vpc,) = site.keyed("vpc.")
    del site.observed[vpc]
    name = {"Key": "Name", "Value": "local-main"}
    site.vpcs[0] |= {"State": "available", "Tags": [name, *tags(key="vpc.main")[:2]]}
    unobserved(site)
    with pytest.raises(IdentityLost, match=r"^vpc\.main: identity lost\. vpc-1 has its name"):
        site.account(unowned={}).observed(vpc)


def test_the_vpc_is_that_of_the_environment(site):
    """The one that was observed; where none was, the first that has its tags."""
    other = {**site.vpcs[0], "VpcId": "vpc-0"}
    site.vpcs[:0] = [other, {**other, "VpcId": "vpc-9", "Tags": [{"Key": "runbook:env", "Value": "prod"}]}]
    assert site.account().network.id == "vpc-1"
    assert [each["VpcId"] for each in site.account().vpcs] == ["vpc-0", "vpc-1"]
    site.vpc = "vpc-0"
    for seen in (None, "vpc-elsewhere"):
        site.see("vpc.", seen)
        assert site.account().network.id == "vpc-0"


def test_the_environment_has_no_vpc(site):
    site.vpcs = []
    with pytest.raises(MissingDependency) as error:
        site.account().network  # noqa: B018
    assert error.value.what == "The environment has no VPC."
    assert error.value.fix == "Apply 01_network."


def test_its_subnets_by_their_tags(site):
    """Not those of another environment, of no key, or whose key only resembles one."""
    site.subnets["subnet-1"] = {**site.subnets["subnet-private-a"], "Tags": tags(key="subnet.privately")}
    site.subnets["subnet-2"] = {**site.subnets["subnet-private-a"], "Tags": tags()}
    site.subnets["subnet-3"] = {**site.subnets["subnet-private-a"], "Tags": []}
    site.subnets["subnet-4"] = {**site.subnets["subnet-private-a"], "Tags": tags(env="prod", key="subnet.private-a")}
    site.subnets["subnet-5"] = {**site.subnets["subnet-private-a"], "Tags": tags(key="subnet.private-c")}
    account = site.account()
    assert account.subnets("private") == ["subnet-private-a", "subnet-private-b", "subnet-5"]
    assert account.subnets("public") == ["subnet-public-a", "subnet-public-b"]


def test_its_database(site):
    described = {each: {"DBInstanceIdentifier": each} for each in ("another", "local-database", "local-database-2")}
    site.answer("rds", "describe_db_instances", {"DBInstances": [*described.values()]})
    assert site.account().database == described.pop("local-database")
    site.answer("rds", "describe_db_instances", {"DBInstances": [*described.values()]})
    assert site.account().database is None


def test_its_servers(site):
    """Those of the Auto Scaling group with their zones, and whoever else serves the site."""
    site.health |= {"i-c": "healthy", "i-d": "unhealthy", "i-b": "draining"}
    assert site.account().servers == {"i-a": A, "i-b": B, "i-c": ""}
    site.see("auto_scaling_group", None)
    assert site.account().servers == {"i-a": "", "i-c": ""}


def test_the_health_of_its_targets(site):
    site.health = {"i-a": "healthy", "i-b": "initial", "i-c": "unhealthy", "i-d": "healthy"}
    account = site.account()
    assert [(each["Target"]["Id"], each["TargetHealth"]["State"]) for each in account.targets] == [*site.health.items()]
    assert account.healthy == ["i-a", "i-d"]


@pytest.mark.parametrize("answer", ["TargetGroupNotFound", {}, {"TargetHealthDescriptions": []}])
def test_no_target(site, answer):
    """Also where the group is gone, since it was observed or before."""
    site.answer("elbv2", "describe_target_health", answer, TargetGroupArn=TARGETS)
    assert site.account().targets == []
    assert site.account().healthy == []
    site.see("target_group", None)
    assert site.account().targets == []


def test_an_interface_by_its_id_or_its_instance(site):
    account = site.account()
    assert ids(account.interfaces("eni-db")) == ["eni-db"]
    assert ids(account.interfaces("i-a")) == ["eni-web-a"]
    site.add("eni-second", "subnet-private-b", "sg-web", instance="i-a")
    assert ids(site.account().interfaces("i-a")) == ["eni-web-a", "eni-second"]


def test_there_is_no_interface_of_that_name(site):
    with pytest.raises(RunbookError) as error:
        site.account().interfaces("i-z")
    assert error.value.what == "There is no 'i-z' in the network."
    names = "web, database, bastion, load_balancer, cache, internet"
    assert error.value.fix == f"Use one of: {names}; an IP address; or the id of a network interface or an instance."


def test_the_interfaces_of_the_servers(site):
    site.health["i-bastion"] = "healthy"
    assert ids(site.account().interfaces("web")) == ["eni-web-a", "eni-web-b", "eni-bastion"]
    site.add("eni-second", "subnet-public-b", instance="i-a")
    assert ids(site.account().interfaces("web")) == ["eni-web-a", "eni-web-b", "eni-bastion", "eni-second"]


def test_the_interfaces_of_the_load_balancer(site):
    """What only resembles it is another's: by its name, or made by hand."""
    own = "ELB app/local-web/1"
    for number, (description, requester) in enumerate([
        ("ELB app/local-web-2/1", "amazon-elb"), ("ELB net/local-web/1", "amazon-elb"), (own, "123456789012"),
        (own, None), (f"An {own}", "amazon-elb"), (None, "amazon-elb"), (own, "amazon-elb"),
    ]):  # fmt: skip
        site.add(f"eni-{number}", "subnet-public-a", Description=description, RequesterId=requester)
    assert ids(site.account().interfaces("load_balancer")) == ["eni-alb-a", "eni-alb-b", "eni-6"]


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("ssh", ["eni-bastion"]), ("ssm", ["eni-bastion-ssm"]), ("none", ["eni-bastion", "eni-bastion-ssm"]),
        ("instance_connect_endpoint", ["eni-web-a", "eni-db"]),
    ],
)  # fmt: skip
def test_the_interfaces_of_the_bastion(mode, found):
    """By the tags of its instance, as these parameters name it; without one, whatever is left of former ones."""
    site = Site(compute_bastion=mode)
    site.see("instance_connect_endpoint", "eice-1", interfaces=["eni-db", "eni-web-a", "eni-elsewhere"])
    site.add("eni-bastion-ssm", "subnet-public-a", instance="i-bastion-ssm")
    for name in ("bastion-ssm", "bastion-2", "web"):
        site.add(f"eni-{name}-", "subnet-public-a", instance=f"i-{name}-")
        site.instances.append({"InstanceId": f"i-{name}-", "Tags": tags(key=f"instance.{name}")})
    site.instances[1]["InstanceId"] = "i-bastion-ssm"
    site.instances += [{"InstanceId": "i-a", "Tags": tags()}, {"InstanceId": "i-b", "Tags": tags(env="prod")}]
    assert ids(site.account().interfaces("bastion")) == found


def test_only_the_bastion_of_a_reservation_counts(site):
    marked = [{"Name": "tag-key", "Values": ["runbook:owner", "runbook:env", "runbook:key"]}]
    two = [{"InstanceId": "i-a", "Tags": []}, site.instances[0]]
    answer = {"Reservations": [{"Instances": two}, {"Instances": [{"InstanceId": "i-b"}]}]}
    site.answer("ec2", "describe_instances", answer, Filters=marked)
    assert ids(site.account().interfaces("bastion")) == ["eni-bastion"]


def test_an_endpoint_that_does_not_exist_has_no_interface():
    site = Site(compute_bastion="instance_connect_endpoint")
    site.see("instance_connect_endpoint", None)
    assert site.account().interfaces("bastion") == []


def placed(interface):
    return interface.id, interface.subnet, [str(each) for each in interface.addresses], interface.groups


def test_the_places_of_the_database(site):
    """Its interface, and a place in each subnet of its group that has none."""
    own, place = site.account().interfaces("database")
    assert own.id == "eni-db"
    assert placed(place) == ("local-database in subnet-private-b", "subnet-private-b", ["10.20.3.4"], ("sg-db",))
    site.database["DBSubnetGroup"]["Subnets"] = [
        {"SubnetIdentifier": each} for each in ("subnet-elsewhere", *reversed(SUBNETS))
    ]
    assert ids(site.account().interfaces("database")) == [
        "eni-db", *(f"local-database in {each}" for each in SUBNETS[1:]),
    ]  # fmt: skip


def test_an_interface_of_another_database(site):
    """Of other groups, in another subnet, or nobody's."""
    site.add("eni-1", "subnet-private-a", "sg-db", "sg-web", RequesterId="amazon-rds")
    site.add("eni-2", "subnet-private-a", RequesterId="amazon-rds")
    site.add("eni-3", "subnet-public-a", "sg-db", RequesterId="amazon-rds")
    site.add("eni-4", "subnet-private-a", "sg-db", RequesterId="amazon-elb")
    site.add("eni-5", "subnet-private-b", "sg-db", RequesterId="amazon-rds")
    assert ids(site.account().interfaces("database")) == ["eni-db", "eni-5"]


def test_an_interface_without_a_group_is_the_databases_if_it_has_none(site):
    places = [f"local-database in subnet-private-{zone}" for zone in "ab"]
    assert ids(without_groups(site, "eni-db").interfaces("database")) == places
    site.database["VpcSecurityGroups"] = []
    assert ids(without_groups(site, "eni-db").interfaces("database")) == ["eni-db", places[1]]


def test_a_group_that_is_taken_from_the_database_is_not_its_any_more(site):
    names = [f"sg-{letter}" for letter in "hgfedcb"]
    site.database["VpcSecurityGroups"] = [{"VpcSecurityGroupId": each, "Status": "active"} for each in names] + [
        {"VpcSecurityGroupId": "sg-a", "Status": "removing"}, {"VpcSecurityGroupId": "sg-i", "Status": "adding"},
    ]  # fmt: skip
    places = site.account().interfaces("database")
    assert ids(places) == [f"local-database in subnet-private-{zone}" for zone in "ab"]
    assert {each.groups for each in places} == {(*sorted(names), "sg-i")}


def test_there_is_no_database(site):
    site.database = None
    assert site.account().interfaces("database") == []


def test_the_interfaces_of_the_cache():
    site = Site(data_sessions={"store": "elasticache"})
    for number, description in enumerate([
        "ElastiCache local-sessions-001", "ElastiCache local-sessions2-001", "An ElastiCache local-sessions-001", "-",
        None, "ElastiCache local-sessions-002",
    ]):  # fmt: skip
        site.add(f"eni-{number}", "subnet-private-a", Description=description)
    assert ids(site.account().interfaces("cache")) == ["eni-0", "eni-5"]


def test_without_a_cache_nothing_is_its_interface(site):
    site.add("eni-1", "subnet-private-a", Description="-")
    site.add("eni-2", "subnet-private-a", Description="ElastiCache local-sessions-001")
    assert site.account().interfaces("cache") == []
