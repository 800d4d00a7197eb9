"""The network interfaces that keep a subnet, a security group or an internet gateway from being deleted."""

from __future__ import annotations

from ..aws.snapshot import ApiObject, Snapshot
from ..errors import RequestRejected

LINGER = 1200
"""Seconds that interfaces of a deleted load balancer or database may stay, and with them what they use.

https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ec2/vpc_internet_gateway.go (20 minutes)
https://github.com/alchemy-run/alchemy/pull/1125 (5 minutes were too few)
"""


def describe_interfaces(snapshot: Snapshot, filter_name: str, value: str, *, public: bool = False) -> str:
    """Ids and descriptions of the interfaces, e.g. ``eni-0a1b (ELB app/prod-web/0c2d)``; empty when there are none.

    Args:
        filter_name: EC2's filter, e.g. ``subnet-id``.
        public: Only those with a public address.
    """
    filters = [{"Name": filter_name, "Values": [value]}]
    try:
        found = snapshot.all("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=filters)
    except RequestRejected:  # without this permission the deletion goes on, only with less to say
        return ""
    return ", ".join(sorted(_name(each) for each in found if not public or each.get("Association", {}).get("PublicIp")))


def _name(interface: ApiObject) -> str:
    what = interface.get("Description") or interface.get("InterfaceType") or "without description"
    return f"{interface['NetworkInterfaceId']} ({what})"
