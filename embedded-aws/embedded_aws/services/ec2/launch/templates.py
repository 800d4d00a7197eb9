"""Launch templates: versions with user data, versions made from another one, and data read back as it was sent."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

from embedded_aws.patching import Method, patch


@patch(LaunchTemplates, "create_launch_template")
def create_launch_template(moto: Method, response: Any) -> Any:
    """The template's own tags are no part of the data of its version.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html (TagSpecifications)
    """
    result = moto(response)
    name = response._get_param("LaunchTemplateName")
    data = response.ec2_backend.get_launch_template_by_name(name).latest_version().data
    kept = [tags for tags in data.get("TagSpecifications", []) if tags["ResourceType"] != "launch-template"]
    data["TagSpecifications"] = kept
    for empty in [field for field, value in data.items() if value is None or value == []]:
        del data[empty]
    return result


@patch(LaunchTemplates, "create_launch_template_version")
def create_launch_template_version(moto: Method, response: Any) -> Any:
    """A version starts from its SourceVersion, and its user data is the same kind of thing as the first one's.

    "The new version inherits the same launch parameters as the source version, except for parameters
    that you specify in LaunchTemplateData."
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
    """
    data = response.params.setdefault("LaunchTemplateData", {})
    if "UserData" in data:
        data["UserData"] = parse_user_data(data["UserData"])
    if source := response._get_param("SourceVersion"):
        inherited = _template(response).get_version(source).data
        data.update({field: value for field, value in inherited.items() if field not in data})
    return moto(response)


def _template(response: Any) -> Any:
    return find(response.ec2_backend, response.params)


def find(ec2: Any, named: dict[str, Any]) -> Any:
    """The launch template that is named by its id or name, or EC2's refusal.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidLaunchTemplateId.NotFound)
    """
    if name := named.get("LaunchTemplateName"):
        return ec2.get_launch_template_by_name(name)
    return ec2.get_launch_template(named.get("LaunchTemplateId"))


@patch(InstanceBackend, "_get_template_from_args")
def _get_template_from_args(moto: Method, ec2: Any, named: dict[str, Any]) -> Any:
    """moto fails on one that there is not."""
    return find(ec2, named).get_version(named.get("Version") or "$Default")
