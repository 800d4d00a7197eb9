"""What EC2 does not take as a launch template, and which one it does not find."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.responses.launch_templates import LaunchTemplates

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.ec2.launch.validation import USER_DATA

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html (LaunchTemplateName)
NAME = re.compile(r"[a-zA-Z0-9()./_-]{3,128}")


@patch(LaunchTemplates, "create_launch_template")
def create_launch_template(moto: Method, response: Any) -> Any:
    """Whether what it names exists is asked at the launch only.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
    """
    if not NAME.fullmatch(response._get_param("LaunchTemplateName") or ""):
        signs = "letters, numbers, and the following characters: - ( ) . / _."
        why = f"A launch template name must be between 3 and 128 characters, and may contain {signs}"
        raise ServiceError("InvalidLaunchTemplateName.MalformedException", why)
    _refuse_user_data(response)
    return moto(response)


@patch(LaunchTemplates, "create_launch_template_version")
def create_launch_template_version(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html."""
    _refuse_user_data(response)
    return moto(response)


def _refuse_user_data(response: Any) -> None:
    encoded = response._get_param("LaunchTemplateData.UserData") or ""
    if len(encoded.rstrip("=")) * 3 // 4 > USER_DATA:
        raise ServiceError("InvalidUserData.Malformed", f"User data is limited to {USER_DATA} bytes")


@patch(LaunchTemplates, "describe_launch_templates")
def describe_launch_templates(moto: Method, response: Any) -> Any:
    """An id that does not exist is an error.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidLaunchTemplateId.NotFound)
    """
    for template_id in response._get_param("LaunchTemplateIds", []):
        _refuse_unknown(response, template_id)
    return moto(response)


@patch(LaunchTemplates, "delete_launch_template")
def delete_launch_template(moto: Method, response: Any) -> Any:
    """The same of the one to delete.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplate.html
    """
    if template_id := response._get_param("LaunchTemplateId"):
        _refuse_unknown(response, template_id)
    if name := response._get_param("LaunchTemplateName"):
        response.ec2_backend.get_launch_template_by_name(name)
    return moto(response)


def _refuse_unknown(response: Any, template_id: str) -> None:
    if template_id not in response.ec2_backend.launch_templates:
        why = f"The specified launch template, with template ID {template_id}, does not exist."
        raise ServiceError("InvalidLaunchTemplateId.NotFound", why)
