"""Tags that EC2 does not take: too many, too long, or with keys that belong to AWS."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import TagLimitExceeded
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
MOST, LONGEST = 50, {"key": ("Key", 128), "value": ("Value", 256)}


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Neither on a new resource nor on a present one.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
    """
    params = response.params or {}
    sets = [found.get("Tags") or [] for found in params.get("TagSpecifications") or []]
    if response._get_action() == "CreateTags":
        sets.append(params.get("Tags") or [])
    refusals = [refusal for tags in sets if (refusal := _refusal(tags))]
    return response.serialized(ActionResult(refusals[0])) if refusals else moto(response)


def _refusal(tags: list[dict[str, str]]) -> Exception | None:
    if any(str(tag.get("Key", "")).lower().startswith("aws:") for tag in tags):
        return ServiceError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    for what, (field, longest) in LONGEST.items():
        if any(len(str(tag.get(field) or "")) > longest for tag in tags):
            why = f"Tag {what} exceeds the maximum length of {longest} characters"
            return ServiceError("InvalidParameterValue", why)
    return TagLimitExceeded() if len({tag.get("Key") for tag in tags}) > MOST else None
