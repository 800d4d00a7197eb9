"""What EC2 does not launch, and does not change while it runs."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.responses.instances import InstanceResponse

from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

VALUE = "InvalidParameterValue"
IMAGE = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
# "User data is limited to 16 KB, in raw form, before it is base64-encoded":
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
USER_DATA = 16384
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
ONLY_STOPPED = ("InstanceType", "UserData", "Kernel", "Ramdisk", "EbsOptimized")


@patch(InstanceResponse, "run_instances")
def run_instances(moto: Method, response: Any) -> Any:
    """What is launched exists, fits together, and stands in one network.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    ec2, sent = response.ec2_backend, response.params
    if int(sent.get("MinCount") or 1) > int(sent.get("MaxCount") or 1):
        raise ServiceError(VALUE, "The maximum number of instances must not be smaller than the minimum number.")
    template = ec2._get_template_from_args(sent["LaunchTemplate"]).data if sent.get("LaunchTemplate") else {}
    asked = {**template, **{name: value for name, value in sent.items() if value is not None}}
    wanted = {name: response._get_param(name) or asked.get(name) for name in ("ImageId", "InstanceType")}
    if wanted["ImageId"]:
        refuse_machine(ec2, wanted["ImageId"], wanted["InstanceType"] or "m1.small")
    _refuse_user_data(response._get_param("UserData"))
    _refuse_profile(response._get_param("IamInstanceProfile") or template.get("IamInstanceProfile") or {})
    for interface in response._get_param("NetworkInterfaces") or template.get("NetworkInterfaces") or []:
        _refuse_groups(ec2, interface.get("SubnetId"), interface.get("Groups") or [])
    groups = response._get_param("SecurityGroupIds") or template.get("SecurityGroupIds") or []
    _refuse_groups(ec2, response._get_param("SubnetId"), groups)
    return moto(response)


def refuse_machine(ec2: Any, image_id: str, kind: str) -> None:
    """The image and the instance type have to exist, and to be made for each other.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidAMIID)
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ComponentsAMIs.html
    """
    if not image_id.startswith("resolve:") and not IMAGE.fullmatch(image_id):
        raise ServiceError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    if kind not in INSTANCE_TYPES:
        raise ServiceError(VALUE, f"Invalid value '{kind}' for InstanceType.")
    (image,) = ec2.describe_images(ami_ids=[image_id])
    known = INSTANCE_TYPES[kind].get("ProcessorInfo", {}).get("SupportedArchitectures") or [image.architecture]
    if image.architecture not in known:
        mismatch = f"The architecture '{','.join(known)}' of the specified instance type does not match"
        advice = "Specify an instance type and an AMI that have matching architectures, and try again."
        raise ServiceError(VALUE, f"{mismatch} the architecture '{image.architecture}' of the specified AMI. {advice}")


def _refuse_user_data(encoded: str | None) -> None:
    if encoded and len(encoded.rstrip("=")) * 3 // 4 > USER_DATA:
        raise ServiceError(VALUE, f"User data is limited to {USER_DATA} bytes")


def _refuse_profile(profile: dict[str, str]) -> None:
    known = world.backend("iam").instance_profiles.values()
    name, arn = profile.get("Name"), profile.get("Arn")
    if name and name not in [found.name for found in known]:
        why = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        raise ServiceError(VALUE, why)
    if arn and arn not in [found.arn for found in known]:
        why = f"Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
        raise ServiceError(VALUE, why)


def _refuse_groups(ec2: Any, subnet_id: str | None, group_ids: list[str]) -> None:
    subnet = ec2.get_subnet(subnet_id) if subnet_id else None
    for group_id in group_ids:
        group = ec2.get_security_group_from_id(group_id)
        if not group:
            raise ServiceError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if subnet and group.vpc_id != subnet.vpc_id:
            why = f"Security group {group_id} and subnet {subnet_id} belong to different networks."
            raise ServiceError("InvalidParameter", why)


@patch(InstanceResponse, "modify_instance_attribute")
def modify_instance_attribute(moto: Method, response: Any) -> Any:
    """Some attributes only of a stopped instance.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
    """
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    changed = {name for name in ONLY_STOPPED if response._get_param(name) or response._get_param("Attribute") == name}
    if changed and instance.state != "stopped":
        raise ServiceError("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    return moto(response)
