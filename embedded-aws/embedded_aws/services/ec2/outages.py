"""EC2 when an instance or a zone is lost: status checks fail, and nothing is launched where nothing runs."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance, InstanceBackend

from embedded_aws.faults import outages
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

NO_CAPACITY = "InsufficientInstanceCapacity"


@patch(InstanceBackend, "run_instances")
def run_instances(moto: Method, ec2: Any, image_id: str, count: int, *args: Any, **asked: Any) -> Any:
    """A zone that is lost has no capacity.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html#troubleshooting-launch-capacity
    """
    _refuse_lost(ec2, _zone(ec2, asked), str(asked.get("instance_type")))
    return moto(ec2, image_id, count, *args, **asked)


@patch(Instance, "start")
def start(moto: Method, instance: Any) -> Any:
    """An instance that was stopped starts on another host, so it is lost no more.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html
    """
    _refuse_lost(instance.ec2_backend, instance.placement.zone, instance.instance_type)
    outages.instances(instance.ec2_backend).pop(instance.id, None)
    return moto(instance)


def _zone(ec2: Any, asked: dict[str, Any]) -> str | None:
    """The zone that a launch is to be in."""
    subnet_id = asked.get("subnet_id") or next((nic.get("SubnetId") for nic in asked.get("nics") or []), None)
    zone = ec2.get_subnet(subnet_id).availability_zone if subnet_id else asked.get("placement")
    return str(zone) if zone else None


def _refuse_lost(ec2: Any, zone: str | None, instance_type: str) -> None:
    if zone is None or zone not in outages.zones(ec2):
        return
    others = [found.name for found in ec2.describe_availability_zones() if found.name not in outages.zones(ec2)]
    raise ServiceError(
        NO_CAPACITY,
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity. You can currently get "
        f"{instance_type} capacity by not specifying an Availability Zone in your request or choosing "
        f"{', '.join(others)}.",
    )


def _checked(moto: Any) -> property:
    """A lost instance runs, and does not answer.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatusSummary.html
    """

    def status(instance: Any) -> dict[str, Any]:
        if instance.state != "running" or not outages.is_impaired(instance):
            found: dict[str, Any] = moto.fget(instance)
            return found
        return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed"}]}

    return property(status)


Instance.instance_status = _checked(Instance.instance_status)
Instance.system_status = _checked(Instance.system_status)
