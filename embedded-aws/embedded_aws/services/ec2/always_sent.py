"""Fields that EC2 always sends, and moto does not, or in another form."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociation
from moto.ec2.models.instances import Instance
from moto.ec2.models.route_tables import RouteTable
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPCEndPoint

from embedded_aws.patching import Method, patch

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Address.html
ElasticAddress.network_border_group = property(lambda address: address.ec2_backend.region_name)
ElasticAddress.public_ipv4_pool = "amazon"
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTable.html
RouteTable.propagating_vgws = ()
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
SecurityGroupRule.group_owner_id = property(lambda rule: rule.ec2_backend.account_id)
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html
Subnet.map_customer_owned_ip_on_launch = False
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html
VPCEndPoint.requester_managed = False
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
Instance.ena_support = True


@patch(Instance, "__init__")
def initialize(moto: Method, instance: Any, *args: Any, **params: Any) -> None:
    """Say whether it can hibernate; with ENA it has no older enhanced networking.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_HibernationOptions.html
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sriov-networking.html
    """
    moto(instance, *args, **params)
    instance.hibernation_options = {"Configured": bool((instance.hibernation_options or {}).get("Configured"))}
    instance.sriov_net_support = None


@patch(IamInstanceProfileAssociation, "__init__")
def initialize_association(moto: Method, association: Any, *args: Any, **params: Any) -> None:
    """Describe an instance with the id of its profile, not of the association.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IamInstanceProfile.html
    """
    moto(association, *args, **params)
    profile = association.iam_instance_profile
    association.instance.iam_instance_profile = {"Arn": profile.arn, "Id": profile.id}


def _state_reason(instance: Any) -> Any:
    """Return the reason of the last state change; None for a running instance.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
    """
    reason = vars(instance)["state_reason"]
    return reason if reason.code else None


def _set_state_reason(instance: Any, reason: Any) -> None:
    vars(instance)["state_reason"] = reason


def _state_transition_reason(instance: Any) -> str:
    """Return, for instance, `User initiated (2022-11-17 10:53:38 GMT)`.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html#troubleshooting-launch-internal
    """
    return str(instance._reason).replace(" UTC)", " GMT)")


Instance.state_reason = property(_state_reason, _set_state_reason)
Instance.state_transition_reason = property(_state_transition_reason)


def _private_dns_name(interface: Any, address: str | None = None) -> str | None:
    """Return the private name of an interface's address; None where its VPC has no DNS host names, or is gone.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html#vpc-dns-hostnames
    """
    ec2, address = interface.ec2_backend, address or interface.private_ip_address
    vpc = ec2.vpcs.get(interface.subnet.vpc_id)  # a terminated instance is shown after its VPC was deleted
    if vpc is None or not vpc.enable_dns_hostnames or not address:
        return None
    domain = "ec2" if ec2.region_name == "us-east-1" else f"{ec2.region_name}.compute"
    return f"ip-{address.replace('.', '-')}.{domain}.internal"


_moto_addresses = NetworkInterface.instance_private_ip_address_list


def _addresses(interface: Any) -> list[dict[str, Any]]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstancePrivateIpAddress.html (privateDnsName)."""
    addresses = _moto_addresses.fget(interface)
    return [{**one, "PrivateDnsName": _private_dns_name(interface, one["PrivateIpAddress"])} for one in addresses]


# moto sets the name once, with the domain of us-east-1.
NetworkInterface.private_dns_name = property(_private_dns_name, lambda interface, name: None)
NetworkInterface.instance_private_ip_address_list = property(_addresses)
