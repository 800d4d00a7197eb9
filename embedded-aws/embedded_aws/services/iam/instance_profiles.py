"""Instance profiles: listed by path, and their tags by a call of their own."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from embedded_aws.patching import Method, add_method, patch


@add_method(IamResponse)
def list_instance_profile_tags(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfileTags.html."""
    profile = response.backend.get_instance_profile(response._get_param("InstanceProfileName"))
    tags = sorted(profile.tags, key=lambda tag: str(tag["Key"]))
    return ActionResult({"Tags": tags, "IsTruncated": False})


@patch(IamResponse, "list_instance_profiles")
def list_instance_profiles(moto: Method, response: Any) -> ActionResult:
    """Those under a path.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html
    """
    prefix = response._get_param("PathPrefix") or "/"
    profiles = [found for found in response.backend.get_instance_profiles() if found.path.startswith(prefix)]
    return ActionResult({"InstanceProfiles": profiles, "IsTruncated": False})
