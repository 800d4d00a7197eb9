"""Instance profiles: ids as of IAM, lists by path, and lists of their tags."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.serialize import never_return
from moto.iam.models import InstanceProfile
from moto.iam.responses import IamResponse

from embedded_aws.patching import Method, add_method, patch

# A list of profiles returns a part of the fields: "this operation does not return tags". Its roles lack what a list of
# roles leaves out, and the longest session.
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html
IamResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER |= {
    f"{operation}Response.InstanceProfiles.InstanceProfile.{field}": never_return
    for operation in ("ListInstanceProfiles", "ListInstanceProfilesForRole")
    for field in (
        "Tags",
        *(f"Roles.Role.{name}" for name in ("MaxSessionDuration", "PermissionsBoundary", "RoleLastUsed", "Tags")),
    )
}


@patch(InstanceProfile, "__init__")
def initialize(moto: Method, profile: Any, *args: Any, **params: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes (AIPA)."""
    moto(profile, *args, **params)
    profile.id = f"AIPA{profile.id.upper()[:17]}"


@add_method(IamResponse)
def list_instance_profile_tags(response: Any) -> ActionResult:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfileTags.html."""
    profile = response.backend.get_instance_profile(response._get_param("InstanceProfileName"))
    tags = sorted(profile.tags, key=lambda tag: str(tag["Key"]))
    return ActionResult({"Tags": tags, "IsTruncated": False})


@patch(IamResponse, "list_instance_profiles")
def list_instance_profiles(moto: Method, response: Any) -> ActionResult:
    """List the profiles under a path.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html
    """
    prefix = response._get_param("PathPrefix") or "/"
    profiles = [profile for profile in response.backend.get_instance_profiles() if profile.path.startswith(prefix)]
    return ActionResult({"InstanceProfiles": profiles, "IsTruncated": False})
