"""EC2 instances: apply the whole launch template at launch, and release addresses at termination."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance, InstanceBackend
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.monitoring import Monitoring

from embedded_aws.patching import Method, patch

# The root volume of Amazon Linux 2023's images.
# https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
ROOT_VOLUME = {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True}

MERGED_SEPARATELY = ("TagSpecifications", "UserData")  # tags below; user data by moto, which stores it decoded


@patch(InstanceResponse, "run_instances")
def run_instances(moto: Method, response: Any) -> Any:
    """Merge the launch template into the request, whose parameters win; moto uses only some fields of a template.

    "Any parameters that you specify ... override the same parameters in the launch template":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html (LaunchTemplate)
    """
    ec2, params = response.ec2_backend, response.params
    if template := params.get("LaunchTemplate"):
        data = ec2._get_template_from_args(template).data
        for field in data.keys() - params.keys() - set(MERGED_SEPARATELY):
            params[field] = data[field]
        params["TagSpecifications"] = [*data.get("TagSpecifications", []), *params.get("TagSpecifications", [])]
    if image := params.get("ImageId"):
        params["BlockDeviceMappings"] = add_root_volume(ec2, image, params.get("BlockDeviceMappings", []))
    result = moto(response)
    for instance in result.result.instances:
        apply_launch_data(ec2, instance, params)
    return result


def add_root_volume(ec2: Any, image_id: str, mappings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the block device mappings with the image's root volume added unless it is among them.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
    """
    root = ec2.describe_images(ami_ids=[image_id])[0].root_device_name
    others = [device for device in mappings if device["DeviceName"] != root]
    ebs: dict[str, Any] = next((device.get("Ebs", {}) for device in mappings if device["DeviceName"] == root), {})
    return [{"DeviceName": root, "Ebs": {**ROOT_VOLUME, **ebs}}, *others]


def apply_launch_data(ec2: Any, instance: Any, data: dict[str, Any]) -> None:
    """Set on a launched instance what moto ignores: instance profile, termination protection, IOPS and throughput."""
    instance.disable_api_termination = bool(data.get("DisableApiTermination"))
    profile = data.get("IamInstanceProfile", {})
    if profile and instance.id not in ec2.iam_instance_profile_associations:
        ec2.associate_iam_instance_profile(
            instance.id, iam_instance_profile_name=profile.get("Name"), iam_instance_profile_arn=profile.get("Arn")
        )
    ebs_by_device = {device["DeviceName"]: device.get("Ebs", {}) for device in data.get("BlockDeviceMappings", [])}
    for device_name, device in instance.get_block_device_mapping:
        volume = ec2.volumes[device.volume_id]
        volume.iops = ebs_by_device.get(device_name, {}).get("Iops") or volume.iops
        volume.throughput = ebs_by_device.get(device_name, {}).get("Throughput") or volume.throughput


@patch(Instance, "prep_nics")
def prep_nics(moto: Method, instance: Any, specs: list[dict[str, Any]], **kwargs: Any) -> None:
    """Delete interfaces created at launch with their instance; take the security groups from the first interface.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
    """
    moto(instance, specs, **kwargs)
    spec_by_index = {int(spec.get("DeviceIndex", 0)): spec for spec in specs}
    for index, interface in instance.nics.items():
        spec = spec_by_index.get(index, {})
        if "NetworkInterfaceId" not in spec:
            interface.delete_on_termination = spec.get("DeleteOnTermination") is not False
    instance.security_groups = list(instance.nics[0].group_set)


@patch(InstanceBackend, "modify_instance_security_groups")
def modify_instance_security_groups(moto: Method, ec2: Any, instance_id: str, group_ids: list[str]) -> Any:
    """Replace the security groups on the instance's first interface, too.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html (GroupId.N)
    """
    instance = moto(ec2, instance_id, group_ids)
    instance.nics[0]._group_set = list(instance.security_groups)
    return instance


@patch(Instance, "terminate")
def terminate(moto: Method, instance: Any) -> Any:
    """Disassociate the Elastic IP addresses of a terminated instance.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
    """
    previous = moto(instance)
    for address in [address for address in instance.ec2_backend.addresses if address.eni in instance.nics.values()]:
        instance.ec2_backend.disassociate_address(association_id=address.association_id)
    return previous


@patch(Monitoring, "monitor_instances")
def monitor_instances(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_MonitorInstances.html."""
    return _set_monitoring(response, "enabled")


@patch(Monitoring, "unmonitor_instances")
def unmonitor_instances(moto: Method, response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UnmonitorInstances.html."""
    return _set_monitoring(response, "disabled")


def _set_monitoring(response: Any, state: str) -> ActionResult:
    instances = [response.ec2_backend.get_instance(instance_id) for instance_id in response._get_param("InstanceIds")]
    for instance in instances:
        instance.monitoring_state = state
    monitorings = [{"InstanceId": instance.id, "Monitoring": {"State": state}} for instance in instances]
    return ActionResult({"InstanceMonitorings": monitorings})
