"""Fields that EC2 always sends, and moto does not."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_ip_addresses import ElasticAddress
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
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_HibernationOptions.html."""
    moto(instance, *args, **params)
    instance.hibernation_options = {"Configured": bool((instance.hibernation_options or {}).get("Configured"))}
