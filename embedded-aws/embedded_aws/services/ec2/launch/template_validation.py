"""Validate launch templates: names, user data and ids."""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.responses.launch_templates import LaunchTemplates

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.ec2.launch.validation import MAX_USER_DATA

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html (LaunchTemplateName)
NAME = re.compile(r"[a-zA-Z0-9()./_-]{3,128}")


@patch(LaunchTemplates, "create_launch_template")
def create_launch_template(moto: Method, response: Any) -> Any:
    """Validate name and user data; AWS checks at launch whether referenced resources exist.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
    """
    if not NAME.fullmatch(response._get_param("LaunchTemplateName") or ""):
        characters = "letters, numbers, and the following characters: - ( ) . / _."
        message = f"A launch template name must be between 3 and 128 characters, and may contain {characters}"
        raise ServiceError("InvalidLaunchTemplateName.MalformedException", message)
    _validate_user_data(response)
    return moto(response)


@patch(LaunchTemplates, "create_launch_template_version")
def create_launch_template_version(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html."""
    _validate_user_data(response)
    return moto(response)


def _validate_user_data(response: Any) -> None:
    encoded = response._get_param("LaunchTemplateData.UserData") or ""
    if len(encoded.rstrip("=")) * 3 // 4 > MAX_USER_DATA:
        raise ServiceError("InvalidUserData.Malformed", f"User data is limited to {MAX_USER_DATA} bytes")


@patch(LaunchTemplates, "describe_launch_templates")
def describe_launch_templates(moto: Method, response: Any) -> Any:
    """Reject an id that does not exist.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidLaunchTemplateId.NotFound)
    """
    for template_id in response._get_param("LaunchTemplateIds", []):
        _require_template(response, template_id)
    return moto(response)


@patch(LaunchTemplates, "delete_launch_template")
def delete_launch_template(moto: Method, response: Any) -> Any:
    """Reject an id or a name that does not exist.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplate.html
    """
    if template_id := response._get_param("LaunchTemplateId"):
        _require_template(response, template_id)
    if name := response._get_param("LaunchTemplateName"):
        response.ec2_backend.get_launch_template_by_name(name)
    return moto(response)


def _require_template(response: Any, template_id: str) -> None:
    if template_id not in response.ec2_backend.launch_templates:
        message = f"The specified launch template, with template ID {template_id}, does not exist."
        raise ServiceError("InvalidLaunchTemplateId.NotFound", message)
