"""Launch templates: versions with user data, versions that inherit from a source, data read back as sent."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data

from embedded_aws.patching import Method, patch

# The tags that it has now; moto shows those of its creation for ever.
LaunchTemplate.tags = property(lambda template: template.get_tags(), lambda template, tags: None)


@patch(LaunchTemplates, "create_launch_template")
def create_launch_template(moto: Method, response: Any) -> Any:
    """Remove the template's own tags and empty fields from the data of its first version.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html (TagSpecifications)
    """
    result = moto(response)
    name = response._get_param("LaunchTemplateName")
    data = response.ec2_backend.get_launch_template_by_name(name).latest_version().data
    tag_specifications = data.get("TagSpecifications", [])
    data["TagSpecifications"] = [tags for tags in tag_specifications if tags["ResourceType"] != "launch-template"]
    for empty in [field for field, value in data.items() if value is None or value == []]:
        del data[empty]
    return result


@patch(LaunchTemplates, "create_launch_template_version")
def create_launch_template_version(moto: Method, response: Any) -> Any:
    """Inherit from SourceVersion, and store the user data decoded, as moto does for the first version.

    "The new version inherits the same launch parameters as the source version, except for parameters
    that you specify in LaunchTemplateData."
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
    """
    data = response.params.setdefault("LaunchTemplateData", {})
    if "UserData" in data:
        data["UserData"] = parse_user_data(data["UserData"])
    if source := response._get_param("SourceVersion"):
        inherited = find_template(response.ec2_backend, response.params).get_version(source).data
        data.update({field: value for field, value in inherited.items() if field not in data})
    return moto(response)


def find_template(ec2: Any, params: dict[str, Any]) -> Any:
    """Return the launch template with the given id or name; raise EC2's error if there is none.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidLaunchTemplateId.NotFound)
    """
    if name := params.get("LaunchTemplateName"):
        return ec2.get_launch_template_by_name(name)
    return ec2.get_launch_template(params.get("LaunchTemplateId"))


@patch(InstanceBackend, "_get_template_from_args")
def _get_template_from_args(moto: Method, ec2: Any, template: dict[str, Any]) -> Any:
    """Raise EC2's error for a template that does not exist; moto fails with an internal error."""
    return find_template(ec2, template).get_version(template.get("Version") or "$Default")
