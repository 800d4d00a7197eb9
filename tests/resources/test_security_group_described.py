"""A security group and its rules as EC2 describes them: what is ours, what an open port is, and what is sent."""

from dataclasses import replace

import pytest

from runbook_lib.aws.client import Aws
from runbook_lib.aws.snapshot import Snapshot
from runbook_lib.errors import Ambiguous, IdentityLost
from runbook_lib.resources.base import Observed, Unknown
from runbook_lib.resources.predictions import Twin
from runbook_lib.resources.security_group import IngressRule, describe_permissions, groups_around, rules_of
from runbook_lib.resources.tagging import Tagging
from tests.resources.cases_network import alb, rule, vpc, web

IDS = {vpc: "vpc-1", web: "sg-1", alb: "sg-2"}
WORLD = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
RULE = rule()
TO_GROUP = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": "sg-9"}]}
TO_NET = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
TO_BOTH = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.0.0.0/8"}]}


class Account(Aws):
    """An account with these groups and rules; notes what is sent to EC2."""

    def __init__(self, groups=(), rules=(), interfaces=()):
        vars(self).update(env="test", _labels={}, sent=[], asked=[], ec2=self)
        self.lists = {
            "SecurityGroups": list(groups), "SecurityGroupRules": list(rules), "NetworkInterfaces": list(interfaces)
        }  # fmt: skip

    def __getattr__(self, operation):
        assert operation in {
            "create_security_group", "delete_security_group", "authorize_security_group_ingress",
            "authorize_security_group_egress", "revoke_security_group_ingress", "revoke_security_group_egress",
            "modify_security_group_rules",
        }  # fmt: skip
        return lambda **request: self.sent.append((operation, request))


class Look(Snapshot):
    """A snapshot of such an account, filtered as EC2 does it."""

    def all(self, service, operation, result, Filters=()):  # noqa: N803
        operations = {
            "SecurityGroups": "describe_security_groups", "SecurityGroupRules": "describe_security_group_rules",
            "NetworkInterfaces": "describe_network_interfaces",
        }  # fmt: skip
        assert (service, operation) == ("ec2", operations[result])
        self.aws.asked.append((result, Filters))
        return [each for each in self.aws.lists[result] if all(_passes(each, one) for one in Filters)]


def _passes(item, wanted):
    name, values = wanted["Name"], set(wanted["Values"])
    if name == "tag-key":
        return any(tag["Key"] in values for tag in item.get("Tags", []))
    return item[{"vpc-id": "VpcId", "group-id": "GroupId"}[name]] in values


def tags(key, env="test"):
    name = f"{env}-{key.partition('.')[2]}"
    given = {"Name": name, "runbook:owner": "runbook", "runbook:env": env, "runbook:key": key}
    return [{"Key": one, "Value": value} for one, value in given.items()]


def group(**changes):
    given = {
        "GroupId": "sg-1", "GroupName": "test-web", "VpcId": "vpc-1", "Description": "Web servers",
        "IpPermissionsEgress": [WORLD], "Tags": tags("security_group.web"),
    }  # fmt: skip
    return given | changes


def described(id_="sgr-1", name="", port=22, **fields):
    """A rule; one with a name is tagged as ours."""
    given = {"SecurityGroupRuleId": id_, "GroupId": "sg-1", "IsEgress": False, "IpProtocol": "tcp"}
    given |= {"FromPort": port, "ToPort": port, "Tags": tags(f"security_group_rule.{name}") if name else []}
    return given | (fields or {"CidrIpv4": "203.0.113.0/24"})


def look(*rules, groups=None, **more):
    return Look(Account([group()] if groups is None else groups, rules, **more))


# What is seen of a group.


def test_a_group_is_seen_with_what_a_plan_compares_and_what_later_calls_need():
    stranger = described("sgr-9")
    seen = web.observe(look(described("sgr-1", "web-app"), stranger), IDS)
    assert seen == Observed(
        "sg-1",
        {
            "vpc": "vpc-1", "description": "Web servers", "strangers": {"tcp 22 203.0.113.0/24"},
            "egress": {"all 0.0.0.0/0"},
        },
        detail={"_strangers": ["sgr-9"], "_egress": [WORLD]},
        tagging=Tagging("ec2", "sg-1", {tag["Key"]: tag["Value"] for tag in group()["Tags"]}),
    )  # fmt: skip
    assert seen.public_detail == {}


def test_only_groups_of_our_vpc_are_listed():
    """Others list them as well, so EC2 is asked once."""
    snapshot = look()
    web.observe(snapshot, IDS)
    ours = [{"Name": "vpc-id", "Values": ["vpc-1"]}]
    assert [filters for result, filters in snapshot.aws.asked if result == "SecurityGroups"] == [ours, ours]


def test_no_rule_but_our_own_and_all_egress_is_wanted():
    """The names of the rules are no field that is compared."""
    wanted = {"description": "Web servers", "strangers": frozenset(), "egress": {"all 0.0.0.0/0"}}
    for names in (None, ("web-app",)):
        assert replace(web, rules=names).desired(IDS) == {"vpc": "vpc-1", **wanted}
    assert web.desired({}) == {"vpc": Unknown("vpc.main"), **wanted}


@pytest.mark.parametrize("groups", [[], [group(Tags=[])], [group(Tags=tags("security_group.db"), GroupName="db")]])
def test_a_group_without_our_tags_is_none_of_ours(groups):
    assert web.observe(look(groups=groups), IDS) is None


def test_a_group_that_has_lost_its_key_is_not_taken_for_another():
    lost = [tag for tag in tags("security_group.web") if tag["Key"] != "runbook:key"]
    with pytest.raises(IdentityLost, match=r"security_group\.web: identity lost\. sg-1 "):
        web.observe(look(groups=[group(Tags=lost)]), IDS)


@pytest.mark.parametrize("ids", [IDS, {}])
def test_only_the_ingress_of_this_group_is_looked_at(ids):
    """Also when the VPC is gone from what is known: the group is found by its tags."""
    others = [group(GroupId="sg-2", Tags=tags("security_group.alb")), group(GroupId="sg-3", Tags=[])]
    rules = [
        described("sgr-1", GroupId="sg-2", CidrIpv4="192.0.2.0/24"),
        described("sgr-2", IsEgress=True, CidrIpv4="0.0.0.0/0"),
        described("sgr-3", port=80),
        described("sgr-4", "older", GroupId="sg-2"),
    ]
    seen = replace(web, rules=()).observe(look(*rules, groups=[*others, group()]), ids)
    assert (seen.id, seen.state["strangers"], seen.orphans) == ("sg-1", {"tcp 80 203.0.113.0/24"}, {})


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ({"CidrIpv4": "0.0.0.0/0"}, "tcp 22 0.0.0.0/0"),
        ({"CidrIpv6": "2001:db8::/64"}, "tcp 22 2001:db8::/64"),
        ({"PrefixListId": "pl-1"}, "tcp 22 pl-1"),
        ({"ReferencedGroupInfo": {"GroupId": "sg-9"}}, "tcp 22 sg-9"),
        ({"ReferencedGroupInfo": {}}, "tcp 22 None"),
        ({"CidrIpv4": "", "CidrIpv6": "", "PrefixListId": "", "IpProtocol": "udp", "ToPort": 30}, "udp 22-30 None"),
        ({"CidrIpv4": "0.0.0.0/0", "IpProtocol": "-1"}, "all 0.0.0.0/0"),
    ],
)
def test_a_plan_shows_what_a_stranger_lets_in(source, shown):
    assert web.observe(look(described(**source)), IDS).state["strangers"] == {shown}


@pytest.mark.parametrize(
    ("rules", "strangers", "orphans"),
    [
        (None, {"sgr-3", "sgr-4", "sgr-5", "sgr-6"}, []),
        (("web-app",), {"sgr-3", "sgr-4", "sgr-5", "sgr-6"}, ["first", "older"]),
        (("older", "first"), {"sgr-3", "sgr-4", "sgr-5", "sgr-6"}, ["web-app"]),
        ((), {"sgr-3", "sgr-4", "sgr-5", "sgr-6"}, ["first", "older", "web-app"]),
    ],
)
def test_a_rule_that_is_tagged_as_ours_is_an_orphan_when_no_stack_has_it(rules, strangers, orphans):
    """The tags of another environment, of another kind or without a name make none of ours."""
    found = [
        described("sgr-1", "web-app"),
        described("sgr-2", "older", port=23),
        described("sgr-7", "first", port=24),
        described("sgr-3"),
        described("sgr-4", Tags=tags("security_group_rule.web-app", env="prod")),
        described("sgr-5", Tags=tags("route.web-app")),
        described("sgr-6", Tags=tags("security_group_rule.")),
    ]
    seen = replace(web, rules=rules).observe(look(*found), IDS)
    assert set(seen.detail["_strangers"]) == strangers
    assert [orphan.key for orphan in seen.orphans] == [f"security_group_rule.{name}" for name in orphans]
    assert all(orphan.group == web for orphan in seen.orphans)
    ids = {"first": "sgr-7", "older": "sgr-2", "web-app": "sgr-1"}
    assert [orphan.id for orphan in seen.orphans.values()] == [ids[name] for name in orphans]


def test_an_orphan_is_seen_as_any_of_our_rules_is():
    (orphan,) = replace(web, rules=()).observe(look(described("sgr-1", "older")), IDS).orphans.items()
    resource, seen = orphan
    assert seen == resource.observe(look(described("sgr-1", "older")), IDS)


def test_rules_of_one_name_are_strangers_and_not_orphans():
    twice = [described("sgr-1", "older"), described("sgr-2", "older"), described("sgr-3", "oldest")]
    seen = replace(web, rules=()).observe(look(*twice), IDS)
    assert seen.detail["_strangers"] == ["sgr-1", "sgr-2"]
    assert [each.id for each in seen.orphans.values()] == ["sgr-3"]


def test_only_a_group_of_our_vpc_is_a_twin():
    """EC2 gives a name once in each VPC; what is tagged as something of a runbook's is no twin."""
    groups = [
        group(GroupId="sg-4", GroupName="test-alb", Tags=[]),
        group(GroupId="sg-5", VpcId="vpc-2", Tags=[]),
        group(GroupId="sg-6", Tags=[]),
        group(GroupId="sg-7"),
    ]
    assert list(web.twins(look(groups=groups), IDS)) == [Twin("sg-6", "name", ours=True)]
    assert list(web.twins(look(groups=groups), {})) == []


def test_the_interfaces_that_use_the_group_are_named():
    interfaces = [{"NetworkInterfaceId": f"eni-{n}", "GroupId": f"sg-{n}", "Description": "web"} for n in (1, 2)]
    assert web.users(look(interfaces=interfaces), Observed("sg-1", {})) == "eni-1 (web)"


# Rules.


def sent(act, *args):
    account = Account()
    act(account, IDS, *args)
    return account.sent


@pytest.mark.parametrize("resource", [RULE, IngressRule(name="web-app", group=web)])
@pytest.mark.parametrize(
    ("fields", "port", "source", "note"),
    [
        ({"CidrIpv4": "10.0.0.0/8"}, 22, "10.0.0.0/8", ""),
        ({"ReferencedGroupInfo": {"GroupId": "sg-2"}}, 22, "sg-2", ""),
        ({"CidrIpv6": "2001:db8::/64"}, 22, None, "Its source is 2001:db8::/64."),
        ({"PrefixListId": "pl-1"}, 22, None, "Its source is pl-1."),
        ({"ToPort": 30}, "tcp 22-30", None, "Its source is None."),
        ({"CidrIpv4": "10.0.0.0/8", "IpProtocol": "udp"}, "udp 22", "10.0.0.0/8", ""),
        ({"CidrIpv4": "10.0.0.0/8", "IpProtocol": "-1"}, "all", "10.0.0.0/8", ""),
    ],
)
def test_a_rule_is_seen_as_a_plan_compares_it(resource, fields, port, source, note):
    """Of another protocol or of several ports the port is a text, which no number hides."""
    rules = [described("sgr-8"), described("sgr-1", "web-app", Description="x", **fields), described("sgr-9", "older")]
    assert resource.observe(look(*rules), IDS) == Observed(
        "sgr-1",
        {"group": "sg-1", "port": port, "source": source, "description": "x"},
        note=note,
        tagging=Tagging("ec2", "sgr-1", {tag["Key"]: tag["Value"] for tag in tags("security_group_rule.web-app")}),
    )


def test_a_rule_without_a_description_has_an_empty_one():
    assert RULE.observe(look(described("sgr-1", "web-app")), IDS).state["description"] == ""


@pytest.mark.parametrize(
    "given", [[], tags("security_group_rule.web-app", env="prod"), tags("security_group_rule.web"), tags("web-app")]
)
def test_a_rule_without_our_tags_is_none_of_ours(given):
    assert RULE.observe(look(described("sgr-1", Tags=given)), IDS) is None


def test_a_rule_needs_no_more_tags_than_say_which_it_is():
    enough = [tag for tag in tags("security_group_rule.web-app") if tag["Key"] in ("runbook:env", "runbook:key")]
    assert RULE.observe(look(described("sgr-1", Tags=enough, CidrIpv4="10.0.0.0/8")), IDS).id == "sgr-1"


def test_of_two_rules_with_our_tags_none_is_chosen():
    with pytest.raises(Ambiguous, match=r"2 objects in AWS are tagged as security_group_rule\.web-app\."):
        RULE.observe(look(described("sgr-1", "web-app"), described("sgr-2", "web-app")), IDS)


def test_an_orphan_is_revoked_and_never_created():
    orphan = IngressRule(name="older", group=web)
    assert orphan.key == "security_group_rule.older"
    assert sent(orphan.delete, Observed("sgr-1", {"group": "sg-3"})) == [
        ("revoke_security_group_ingress", {"GroupId": "sg-3", "SecurityGroupRuleIds": ["sgr-1"]})
    ]
    with pytest.raises(NotImplementedError, match=r"^security_group_rule\.older is in no stack$"):
        orphan.create(None, IDS)


# Lists of groups and rules.


def test_the_groups_around_are_those_of_the_vpc_or_of_this_environment():
    groups = [
        group(GroupId="sg-1", Tags=[]),
        group(GroupId="sg-2", VpcId="vpc-2"),
        group(GroupId="sg-3", VpcId="vpc-2", Tags=tags("security_group.web", env="prod")),
    ]
    assert groups_around(look(groups=groups), "vpc-1") == ["sg-1"]
    assert groups_around(look(groups=groups), None) == ["sg-2"]


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (200, [200]), (201, [200, 1]), (401, [200, 200, 1])])
def test_the_rules_of_two_hundred_groups_are_asked_for_at_once(count, sizes):
    """The maximum of a filter.  A group whose id AWS has left out has no rules that anybody could ask for."""
    ids = [f"sg-{number:03}" for number in range(count)]
    snapshot = look(*(described(f"sgr-{each}", GroupId=each) for each in ids))
    found = rules_of(snapshot, ["", *ids[::-1]])
    assert [each["GroupId"] for each in found] == ids
    filters = [one for _, (one,) in snapshot.aws.asked]
    assert [(one["Name"], len(one["Values"])) for one in filters] == [("group-id", size) for size in sizes]
    assert [value for one in filters for value in one["Values"]] == ids


@pytest.mark.parametrize(
    ("permissions", "texts"),
    [
        ([], set()),
        ([{"IpProtocol": "-1"}], set()),
        ([{"IpProtocol": "-1", "IpRanges": None}, TO_NET], {"all 10.0.0.0/8"}),
        ([TO_BOTH, TO_GROUP], {"all 0.0.0.0/0", "all 10.0.0.0/8", "tcp 1-2 sg-9"}),
        ([{"IpProtocol": "udp", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}], {"udp ::/0"}),
        ([{"IpProtocol": "50", "PrefixListIds": [{"PrefixListId": "pl-1"}]}], {"protocol 50 pl-1"}),
    ],
)
def test_permissions_are_shown_one_for_each_source(permissions, texts):
    assert describe_permissions(permissions) == texts
