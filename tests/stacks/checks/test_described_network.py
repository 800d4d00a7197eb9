"""The controls of EC2 and Systems Manager, evaluated on what these would describe.

https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/ssm-controls.html
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from types import SimpleNamespace

import pytest

from runbook_lib.resources.launch_template import LaunchTemplate
from runbook_lib.stacks.checks.paths.model import ANY, TCP, UDP, Entry, Group, Interface, Rule, Traffic
from tests.stacks.checks.described import call, evaluate, wanted

VPC = [{"Name": "vpc-id", "Values": ["vpc-1"]}]
STATES = ["pending", "running", "stopping", "stopped"]
INSTANCES = [*VPC, {"Name": "instance-state-name", "Values": STATES}]
NOW = datetime.now(UTC)


def tags(key):
    return [{"Key": "runbook:key", "Value": key}, {"Key": "Name", "Value": "prod-x"}]


def described(operation, result, *items, filters=VPC):
    return {call("ec2", operation, Filters=filters): {result: [*items]}}


def servers(*instances):
    """Instances i-1, i-2 …, each in a reservation of its own; the second has tags, and the third shares its."""
    own = [
        {"InstanceId": f"i-{n}", "State": {"Name": "running"}, **({"Tags": tags("server.b")} if n == 2 else {}), **more}
        for n, more in enumerate(instances, 1)
    ]
    reservations = [{"Instances": own[:1]}, {"Instances": own[1:]}]
    return described("describe_instances", "Reservations", *reservations, filters=INSTANCES)


def volumes(*items, of=("i-1", "i-2", "i-3")):
    filters = [{"Name": "attachment.instance-id", "Values": [*of]}]
    return described("describe_volumes", "Volumes", *items, filters=filters)


def flow_logs(*items):
    filters = [{"Name": "resource-id", "Values": ["vpc-1"]}]
    own = [{"FlowLogId": f"fl-{n}", "FlowLogStatus": status, "TrafficType": what}
           for n, (status, what) in enumerate(items, 1)]  # fmt: skip
    return {call("ec2", "describe_flow_logs", Filter=filters): {"FlowLogs": own}}


def endpoints(*items):
    own = [{"VpcEndpointId": f"vpce-{n}", "ServiceName": f"com.amazonaws.eu-central-1.{name}", "VpcEndpointType": kind}
           for n, (name, kind) in enumerate(items, 1)]  # fmt: skip
    return described("describe_vpc_endpoints", "VpcEndpoints", *own)


def managed(*items):
    own = [{"InstanceId": own, "PingStatus": state} if state else {"InstanceId": own} for own, state in items]
    return {call("ssm", "describe_instance_information"): {"InstanceInformationList": own}}


def group(name, ingress=0, egress=0, **more):
    return {"GroupName": name, "IpPermissions": [{}] * ingress, "IpPermissionsEgress": [{}] * egress, **more}


def stopped(ago, words="User initiated ({} GMT)"):
    return {"State": {"Name": "stopped"}, "StateTransitionReason": words.format(f"{NOW - ago:%Y-%m-%d %H:%M:%S}")}


DAY = timedelta(days=1)
UNENCRYPTED = "is not encrypted"
NO_FLOW_LOG = ("vpc-1", "has no active flow log of what is rejected", "vpc.x")
CASES = [  # control, answers, what it looked at, offences
    ("EC2.2", described("describe_security_groups", "SecurityGroups", group("web", 2, 2, GroupId="sg-0"),
                        group("default", GroupId="sg-1"), group("default", 1, 2, GroupId="sg-2", Tags=tags("a.b")),
                        group("default", 0, 1, GroupId="sg-3")),
     ["sg-1", "sg-2", "sg-3"], [("sg-2", "has 3 rules", "a.b"), ("sg-3", "has 1 rule", "")]),
    ("EC2.3", servers({}, {}, {}) | volumes({"VolumeId": "v-1", "Encrypted": True}, {"VolumeId": "v-2"},
                                            {"VolumeId": "v-3", "Encrypted": False, "Tags": tags("a.b")}),
     ["v-1", "v-2", "v-3"], [("v-2", UNENCRYPTED, ""), ("v-3", UNENCRYPTED, "a.b")]),
    ("EC2.4", servers(stopped(30 * DAY), stopped(31 * DAY), stopped(400 * DAY, "({})")),
     ["i-1", "i-2", "i-3"],
     [("i-2", "has been stopped for 31 days", "server.b"), ("i-3", "has been stopped for 400 days", "")]),
    ("EC2.4", servers(stopped(99 * DAY) | {"State": {"Name": "running"}}, stopped(0 * DAY, "unknown"),
                      {"State": {"Name": "stopped"}}, stopped(99 * DAY, "at {}")),
     ["i-1", "i-2", "i-3", "i-4"], []),
    ("EC2.6", flow_logs(), ["vpc-1"], [NO_FLOW_LOG]),
    ("EC2.6", flow_logs(("ACTIVE", "ACCEPT"), ("INACTIVE", "ALL"), ("", "REJECT")),
     ["vpc-1", "fl-1", "fl-2", "fl-3"], [NO_FLOW_LOG]),
    ("EC2.6", flow_logs(("INACTIVE", "ALL"), ("ACTIVE", "ALL")), ["vpc-1", "fl-1", "fl-2"], []),
    ("EC2.6", flow_logs(("ACTIVE", "REJECT")), ["vpc-1", "fl-1"], []),
    ("EC2.8", servers({"MetadataOptions": {"HttpTokens": "required"}},
                      {"MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "enabled"}},
                      {"MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "disabled"}}, {}),
     ["i-1", "i-2", "i-3", "i-4"],
     [("i-2", "has HttpTokens optional", "server.b"), ("i-4", "has HttpTokens None", "")]),
    ("EC2.9", servers({"PublicIpAddress": "192.0.2.1"}, {}, {"PublicIpAddress": ""}),
     ["i-1", "i-2", "i-3"], [("i-1", "has the public address 192.0.2.1", "")]),
    ("EC2.10", endpoints(("ec2", "Gateway"), ("ec2messages", "Interface"), ("xec2", "Interface"), ("ssm", "Interface")),
     ["vpc-1", "vpce-1", "vpce-2", "vpce-3", "vpce-4"], [("vpc-1", "has no interface endpoint for ec2", "vpc.x")]),
    ("EC2.10", endpoints(("ec2", "Gateway"), ("ec2", "Interface")), ["vpc-1", "vpce-1", "vpce-2"], []),
    ("EC2.57", endpoints(("ec2", "Interface")), ["vpc-1", "vpce-1"],
     [("vpc-1", "has no interface endpoint for ssm", "vpc.x")]),
    ("EC2.57", endpoints(("ssm", "Interface"), ("ec2", "Interface")), ["vpc-1", "vpce-1", "vpce-2"], []),
    ("EC2.15", described("describe_subnets", "Subnets", {"SubnetId": "a", "MapPublicIpOnLaunch": False},
                         {"SubnetId": "b", "MapPublicIpOnLaunch": True, "Tags": tags("subnet.b")}),
     ["a", "b"], [("b", "gives new interfaces a public address", "subnet.b")]),
    ("EC2.16", described("describe_network_acls", "NetworkAcls",
                         {"NetworkAclId": "acl-0", "IsDefault": True, "Associations": []},
                         {"NetworkAclId": "acl-1", "IsDefault": False, "Associations": [{}]},
                         {"NetworkAclId": "acl-2", "IsDefault": False, "Associations": [], "Tags": tags("acl.b")}),
     ["acl-1", "acl-2"], [("acl-2", "is used by no subnet", "acl.b")]),
    ("EC2.17", servers(*({"NetworkInterfaces": [{}] * n} for n in (1, 2, 3, 0))),
     ["i-1", "i-2", "i-3", "i-4"], [("i-2", "has 2 interfaces", "server.b"), ("i-3", "has 3 interfaces", "")]),
    ("EC2.24", servers({"VirtualizationType": "hvm"}, {"VirtualizationType": "paravirtual"}, {}),
     ["i-1", "i-2", "i-3"], [("i-2", "is paravirtual", "server.b")]),
    ("SSM.1", servers({}, {}, {"State": {"Name": "stopped"}}, {}, {}, {})
     | managed(("i-1", "Online"), ("i-2", "ConnectionLost"), ("i-5", ""), ("i-6", "Online"), ("mi-1", "Online")),
     ["i-1", "i-2", "i-4", "i-5", "i-6"],
     [("i-2", "is not online in Systems Manager", "server.b"), ("i-4", "is not online in Systems Manager", ""),
      ("i-5", "is not online in Systems Manager", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("control", "answers", "looked_at", "offences"), CASES)
def test_what_a_control_finds(control, answers, looked_at, offences):
    assert evaluate(control, answers) == (looked_at, offences)


@pytest.mark.parametrize(
    ("control", "answers", "why"),
    [
        ("EC2.2", described("describe_security_groups", "SecurityGroups", group("web")),
         "the VPC has no default security group"),
        ("EC2.3", servers(), "no volume is attached"),
        ("EC2.3", servers({}) | volumes(of=["i-1"]), "no volume is attached"),
        *((each, servers(), "there is no instance in the VPC")
          for each in ("EC2.4", "EC2.8", "EC2.9", "EC2.17", "EC2.24")),
        ("SSM.1", servers({"State": {"Name": "stopped"}}) | managed(("i-1", "Online")),
         "there is no instance in the VPC"),
        ("EC2.15", described("describe_subnets", "Subnets"), "the VPC has no subnet"),
        *((each, described("describe_network_acls", "NetworkAcls", {"NetworkAclId": "acl-0", "IsDefault": True}),
           "the VPC has its default network ACL only, of which AWS makes no finding") for each in ("EC2.16", "EC2.21")),
        *((each, {}, "there is no launch template") for each in ("EC2.25", "EC2.170", "EC2.181")),
        ("EC2.7", {}, "a setting of the whole account; EC2.3 and EC2.181 look at what this environment has"),
        ("EC2.172", {}, "a setting of the whole account, in which this environment serves the internet"),
    ],
)  # fmt: skip
def test_a_control_that_does_not_apply(control, answers, why):
    assert evaluate(control, answers) == why


WORLD, WORLD_6 = "0.0.0.0/0", "::/0"


def network(*rules, **more):
    """Each rule in a group of its own: sg-1, sg-2 …; the last group has none."""
    own = [*((Rule(traffic, peer if peer.startswith("sg") else ip_network(peer)),) for traffic, peer in rules), ()]
    groups = {f"sg-{n}": Group(f"sg-{n}", ingress=each) for n, each in enumerate(own, 1)}
    keys = {"sg-1": {"Name": "of somebody else"}} | {f"sg-{n}": {"runbook:key": f"group.{n}"} for n in (2, 4)}
    return SimpleNamespace(id="vpc-1", groups=groups, tags=keys, **more)


OPEN = "a port with high risk among it"


@pytest.mark.parametrize(
    ("traffic", "words", "broken"),
    [
        (Traffic(TCP, 22, 22), "tcp 22", {"EC2.13": "SSH among it", "EC2.18": "", "EC2.19": OPEN}),
        (Traffic(TCP, 3389, 3389), "tcp 3389", {"EC2.14": "RDP among it", "EC2.18": "", "EC2.19": OPEN}),
        (Traffic(TCP, 80, 81), "tcp 80-81", {"EC2.18": ""}), (Traffic(TCP, 79, 80), "tcp 79-80", {"EC2.18": ""}),
        (Traffic(TCP, 443, 443), "", {}), (Traffic(TCP, 80, 80), "", {}),
        (Traffic(UDP, 443, 443), "udp 443", {"EC2.18": ""}), (Traffic(UDP, 22, 22), "udp 22", {"EC2.18": ""}),
        (Traffic("icmp", 8, 8), "", {}), (Traffic("icmp"), "", {}),
        (Traffic(TCP, 23, 3388), "tcp 23-3388", {"EC2.18": "", "EC2.19": OPEN}),
        (Traffic(TCP), "all of tcp",
         {"EC2.13": "SSH among it", "EC2.14": "RDP among it", "EC2.18": "", "EC2.19": OPEN}),
        (Traffic(ANY), "everything",
         {"EC2.13": "SSH among it", "EC2.14": "RDP among it", "EC2.18": "", "EC2.19": OPEN}),
    ],
)  # fmt: skip
def test_what_a_security_group_opens(traffic, words, broken):
    """To the whole internet, not to a part of it or to another group."""
    own = network(
        (traffic, "10.0.0.0/8"), (traffic, WORLD), (traffic, "sg-2"), (traffic, WORLD_6), (traffic, "2000::/3")
    )
    for control in ("EC2.13", "EC2.14", "EC2.18", "EC2.19"):
        why = broken.get(control)
        ending = f", {why}" if why else ""
        opened = [("2", WORLD), ("4", WORLD_6)] if why is not None else []
        expected = [(f"sg-{n}", f"opens {words} to {peer}{ending}", f"group.{n}") for n, peer in opened]
        assert evaluate(control, network=own) == ([f"sg-{n}" for n in range(1, 7)], expected), control


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


@pytest.mark.parametrize("control", PORTS)
def test_a_port_open_to_the_world_breaks_a_control_or_does_not(control):
    for peer, broken in zip((WORLD, WORLD_6), PORTS[control], strict=True):
        _, offences = evaluate(control, network=network(*((Traffic(TCP, port, port), peer) for port in ALL)))
        assert {ALL[int(id_.removeprefix("sg-")) - 1] for id_, _, _ in offences} == broken


@pytest.mark.parametrize(("control", "peer"), [("EC2.53", WORLD), ("EC2.54", WORLD_6)])
@pytest.mark.parametrize("port", [22, 3389])
def test_remote_administration_of_one_family(control, peer, port):
    traffic = Traffic(TCP, port, port)
    own = network((traffic, WORLD), (traffic, WORLD_6), (traffic, "10.0.0.0/8"))
    offence = ("sg-1", "") if peer == WORLD else ("sg-2", "group.2")
    why = f"opens tcp {port} to {peer}, remote administration among it"
    assert evaluate(control, network=own) == (["sg-1", "sg-2", "sg-3", "sg-4"], [(offence[0], why, offence[1])])


def test_a_group_with_two_rules_is_told_for_each():
    rules = tuple(Rule(Traffic(TCP, 22, 22), ip_network(peer)) for peer in (WORLD, WORLD_6))
    own = SimpleNamespace(id="vpc-1", tags={}, groups={"sg-1": Group("sg-1", ingress=rules, egress=rules)})
    assert len(evaluate("EC2.13", network=own)[1]) == len(evaluate("EC2.18", network=own)[1]) == 2


def entry(number, allow, port=22, peer=WORLD, egress=False, protocol=TCP):
    return Entry(number, egress, Traffic(protocol, port, port), ip_network(peer), allow)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([entry(1, True)], "allows 22 from 0.0.0.0/0 (rule 1)"),
        ([entry(1, True, 3389)], "allows 3389 from 0.0.0.0/0 (rule 1)"),
        ([entry(1, True, peer=WORLD_6)], "allows 22 from ::/0 (rule 1)"),
        ([entry(1, False), entry(2, True)], ""),
        ([entry(1, True), entry(2, False)], "allows 22 from 0.0.0.0/0 (rule 1)"),
        ([entry(1, False), entry(2, True, peer=WORLD_6)], "allows 22 from ::/0 (rule 2)"),
        ([entry(1, False, peer="10.0.0.0/8"), entry(2, True)], "allows 22 from 0.0.0.0/0 (rule 2)"),
        ([entry(1, False, 443), entry(2, True)], "allows 22 from 0.0.0.0/0 (rule 2)"),
        ([entry(1, False, egress=True), entry(2, True)], "allows 22 from 0.0.0.0/0 (rule 2)"),
        ([entry(1, True, 3389), entry(2, True, 22)], "allows 22 from 0.0.0.0/0 (rule 2)"),
        ([entry(1, True, 23), entry(2, True, 3388)], ""), ([entry(1, True, protocol=UDP)], ""),
        ([entry(1, True, peer="10.0.0.0/8")], ""), ([entry(1, True, egress=True)], ""), ([], ""),
    ],
)  # fmt: skip
def test_a_network_acl_that_lets_the_internet_administer(entries, why):
    """The entry with the lowest number that is about the whole internet decides."""
    listed = [("acl-0", True), ("acl-1", False), ("acl-2", False)]
    acls = [{"NetworkAclId": own, "IsDefault": default, "Tags": tags("acl.b")} for own, default in listed]
    answers = described("describe_network_acls", "NetworkAcls", *acls)
    own = network(acls={"acl-0": (entry(1, True),), "acl-1": tuple(entries), "acl-2": ()})
    assert evaluate("EC2.21", answers, network=own) == (["acl-1", "acl-2"], [("acl-1", why, "acl.b")] if why else [])


def interface(id_, instance, checks):
    return Interface(id_, "subnet-1", (), (), instance=instance, source_dest_check=checks)


def test_the_interfaces_of_instances_check_source_and_destination():
    """Those of gateways and the like do not."""
    all_ = [interface("eni-1", "i-1", True), interface("eni-2", "i-2", False), interface("eni-3", "", False)]
    own = network(interfaces={each.id: each for each in all_})
    offences = [("eni-2", "does not check source and destination", "server.b")]
    assert evaluate("EC2.180", servers({}, {}), network=own) == (["eni-1", "eni-2"], offences)
    offences = [("eni-2", "does not check source and destination", "")]
    assert evaluate("EC2.180", servers({}), network=own) == (["eni-1", "eni-2"], offences)
    own.interfaces.pop("eni-1"), own.interfaces.pop("eni-2")
    assert evaluate("EC2.180", servers({}), network=own) == "there is no instance in the VPC"


def look_at_template(control, data):
    """The offence of a template whose default version has the data; of its neighbours, each has its own versions."""
    listed, answers = [], {}
    fine = {"BlockDeviceMappings": [{"Ebs": {"Encrypted": True}}], "MetadataOptions": {"HttpTokens": "required"}}
    for name, default, latest in (("x", data, fine), ("y", fine, {"NetworkInterfaces": [{}]})):
        versions = [
            {"VersionNumber": 2, "CreateTime": NOW, "LaunchTemplateData": latest},
            {"VersionNumber": 1, "CreateTime": NOW, "LaunchTemplateData": default, "DefaultVersion": True},
        ]
        request = {"LaunchTemplateId": f"lt-{name}", "Versions": ["$Latest", "$Default"]}
        answers[call("ec2", "describe_launch_template_versions", **request)] = {"LaunchTemplateVersions": versions}
        listed.append({"LaunchTemplateId": f"lt-{name}", "Tags": tags(f"own.{name}")})
    answers[call("ec2", "describe_launch_templates")] = {"LaunchTemplates": listed}
    templates = [wanted(LaunchTemplate, each) for each in ("z", "x", "y")]  # the first is not there yet
    looked_at, offences = evaluate(control, answers, *templates)
    assert looked_at == ["lt-x", "lt-y"]
    assert {(id_, key) for id_, _, key in offences} <= {("lt-x", "own.x")}
    return "".join(why for _, why, _ in offences)


PUBLIC, PLAIN = "gives servers a public address", "does not encrypt its disks"
ENCRYPTED = {"Ebs": {"Encrypted": True}}


@pytest.mark.parametrize(
    ("control", "data", "why"),
    [
        ("EC2.25", {}, ""), ("EC2.25", {"NetworkInterfaces": [{}, {"AssociatePublicIpAddress": True}]}, PUBLIC),
        ("EC2.25", {"NetworkInterfaces": [{"AssociatePublicIpAddress": False}]}, ""),
        ("EC2.170", {"MetadataOptions": {"HttpTokens": "required"}}, ""), ("EC2.170", {}, "has HttpTokens None"),
        ("EC2.170", {"MetadataOptions": {"HttpTokens": "optional"}}, "has HttpTokens optional"),
        ("EC2.170", {"MetadataOptions": {"HttpEndpoint": "disabled"}}, ""),
        ("EC2.181", {"BlockDeviceMappings": [ENCRYPTED, ENCRYPTED]}, ""), ("EC2.181", {}, PLAIN),
        ("EC2.181", {"BlockDeviceMappings": [ENCRYPTED, {"Ebs": {}}]}, PLAIN),
        ("EC2.181", {"BlockDeviceMappings": [{"VirtualName": "ephemeral0"}, ENCRYPTED]}, PLAIN),
        ("EC2.181", {"BlockDeviceMappings": [{"Ebs": {"Encrypted": False}}]}, PLAIN),
    ],
)  # fmt: skip
def test_what_the_default_version_of_a_template_launches(control, data, why):
    assert look_at_template(control, data) == why
