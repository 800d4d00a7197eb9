"""EC2.x and SSM.1: network, instances, disks and launch templates.

https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/ssm-controls.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from ....aws.snapshot import ApiObject, tags_of
from ....formatting import pluralize
from ....resources.launch_template import LaunchTemplate
from ....resources.template_versions import find_versions
from ..account import Account
from ..paths.model import ANY, TCP, UDP, Entry, Rule
from .outcome import Evaluation, Offence, Outcome, Wrong, judge, none, required

_AUTHORIZED = (80, 443)
"""The default of EC2.18's parameter `authorizedTcpPorts`."""
_HIGH_RISK = (
    20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088,
    8888, 9200, 9300,
)  # fmt: skip
"""The ports of EC2.19."""
_SSH, _RDP = 22, 3389
_STOPPED_DAYS = 30
"""The default of EC2.4's parameter `AllowedDays`."""
_NO_INSTANCE = "there is no instance in the VPC"
_NO_TEMPLATE = "there is no launch template"
_STATES = ["pending", "running", "stopping", "stopped"]


def _in_vpc(account: Account) -> list[ApiObject]:
    return [{"Name": "vpc-id", "Values": [account.network.id]}]


def instances(account: Account) -> list[ApiObject]:
    """The instances of the VPC, also those made by hand."""
    filters = [*_in_vpc(account), {"Name": "instance-state-name", "Values": _STATES}]
    found = account.snapshot.all("ec2", "describe_instances", "Reservations", Filters=filters)
    return [instance for reservation in found for instance in reservation["Instances"]]


def _each_instance(account: Account, wrong: Wrong) -> Outcome:
    return judge(instances(account), "InstanceId", wrong, _NO_INSTANCE)


def _default_group(account: Account) -> Outcome:
    groups = account.snapshot.all("ec2", "describe_security_groups", "SecurityGroups", Filters=_in_vpc(account))
    default = [group for group in groups if group["GroupName"] == "default"]

    def wrong(group: ApiObject) -> str:
        rules = len(group["IpPermissions"]) + len(group["IpPermissionsEgress"])
        return f"has {pluralize(rules, 'rule')}" if rules else ""

    return judge(default, "GroupId", wrong, "the VPC has no default security group")


def _volumes(account: Account) -> Outcome:
    own = [instance["InstanceId"] for instance in instances(account)]
    filters = [{"Name": "attachment.instance-id", "Values": own}]
    volumes = account.snapshot.all("ec2", "describe_volumes", "Volumes", Filters=filters) if own else []
    return judge(volumes, "VolumeId", required("Encrypted", True, "is not encrypted"), "no volume is attached")


def _stopped(instance: ApiObject) -> str:
    if instance["State"]["Name"] != "stopped":
        return ""
    found = re.search(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", str(instance.get("StateTransitionReason")))
    since = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else datetime.now(UTC)
    days = (datetime.now(UTC) - since) // timedelta(days=1)
    return f"has been stopped for {days} days" if days > _STOPPED_DAYS else ""


def _flow_logs(account: Account) -> Outcome:
    vpc = account.network.id
    filters = [{"Name": "resource-id", "Values": [vpc]}]
    logs = account.snapshot.all("ec2", "describe_flow_logs", "FlowLogs", Filter=filters)
    active = [log for log in logs if log["FlowLogStatus"] == "ACTIVE" and log["TrafficType"] in ("ALL", "REJECT")]
    looked_at = (vpc, *(log["FlowLogId"] for log in logs))
    lacks = Offence(vpc, "has no active flow log of what is rejected", _key(account, vpc))
    return Outcome(looked_at, () if active else (lacks,))


def _no_imdsv2(options: ApiObject) -> str:
    tokens = options.get("HttpTokens")
    return "" if tokens == "required" or options.get("HttpEndpoint") == "disabled" else f"has HttpTokens {tokens}"


def _public_address(instance: ApiObject) -> str:
    address = instance.get("PublicIpAddress")
    return f"has the public address {address}" if address else ""


def _endpoint(service: str, account: Account) -> Outcome:
    vpc = account.network.id
    endpoints = account.snapshot.all("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=_in_vpc(account))
    names = [each for each in endpoints if each["ServiceName"].endswith(f".{service}")]
    has_one = any(each["VpcEndpointType"] == "Interface" for each in names)
    looked_at = (vpc, *(each["VpcEndpointId"] for each in endpoints))
    lacks = Offence(vpc, f"has no interface endpoint for {service}", _key(account, vpc))
    return Outcome(looked_at, () if has_one else (lacks,))


def _key(account: Account, own: str) -> str:
    """The runbook's key of the VPC or a security group."""
    return account.network.tags.get(own, {}).get("runbook:key", "")


def _world_open(account: Account, ports: Collection[int], networks: Collection[str], words: str) -> Outcome:
    """The security groups that open one of the ports to the whole internet."""
    offences = [
        Offence(group.id, f"opens {_ports(rule)} to {rule.peer}, {words}", _key(account, group.id))
        for group in account.network.groups.values()
        for rule in group.ingress
        if str(rule.peer) in networks and any(rule.traffic.matches(TCP, port) for port in ports)
    ]
    return Outcome([*account.network.groups], offences)


def _ports(rule: Rule) -> str:
    traffic = rule.traffic
    if traffic.low is None:
        return "everything" if traffic.protocol == ANY else f"all of {traffic.protocol}"
    return f"{traffic.protocol} {traffic.low}" + (f"-{traffic.high}" if traffic.high != traffic.low else "")


_V4, _V6 = ("0.0.0.0/0",), ("::/0",)


def _unauthorized(account: Account) -> Outcome:
    """EC2.18: other than the authorized TCP ports; ICMP has no ports."""
    offences = [
        Offence(group.id, f"opens {_ports(rule)} to {rule.peer}", _key(account, group.id))
        for group in account.network.groups.values()
        for rule in group.ingress
        if str(rule.peer) in (*_V4, *_V6) and rule.traffic.protocol in (TCP, UDP, ANY) and not _is_authorized(rule)
    ]
    return Outcome([*account.network.groups], offences)


def _is_authorized(rule: Rule) -> bool:
    traffic = rule.traffic
    return traffic.protocol == TCP and traffic.low == traffic.high and traffic.low in _AUTHORIZED


def _auto_assign(account: Account) -> Outcome:
    subnets = account.snapshot.all("ec2", "describe_subnets", "Subnets", Filters=_in_vpc(account))
    wrong = required("MapPublicIpOnLaunch", False, "gives new interfaces a public address")
    return judge(subnets, "SubnetId", wrong, "the VPC has no subnet")


def _acls(account: Account) -> list[ApiObject]:
    found = account.snapshot.all("ec2", "describe_network_acls", "NetworkAcls", Filters=_in_vpc(account))
    return [acl for acl in found if not acl["IsDefault"]]


_DEFAULT_ACL = "the VPC has its default network ACL only, of which AWS makes no finding"


def _unused_acls(account: Account) -> Outcome:
    return judge(_acls(account), "NetworkAclId", lambda acl: "" if acl["Associations"] else "is used by no subnet",
                 _DEFAULT_ACL)  # fmt: skip


def _open_acls(account: Account) -> Outcome:
    def wrong(acl: ApiObject) -> str:
        entries = [each for each in account.network.acls[acl["NetworkAclId"]] if not each.egress]
        return next((f"allows {port} from {each.network} (rule {each.number})" for port in (_SSH, _RDP)
                     for each in _deciding(entries, port)), "")  # fmt: skip

    return judge(_acls(account), "NetworkAclId", wrong, _DEFAULT_ACL)


def _deciding(entries: list[Entry], port: int) -> Iterator[Entry]:
    """The entries that let the whole internet in: for each family the first that is about all of it."""
    for networks in (_V4, _V6):
        about = [each for each in entries if str(each.network) in networks and each.traffic.matches(TCP, port)]
        if about and about[0].allow:
            yield about[0]


def _templates(account: Account) -> list[ApiObject]:
    """The default versions of the environment's launch templates; ``Data`` is what it launches."""
    found = []
    for template in account.environment.every(LaunchTemplate):
        if versions := find_versions(account.snapshot, template.key):
            own = versions.template_id
            request = {"LaunchTemplateId": own, "Versions": ["$Latest", "$Default"]}
            listed = account.snapshot.all(
                "ec2", "describe_launch_template_versions", "LaunchTemplateVersions", **request)  # fmt: skip
            data = next(each["LaunchTemplateData"] for each in listed if each.get("DefaultVersion"))
            found.append({"Id": own, "Data": data, "Tags": versions.template["Tags"]})
    return found


def _public_template(template: ApiObject) -> str:
    interfaces = template["Data"].get("NetworkInterfaces") or []
    return "gives servers a public address" if any(i.get("AssociatePublicIpAddress") for i in interfaces) else ""


def _plain_disk(template: ApiObject) -> str:
    disks = [mapping.get("Ebs") or {} for mapping in template["Data"].get("BlockDeviceMappings") or []]
    encrypted = bool(disks) and all(disk.get("Encrypted") for disk in disks)
    return "" if encrypted else "does not encrypt its disks"


def _each_template(account: Account, wrong: Wrong) -> Outcome:
    return judge(_templates(account), "Id", wrong, _NO_TEMPLATE)


def _source_check(account: Account) -> Outcome:
    own = [i for i in account.network.interfaces.values() if i.instance]
    keys = {each["InstanceId"]: tags_of(each).get("runbook:key", "") for each in instances(account)}
    off = [Offence(i.id, "does not check source and destination", keys.get(i.instance, ""))
           for i in own if not i.source_dest_check]  # fmt: skip
    return Outcome([i.id for i in own], off) if own else none(_NO_INSTANCE)


def _managed(account: Account) -> Outcome:
    """SSM.1."""
    listed = account.snapshot.all("ssm", "describe_instance_information", "InstanceInformationList")
    managed = {each["InstanceId"] for each in listed if each.get("PingStatus") == "Online"}
    running = [each for each in instances(account) if each["State"]["Name"] == "running"]
    wrong = lambda instance: "" if instance["InstanceId"] in managed else "is not online in Systems Manager"  # noqa: E731
    return judge(running, "InstanceId", wrong, _NO_INSTANCE)


NETWORK: dict[str, Evaluation] = {
    "EC2.2": _default_group,
    "EC2.6": _flow_logs,
    "EC2.7": lambda _: none("a setting of the whole account; EC2.3 and EC2.181 look at what this environment has"),
    "EC2.10": partial(_endpoint, "ec2"),
    "EC2.13": lambda a: _world_open(a, (_SSH,), (*_V4, *_V6), "SSH among it"),
    "EC2.14": lambda a: _world_open(a, (_RDP,), (*_V4, *_V6), "RDP among it"),
    "EC2.15": _auto_assign,
    "EC2.16": _unused_acls,
    "EC2.18": _unauthorized,
    "EC2.19": lambda a: _world_open(a, _HIGH_RISK, (*_V4, *_V6), "a port with high risk among it"),
    "EC2.21": _open_acls,
    "EC2.53": lambda a: _world_open(a, (_SSH, _RDP), _V4, "remote administration among it"),
    "EC2.54": lambda a: _world_open(a, (_SSH, _RDP), _V6, "remote administration among it"),
    "EC2.57": partial(_endpoint, "ssm"),
    "EC2.172": lambda _: none("a setting of the whole account, in which this environment serves the internet"),
}
INSTANCES: dict[str, Evaluation] = {
    "EC2.3": _volumes,
    "EC2.4": lambda a: _each_instance(a, _stopped),
    "EC2.8": lambda a: _each_instance(a, lambda i: _no_imdsv2(i.get("MetadataOptions") or {})),
    "EC2.9": lambda a: _each_instance(a, _public_address),
    "EC2.17": lambda a: _each_instance(
        a, lambda i: f"has {n} interfaces" if (n := len(i["NetworkInterfaces"])) > 1 else ""),
    "EC2.24": lambda a: _each_instance(
        a, lambda i: "is paravirtual" if i.get("VirtualizationType") == "paravirtual" else ""),
    "EC2.25": lambda a: _each_template(a, _public_template),
    "EC2.170": lambda a: _each_template(a, lambda t: _no_imdsv2(t["Data"].get("MetadataOptions") or {})),
    "EC2.180": _source_check,
    "EC2.181": lambda a: _each_template(a, _plain_disk),
    "SSM.1": _managed,
}  # fmt: skip
