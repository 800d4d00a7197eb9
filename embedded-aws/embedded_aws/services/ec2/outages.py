"""EC2 during an outage: status checks of a lost instance fail, and a lost zone has no capacity."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance, InstanceBackend

from embedded_aws.faults import outages
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

NO_CAPACITY = "InsufficientInstanceCapacity"


@patch(InstanceBackend, "run_instances")
def run_instances(moto: Method, ec2: Any, image_id: str, count: int, *args: Any, **params: Any) -> Any:
    """Reject a launch in a lost zone.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html#troubleshooting-launch-capacity
    """
    _require_capacity(ec2, _zone_of_launch(ec2, params), str(params.get("instance_type")))
    return moto(ec2, image_id, count, *args, **params)


@patch(Instance, "start")
def start(moto: Method, instance: Any) -> Any:
    """Start a stopped instance on another host, which ends its outage.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html
    """
    _require_capacity(instance.ec2_backend, instance.placement.zone, instance.instance_type)
    outages.instances(instance.ec2_backend).pop(instance.id, None)
    return moto(instance)


def _zone_of_launch(ec2: Any, params: dict[str, Any]) -> str | None:
    """Return the zone of a launch; None if the request names none."""
    subnet_id = params.get("subnet_id") or next((nic.get("SubnetId") for nic in params.get("nics") or []), None)
    zone = ec2.get_subnet(subnet_id).availability_zone if subnet_id else params.get("placement")
    return str(zone) if zone else None


def _require_capacity(ec2: Any, zone: str | None, instance_type: str) -> None:
    if zone is None or zone not in outages.zones(ec2):
        return
    others = [other.name for other in ec2.describe_availability_zones() if other.name not in outages.zones(ec2)]
    raise ServiceError(
        NO_CAPACITY,
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity. You can currently get "
        f"{instance_type} capacity by not specifying an Availability Zone in your request or choosing "
        f"{', '.join(others)}.",
    )


def _with_outages(moto: Any) -> property:
    """Return a status property that reports a lost instance as impaired.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatusSummary.html
    """

    def status(instance: Any) -> dict[str, Any]:
        if instance.state != "running" or not outages.is_impaired(instance):
            healthy: dict[str, Any] = moto.fget(instance)
            return healthy
        return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed"}]}

    return property(status)


Instance.instance_status = _with_outages(Instance.instance_status)
Instance.system_status = _with_outages(Instance.system_status)
