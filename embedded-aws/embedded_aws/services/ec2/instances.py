"""EC2 instances: launched with all that the request and its launch template say, and gone without a trace."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.monitoring import Monitoring

from embedded_aws.patching import Method, patch

# The root volume of Amazon Linux 2023's images.
# https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
ROOT = {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}

MERGED_OTHERWISE = ("TagSpecifications", "UserData")  # tags below; user data by moto, which keeps it decoded


@patch(InstanceResponse, "run_instances")
def run_instances(moto: Method, response: Any) -> Any:
    """What the request says wins over what the launch template says; moto takes half of a template.

    "Any parameters that you specify ... override the same parameters in the launch template":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html (LaunchTemplate)
    """
    ec2, params = response.ec2_backend, response.params
    if named := params.get("LaunchTemplate"):
        data = ec2._get_template_from_args(named).data
        for field in data.keys() - params.keys() - set(MERGED_OTHERWISE):
            params[field] = data[field]
        params["TagSpecifications"] = [*data.get("TagSpecifications", []), *params.get("TagSpecifications", [])]
    if image := params.get("ImageId"):
        params["BlockDeviceMappings"] = devices(ec2, image, params.get("BlockDeviceMappings", []))
    result = moto(response)
    for instance in result.result.instances:
        complete(ec2, instance, params)
    return result


def devices(ec2: Any, image_id: str, named: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The volumes that are named, and the image's root volume unless it is among them.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
    """
    root = ec2.describe_images(ami_ids=[image_id])[0].root_device_name
    others = [device for device in named if device["DeviceName"] != root]
    ebs: dict[str, Any] = next((device.get("Ebs", {}) for device in named if device["DeviceName"] == root), {})
    return [{"DeviceName": root, "Ebs": {**ROOT, **ebs}}, *others]


def complete(ec2: Any, instance: Any, data: dict[str, Any]) -> None:
    """Give a launched instance what moto's launch drops: its profile, protection, and its volumes' performance."""
    instance.disable_api_termination = bool(data.get("DisableApiTermination"))
    profile = data.get("IamInstanceProfile", {})
    if profile and instance.id not in ec2.iam_instance_profile_associations:
        ec2.associate_iam_instance_profile(
            instance.id, iam_instance_profile_name=profile.get("Name"), iam_instance_profile_arn=profile.get("Arn")
        )
    asked = {device["DeviceName"]: device.get("Ebs", {}) for device in data.get("BlockDeviceMappings", [])}
    for device_name, device in instance.get_block_device_mapping:
        volume = ec2.volumes[device.volume_id]
        volume.iops = asked.get(device_name, {}).get("Iops") or volume.iops
        volume.throughput = asked.get(device_name, {}).get("Throughput") or volume.throughput


@patch(Instance, "prep_nics")
def prep_nics(moto: Method, instance: Any, specs: list[dict[str, Any]], **kwargs: Any) -> None:
    """Interfaces made at launch go with their instance; its security groups are those of the first one.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
    """
    moto(instance, specs, **kwargs)
    asked = {int(spec.get("DeviceIndex", 0)): spec for spec in specs}
    for index, interface in instance.nics.items():
        spec = asked.get(index, {})
        if "NetworkInterfaceId" not in spec:
            interface.delete_on_termination = spec.get("DeleteOnTermination") is not False
    instance.security_groups = list(instance.nics[0].group_set)


@patch(InstanceBackend, "modify_instance_security_groups")
def modify_instance_security_groups(moto: Method, ec2: Any, instance_id: str, group_ids: list[str]) -> Any:
    """The groups are replaced on the instance's interface, not added to.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html (GroupId.N)
    """
    instance = moto(ec2, instance_id, group_ids)
    instance.nics[0]._group_set = list(instance.security_groups)
    return instance


@patch(Instance, "terminate")
def terminate(moto: Method, instance: Any) -> Any:
    """An Elastic IP of a terminated instance is free again.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
    """
    previous = moto(instance)
    for address in [address for address in instance.ec2_backend.addresses if address.eni in instance.nics.values()]:
        instance.ec2_backend.disassociate_address(association_id=address.association_id)
    return previous


@patch(Monitoring, "monitor_instances")
def monitor_instances(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html."""
    return _monitor(response, "enabled")


@patch(Monitoring, "unmonitor_instances")
def unmonitor_instances(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnmonitorInstances.html."""
    return _monitor(response, "disabled")


def _monitor(response: Any, state: str) -> ActionResult:
    instances = [response.ec2_backend.get_instance(instance_id) for instance_id in response._get_param("InstanceIds")]
    for instance in instances:
        instance.monitoring_state = state
    told = [{"InstanceId": instance.id, "Monitoring": {"State": state}} for instance in instances]
    return ActionResult({"InstanceMonitorings": told})
