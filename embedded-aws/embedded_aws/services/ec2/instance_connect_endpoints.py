"""EC2 Instance Connect Endpoints, which moto lacks: created and deleted in time, with an interface in their subnet.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-ec2-instance-connect-endpoints.html
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.responses import EC2Response
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, EC2_RESOURCE_TO_PREFIX, add_tag_specification, random_id
from moto.utilities.utils import filter_resources

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import add_method, attach_dict
from embedded_aws.service_error import ServiceError
from embedded_aws.services.ec2.requester_interfaces import synchronize

CREATING, CREATED, DELETING = "create-in-progress", "create-complete", "delete-in-progress"
KIND, PREFIX = "instance-connect-endpoint", "eice"
EC2_RESOURCE_TO_PREFIX[KIND] = PREFIX
EC2_PREFIX_TO_RESOURCE[PREFIX] = KIND
FILTERS = (("instance-connect-endpoint-id", "id"), ("state", "state"), ("subnet-id", "subnet_id"), ("vpc-id", "vpc_id"))
MOST_IN_A_VPC = 1
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/eice-quotas.html."""


class InstanceConnectEndpoint(TaggedEC2Resource):  # type: ignore[misc]
    """An endpoint as EC2 describes it."""

    def __init__(self, ec2: Any, subnet: Any, groups: list[str], preserve_client_ip: bool) -> None:
        self.ec2_backend, self.id = ec2, random_id(prefix=PREFIX, size=17)
        self.subnet_id, self.vpc_id, self.availability_zone = subnet.id, subnet.vpc_id, subnet.availability_zone
        self.security_group_ids, self.preserve_client_ip = groups, preserve_client_ip
        self.state, self.created_at = CREATED, utcnow()

    def describe(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Ec2InstanceConnectEndpoint.html."""
        ec2 = self.ec2_backend
        own = attach_dict(ec2, "requester_interfaces").get((self.id, self.subnet_id))
        return {
            "OwnerId": ec2.account_id,
            "InstanceConnectEndpointId": self.id,
            "InstanceConnectEndpointArn": f"arn:aws:ec2:{ec2.region_name}:{ec2.account_id}:{KIND}/{self.id}",
            "State": self.state,
            "StateMessage": "",
            "DnsName": f"{self.id}.{PREFIX}.{ec2.region_name}.amazonaws.com",
            "NetworkInterfaceIds": [own.id] if own else [],
            "VpcId": self.vpc_id,
            "AvailabilityZone": self.availability_zone,
            "CreatedAt": self.created_at,
            "SubnetId": self.subnet_id,
            "PreserveClientIp": self.preserve_client_ip,
            "SecurityGroupIds": self.security_group_ids,
            "Tags": self.get_tags(),
        }


pacing.show_transitions(InstanceConnectEndpoint, "state", CREATED)


def tick() -> bool:
    """Remove endpoints whose deletion is over; return whether there was any."""
    return any([_tick(ec2) for ec2 in backends.existing("ec2")])


def _tick(ec2: Any) -> bool:
    endpoints = list(endpoints_of(ec2).values())
    return pacing.finish(endpoints, DELETING, lambda endpoint: _remove(ec2, endpoint))


def endpoints_of(ec2: Any) -> dict[str, Any]:
    """Return the endpoints of a region, by id."""
    return attach_dict(ec2, "instance_connect_endpoints")


@add_method(EC2Response)
def create_instance_connect_endpoint(self: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInstanceConnectEndpoint.html."""
    ec2 = self.ec2_backend
    subnet = ec2.get_subnet(self._get_param("SubnetId"))
    others = [one for one in endpoints_of(ec2).values() if one.vpc_id == subnet.vpc_id]
    if len(others) >= MOST_IN_A_VPC:
        message = "You've reached the limit of Instance Connect Endpoints for the VPC."
        raise ServiceError("InstanceConnectEndpointLimitExceeded", message)
    groups = self._get_param("SecurityGroupIds", []) or [ec2.get_default_security_group(subnet.vpc_id).id]
    for group in groups:
        if ec2.get_security_group_from_id(group) is None:
            raise ServiceError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    endpoint = InstanceConnectEndpoint(ec2, subnet, groups, self._get_bool_param("PreserveClientIp", False))
    endpoint.add_tags(add_tag_specification(self._get_param("TagSpecifications", [])))
    pacing.start(endpoint, CREATING, "instance_connect_endpoint")
    endpoints_of(ec2)[endpoint.id] = endpoint
    synchronize(ec2)
    return ActionResult({"InstanceConnectEndpoint": endpoint.describe()})


@add_method(EC2Response)
def describe_instance_connect_endpoints(self: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceConnectEndpoints.html."""
    known = endpoints_of(self.ec2_backend)
    named = self._get_param("InstanceConnectEndpointIds", [])
    for name in named:
        _require(self.ec2_backend, name)
    chosen = filter_resources([known[name] for name in named or known], self._filters_from_querystring(), FILTERS)
    return ActionResult({"InstanceConnectEndpoints": [endpoint.describe() for endpoint in chosen]})


@add_method(EC2Response)
def delete_instance_connect_endpoint(self: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInstanceConnectEndpoint.html."""
    ec2 = self.ec2_backend
    endpoint = _require(ec2, self._get_param("InstanceConnectEndpointId"))
    if pacing.delay_deletion(endpoint, DELETING, "instance_connect_endpoint"):
        endpoint.state = DELETING
    else:
        _remove(ec2, endpoint)
    return ActionResult({"InstanceConnectEndpoint": {**endpoint.describe(), "State": DELETING}})


def _require(ec2: Any, name: str) -> Any:
    if name not in endpoints_of(ec2):
        message = f"The instance connect endpoint '{name}' does not exist"
        raise ServiceError("InvalidInstanceConnectEndpointId.NotFound", message)
    return endpoints_of(ec2)[name]


def _remove(ec2: Any, endpoint: Any) -> None:
    endpoints_of(ec2).pop(endpoint.id, None)
    synchronize(ec2)
