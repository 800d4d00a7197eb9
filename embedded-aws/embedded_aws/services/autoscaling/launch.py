"""How an Auto Scaling group launches one instance: with everything that its launch template says."""

from __future__ import annotations

from typing import Any

from embedded_aws.services.ec2.instances import complete, devices


def launch(group: Any, subnet_id: str) -> Any:
    """Run one instance in a subnet, from the template version that is wanted; returns moto's instance.

    "When an instance is launched, Amazon EC2 Auto Scaling uses the parameters of the launch template":
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-templates.html
    """
    version = version_of(group, (vars(group).get("refreshing") or {}).get("template"))
    data, ec2 = version.data, group.ec2_backend
    reservation = ec2.run_instances(
        data["ImageId"], 1, version.user_data, data.get("SecurityGroups", []), **_arguments(group, version, subnet_id)
    )
    instance = reservation.instances[0]
    complete(ec2, instance, data)
    instance.add_tags(_tags_of_group(group))
    instance.autoscaling_group = group
    return instance


def version_of(group: Any, named: dict[str, str] | None) -> Any:
    """A version of a launch template: the named one, as the desired configuration of a refresh, or else the group's.

    "If a scale-out event occurs, [it] launches new instances with the desired configuration":
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
    """
    if not named:
        return group.ec2_launch_template.get_version(group.launch_template_version)
    if named.get("LaunchTemplateId"):
        template = group.ec2_backend.get_launch_template(named["LaunchTemplateId"])
    else:
        template = group.ec2_backend.get_launch_template_by_name(named["LaunchTemplateName"])
    return template.get_version(named.get("Version") or "$Default")


def _arguments(group: Any, version: Any, subnet_id: str) -> dict[str, Any]:
    data = version.data
    arguments = {
        "subnet_id": subnet_id,
        "region_name": group.ec2_backend.region_name,
        "instance_type": instance_type(group, data),
        "is_instance_type_default": False,
        "key_name": data.get("KeyName"),
        "security_group_ids": list(data.get("SecurityGroupIds", [])),
        "nics": [{**nic, "SubnetId": subnet_id} for nic in data.get("NetworkInterfaces", [])],
        "associate_public_ip": None,  # as the subnet says, unless a network interface says otherwise
        "block_device_mappings": _devices(group.ec2_backend, data),
        "ebs_optimized": data.get("EbsOptimized", False),
        "metadata_options": data.get("MetadataOptions", {}),
        "monitoring_state": "enabled" if data.get("Monitoring", {}).get("Enabled") else "disabled",
        "launch_template": {"LaunchTemplateId": version.template.id, "Version": str(version.number)},
        "tags": {"volume": _tags_for(data, "volume")},
    }
    for nic in arguments["nics"]:
        arguments["security_group_ids"] += nic.get("Groups", [])
    return arguments


def instance_type(group: Any, data: dict[str, Any]) -> str:
    """The type to launch: the first override of a mixed instances policy that names one, else the template's."""
    overrides = (group.mixed_instances_policy or {}).get("LaunchTemplate", {}).get("Overrides", [])
    named = [override["InstanceType"] for override in overrides if override.get("InstanceType")]
    return str(named[0] if named else data.get("InstanceType", "m1.small"))


def _devices(ec2: Any, data: dict[str, Any]) -> list[dict[str, Any]]:
    named = [device for device in data.get("BlockDeviceMappings", []) if "Ebs" in device]
    return devices(ec2, data["ImageId"], named)


def _tags_for(data: dict[str, Any], resource: str) -> dict[str, str]:
    return {
        tag["Key"]: tag.get("Value", "")
        for tags in data.get("TagSpecifications", [])
        if tags["ResourceType"] == resource
        for tag in tags["Tags"]
    }


def _tags_of_group(group: Any) -> dict[str, str]:
    """They win over the template's where both have a key.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html
    """
    return {**group.get_propagated_tags(), "aws:autoscaling:groupName": group.name}
