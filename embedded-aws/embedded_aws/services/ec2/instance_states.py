"""Validate the state of an instance: EC2 rejects calls for instances that are shutting down or terminated.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.monitoring import Monitoring

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

GONE = ("shutting-down", "terminated")
INCORRECT_STATE = "IncorrectInstanceState"


def _require_live_instances(owner: type, operation: str, message: str) -> None:
    """Reject an operation when any instance of the request is gone; nothing is changed then.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (IncorrectInstanceState)
    """

    @patch(owner, operation)
    def validate(moto: Method, response: Any) -> Any:
        ids = response._get_param("InstanceIds") or [response._get_param("InstanceId")]
        for instance in [response.ec2_backend.get_instance(instance_id) for instance_id in ids]:
            if instance.state in GONE:
                raise ServiceError(INCORRECT_STATE, message.format(instance.id))
        return moto(response)


for _owner, _operation, _past_participle in (
    (InstanceResponse, "start_instances", "started"),
    (InstanceResponse, "stop_instances", "stopped"),
    (InstanceResponse, "reboot_instances", "rebooted"),
    (InstanceResponse, "modify_instance_attribute", "modified"),
    (InstanceResponse, "modify_instance_metadata_options", "modified"),
    (Monitoring, "monitor_instances", "monitored"),
    (Monitoring, "unmonitor_instances", "unmonitored"),
):
    _require_live_instances(
        _owner, _operation, f"The instance '{{}}' is not in a state from which it can be {_past_participle}."
    )


REBOOTS = "reboots"
"""How often an instance was rebooted, as an attribute of it: the fleet boots its host again."""


@patch(Instance, "reboot")
def reboot(moto: Method, instance: Any) -> Any:
    """Count a reboot; the instance stays in the state `running`, with its disk and addresses.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-reboot.html
    """
    vars(instance)[REBOOTS] = vars(instance).get(REBOOTS, 0) + 1
    return moto(instance)


@patch(ElasticIPAddresses, "associate_address")
def associate_address(moto: Method, response: Any) -> Any:
    """Reject an address for an instance that is pending or gone.

    "InvalidInstanceID: The terminated instance 'i-...' is not in a valid state for this operation":
    https://github.com/cloudposse/terraform-aws-ec2-instance/issues/95
    "IncorrectInstanceState: The pending-instance-creation instance to which 'eni' is attached is not in a valid state":
    https://github.com/PaloAltoNetworks/terraform-aws-vmseries-modules/issues/97
    """
    ec2, invalid_states = response.ec2_backend, ("pending", *GONE)
    if instance_id := response._get_param("InstanceId"):
        state = ec2.get_instance(instance_id).state
        if state in invalid_states:
            subject = f"The {state} instance '{instance_id}'"
            raise ServiceError("InvalidInstanceID", f"{subject} is not in a valid state for this operation.")
    elif interface_id := response._get_param("NetworkInterfaceId"):
        instance = ec2.get_network_interface(interface_id).instance
        if instance and instance.state in invalid_states:
            subject = f"The {instance.state} instance to which '{interface_id}' is attached"
            raise ServiceError(INCORRECT_STATE, f"{subject} is not in a valid state for this operation.")
    return moto(response)


def user_data_of(instance: Any) -> str:
    """Return an instance's user data as text; moto has it encoded, or as it was sent."""
    data = instance.user_data
    if data is None:
        return ""
    if isinstance(data, bytes):
        return data.decode(errors="replace")
    try:
        return str(data if isinstance(data, str) else data.decode())
    except ValueError:  # compressed: cloud-init unpacks it, here it is reported as not a cloud-config
        return "(not text)"
