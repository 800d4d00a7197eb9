"""What is asked about security groups: only about those of this environment's network."""

from dataclasses import replace

from runbook_lib.stacks.stack import Stack, in_order
from tests.resources.cases_network import CASES
from tests.resources.test_contract import bring_about, grounds

RULE = CASES["security group rule"][0]


def test_only_rules_of_the_groups_in_our_network_are_asked_for(engine, aws):
    """A region may have thousands of others; a rule that somebody adds to one of ours is found all the same."""
    everything = Stack("s", all=in_order([RULE]))
    bring_about(engine, grounds(RULE))
    bring_about(engine, Stack("s", it=RULE))
    ids = {resource: seen.id for resource, seen in engine.survey(everything, refresh=True).items()}
    asked = []
    engine.aws._session.events.register(
        "provide-client-params.ec2.DescribeSecurityGroupRules", lambda params, **_: asked.append(dict(params))
    )
    engine.aws._service_clients.clear()
    ec2 = aws.client("ec2")
    world = {"CidrIp": "0.0.0.0/0"}
    ec2.authorize_security_group_ingress(
        GroupId=ids[RULE.group],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [world]}],
    )
    (change,) = engine.plan(everything, refresh=True).todo
    assert (change.key, set(change.fields)) == (RULE.group.key, {"strangers"})
    assert asked
    inside = [{"Name": "vpc-id", "Values": [ids[RULE.group.vpc]]}]
    ours = {group["GroupId"] for group in ec2.describe_security_groups(Filters=inside)["SecurityGroups"]}
    assert ids[RULE.group] in ours
    assert len(ours) < len(ec2.describe_security_groups()["SecurityGroups"])
    for request in asked:
        (values,) = (each["Values"] for each in request["Filters"] if each["Name"] == "group-id")
        assert set(values) == ours


def test_tags_that_were_copied_to_another_rule_make_no_orphans(engine, aws):
    """Two rules of one name that no stack contains: both are open ports, and are revoked as strangers."""
    everything = Stack("s", all=in_order([RULE]))
    bring_about(engine, grounds(RULE))
    bring_about(engine, Stack("s", it=RULE))
    (group,) = {seen.id for resource, seen in engine.survey(everything, refresh=True).items() if resource == RULE.group}
    tags = engine.aws.tag_spec("security-group-rule", replace(RULE, name="older"))
    for port in (22, 23):
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        aws.client("ec2").authorize_security_group_ingress(
            GroupId=group, IpPermissions=[permission], TagSpecifications=tags
        )
    only = replace(RULE.group, rules=(RULE.name,))
    (change,) = engine.plan(Stack("s", all=(RULE.group.vpc, only)), refresh=True).todo
    assert (change.key, set(change.fields)) == (RULE.group.key, {"strangers"})


def test_a_plan_names_a_source_that_no_rule_of_ours_has(engine, aws):
    """Somebody put another rule in the place of ours, with its tags, for a network of IPv6."""
    everything = Stack("s", all=in_order([RULE]))
    bring_about(engine, grounds(RULE))
    bring_about(engine, Stack("s", it=RULE))
    ids = {resource: seen.id for resource, seen in engine.survey(everything, refresh=True).items()}
    ec2 = aws.client("ec2")
    ec2.revoke_security_group_ingress(GroupId=ids[RULE.group], SecurityGroupRuleIds=[ids[RULE]])
    source = {"Ipv6Ranges": [{"CidrIpv6": "2001:db8::/64", "Description": RULE.description}]}
    ec2.authorize_security_group_ingress(
        GroupId=ids[RULE.group],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": RULE.port, "ToPort": RULE.port, **source}],
        TagSpecifications=engine.aws.tag_spec("security-group-rule", RULE),
    )
    (change,) = engine.plan(everything, refresh=True).todo
    assert (change.key, set(change.fields)) == (RULE.key, {"source"})
    assert change.reason == "Its source is 2001:db8::/64."


def test_what_ec2_does_not_know_yet_is_tried_again():
    """EC2 may list a new VPC, or its default group, before it lets it be changed."""
    vpc, group = CASES["vpc"][0], CASES["default security group"][0]
    assert vpc.is_eventual("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist")
    assert group.is_eventual("InvalidGroup.NotFound", "The security group 'sg-1' does not exist")
