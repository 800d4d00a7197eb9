"""What EC2 does not do with an instance that is gone, or on its way there.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.monitoring import Monitoring

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

GONE = ("shutting-down", "terminated")
STATE = "IncorrectInstanceState"


def _refuses(owner: type, operation: str, why: str) -> None:
    """All that are named are looked at before the first one is touched.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (IncorrectInstanceState)
    """

    @patch(owner, operation)
    def refuse(moto: Method, response: Any) -> Any:
        named = response._get_param("InstanceIds") or [response._get_param("InstanceId")]
        for instance in [response.ec2_backend.get_instance(instance_id) for instance_id in named]:
            if instance.state in GONE:
                raise ServiceError(STATE, why.format(instance.id))
        return moto(response)


for _owner, _operation, _done in (
    (InstanceResponse, "start_instances", "started"),
    (InstanceResponse, "stop_instances", "stopped"),
    (InstanceResponse, "reboot_instances", "rebooted"),
    (InstanceResponse, "modify_instance_attribute", "modified"),
    (InstanceResponse, "modify_instance_metadata_options", "modified"),
    (Monitoring, "monitor_instances", "monitored"),
    (Monitoring, "unmonitor_instances", "unmonitored"),
):
    _refuses(_owner, _operation, f"The instance '{{}}' is not in a state from which it can be {_done}.")


@patch(ElasticIPAddresses, "associate_address")
def associate_address(moto: Method, response: Any) -> Any:
    """Nor does an instance get an address before it runs.

    "InvalidInstanceID: The terminated instance 'i-...' is not in a valid state for this operation":
    https://github.com/cloudposse/terraform-aws-ec2-instance/issues/95
    "IncorrectInstanceState: The pending-instance-creation instance to which 'eni' is attached is not in a valid state":
    https://github.com/PaloAltoNetworks/terraform-aws-vmseries-modules/issues/97
    """
    ec2, refused = response.ec2_backend, ("pending", *GONE)
    if instance_id := response._get_param("InstanceId"):
        state = ec2.get_instance(instance_id).state
        if state in refused:
            what = f"The {state} instance '{instance_id}'"
            raise ServiceError("InvalidInstanceID", f"{what} is not in a valid state for this operation.")
    elif interface_id := response._get_param("NetworkInterfaceId"):
        instance = ec2.get_network_interface(interface_id).instance
        if instance and instance.state in refused:
            what = f"The {instance.state} instance to which '{interface_id}' is attached"
            raise ServiceError(STATE, f"{what} is not in a valid state for this operation.")
    return moto(response)
