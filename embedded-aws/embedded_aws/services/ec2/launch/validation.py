"""Validate launches, and changes of running instances."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.responses.instances import InstanceResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

INVALID = "InvalidParameterValue"
IMAGE_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
# "User data is limited to 16 KB, in raw form, before it is base64-encoded":
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
MAX_USER_DATA = 16384  # bytes
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
ONLY_STOPPED = ("InstanceType", "UserData", "Kernel", "Ramdisk", "EbsOptimized")


@patch(InstanceResponse, "run_instances")
def run_instances(moto: Method, response: Any) -> Any:
    """Require that all referenced resources exist, fit together and belong to one VPC.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    """
    ec2, params = response.ec2_backend, response.params
    if int(params.get("MinCount") or 1) > int(params.get("MaxCount") or 1):
        raise ServiceError(INVALID, "The maximum number of instances must not be smaller than the minimum number.")
    template = ec2._get_template_from_args(params["LaunchTemplate"]).data if params.get("LaunchTemplate") else {}
    merged = {**template, **{name: value for name, value in params.items() if value is not None}}
    image_id, instance_type = (response._get_param(name) or merged.get(name) for name in ("ImageId", "InstanceType"))
    if image_id:
        validate_image_and_type(ec2, image_id, instance_type or "m1.small")
    _validate_user_data(response._get_param("UserData"))
    _validate_profile(response._get_param("IamInstanceProfile") or template.get("IamInstanceProfile") or {})
    for interface in response._get_param("NetworkInterfaces") or template.get("NetworkInterfaces") or []:
        _validate_groups(ec2, interface.get("SubnetId"), interface.get("Groups") or [])
    groups = response._get_param("SecurityGroupIds") or template.get("SecurityGroupIds") or []
    _validate_groups(ec2, response._get_param("SubnetId"), groups)
    return moto(response)


def validate_image_and_type(ec2: Any, image_id: str, instance_type: str) -> None:
    """Require that the image and the instance type exist and have the same architecture.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidAMIID)
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ComponentsAMIs.html
    """
    if not image_id.startswith("resolve:") and not IMAGE_ID.fullmatch(image_id):
        raise ServiceError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    if instance_type not in INSTANCE_TYPES:
        raise ServiceError(INVALID, f"Invalid value '{instance_type}' for InstanceType.")
    (image,) = ec2.describe_images(ami_ids=[image_id])
    info = INSTANCE_TYPES[instance_type].get("ProcessorInfo", {})
    supported = info.get("SupportedArchitectures") or [image.architecture]
    if image.architecture not in supported:
        mismatch = f"The architecture '{','.join(supported)}' of the specified instance type does not match"
        advice = "Specify an instance type and an AMI that have matching architectures, and try again."
        raise ServiceError(
            INVALID, f"{mismatch} the architecture '{image.architecture}' of the specified AMI. {advice}"
        )


def _validate_user_data(encoded: str | None) -> None:
    if encoded and len(encoded.rstrip("=")) * 3 // 4 > MAX_USER_DATA:
        raise ServiceError(INVALID, f"User data is limited to {MAX_USER_DATA} bytes")


def _validate_profile(param: dict[str, str]) -> None:
    profiles = backends.backend("iam").instance_profiles.values()
    name, arn = param.get("Name"), param.get("Arn")
    if name and name not in [profile.name for profile in profiles]:
        message = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        raise ServiceError(INVALID, message)
    if arn and arn not in [profile.arn for profile in profiles]:
        message = f"Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
        raise ServiceError(INVALID, message)


def _validate_groups(ec2: Any, subnet_id: str | None, group_ids: list[str]) -> None:
    subnet = ec2.get_subnet(subnet_id) if subnet_id else None
    for group_id in group_ids:
        group = ec2.get_security_group_from_id(group_id)
        if not group:
            raise ServiceError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if subnet and group.vpc_id != subnet.vpc_id:
            message = f"Security group {group_id} and subnet {subnet_id} belong to different networks."
            raise ServiceError("InvalidParameter", message)


@patch(InstanceResponse, "modify_instance_attribute")
def modify_instance_attribute(moto: Method, response: Any) -> Any:
    """Allow changes of some attributes only while the instance is stopped.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
    """
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    changed = {name for name in ONLY_STOPPED if response._get_param(name) or response._get_param("Attribute") == name}
    if changed and instance.state != "stopped":
        raise ServiceError("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    return moto(response)
