"""Launch one instance of an Auto Scaling group, with all settings of its launch template."""

from __future__ import annotations

from typing import Any

from embedded_aws.services.ec2.instances import add_root_volume, apply_launch_data


def launch_instance(group: Any, subnet_id: str) -> Any:
    """Run one instance in a subnet, from the group's or the instance refresh's template version; return it.

    "When an instance is launched, Amazon EC2 Auto Scaling uses the parameters of the launch template":
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-templates.html
    """
    version = get_version(group, (vars(group).get("refreshing") or {}).get("template"))
    data, ec2 = version.data, group.ec2_backend
    arguments = _launch_arguments(group, version, subnet_id)
    reservation = ec2.run_instances(data["ImageId"], 1, version.user_data, data.get("SecurityGroups", []), **arguments)
    instance = reservation.instances[0]
    apply_launch_data(ec2, instance, data)
    instance.add_tags(_tags_of_group(group))
    instance.autoscaling_group = group
    return instance


def get_version(group: Any, template_params: dict[str, str] | None) -> Any:
    """Return a launch template version: that of the parameters (of an instance refresh), or else the group's.

    "If a scale-out event occurs, [it] launches new instances with the desired configuration":
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
    """
    if not template_params:
        return group.ec2_launch_template.get_version(group.launch_template_version)
    if template_params.get("LaunchTemplateId"):
        template = group.ec2_backend.get_launch_template(template_params["LaunchTemplateId"])
    else:
        template = group.ec2_backend.get_launch_template_by_name(template_params["LaunchTemplateName"])
    return template.get_version(template_params.get("Version") or "$Default")


def template_version_of(instance: Any) -> tuple[str, str]:
    """Return template id and version from which an instance was launched, from its tags; empty if it has none."""
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    return tags.get("aws:ec2launchtemplate:id", ""), tags.get("aws:ec2launchtemplate:version", "")


def _launch_arguments(group: Any, version: Any, subnet_id: str) -> dict[str, Any]:
    data = version.data
    arguments = {
        "subnet_id": subnet_id,
        "region_name": group.ec2_backend.region_name,
        "instance_type": get_instance_type(group, data),
        "is_instance_type_default": False,
        "key_name": data.get("KeyName"),
        "security_group_ids": list(data.get("SecurityGroupIds", [])),
        "nics": [{**nic, "SubnetId": subnet_id} for nic in data.get("NetworkInterfaces", [])],
        "associate_public_ip": None,  # the subnet's setting, unless a network interface has its own
        "block_device_mappings": _block_devices(group.ec2_backend, data),
        "ebs_optimized": data.get("EbsOptimized", False),
        "metadata_options": data.get("MetadataOptions", {}),
        "monitoring_state": "enabled" if data.get("Monitoring", {}).get("Enabled") else "disabled",
        "launch_template": {"LaunchTemplateId": version.template.id, "Version": str(version.number)},
        "tags": {"volume": _tags_for(data, "volume")},
    }
    for nic in arguments["nics"]:
        arguments["security_group_ids"] += nic.get("Groups", [])
    return arguments


def get_instance_type(group: Any, data: dict[str, Any]) -> str:
    """Return the type to launch: the first override of a mixed instances policy that has one, else the template's."""
    overrides = (group.mixed_instances_policy or {}).get("LaunchTemplate", {}).get("Overrides", [])
    types = [override["InstanceType"] for override in overrides if override.get("InstanceType")]
    return str(types[0] if types else data.get("InstanceType", "m1.small"))


def _block_devices(ec2: Any, data: dict[str, Any]) -> list[dict[str, Any]]:
    mappings = [device for device in data.get("BlockDeviceMappings", []) if "Ebs" in device]
    return add_root_volume(ec2, data["ImageId"], mappings)


def _tags_for(data: dict[str, Any], resource: str) -> dict[str, str]:
    return {
        tag["Key"]: tag.get("Value", "")
        for tags in data.get("TagSpecifications", [])
        if tags["ResourceType"] == resource
        for tag in tags["Tags"]
    }


def _tags_of_group(group: Any) -> dict[str, str]:
    """Return the tags that a group gives its instances; they override the template's.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    """
    return {**group.get_propagated_tags(), "aws:autoscaling:groupName": group.name}
