"""Validate tags of EC2: their number, their lengths, and the reserved prefix aws:."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import TagLimitExceeded
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
MAX_TAGS, MAX_LENGTHS = 50, {"key": ("Key", 128), "value": ("Value", 256)}


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Validate the tags of new and of existing resources.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
    """
    params = response.params or {}
    tag_sets = [specification.get("Tags") or [] for specification in params.get("TagSpecifications") or []]
    if response._get_action() == "CreateTags":
        tag_sets.append(params.get("Tags") or [])
    errors = [error for tags in tag_sets if (error := _tag_error(tags))]
    return response.serialized(ActionResult(errors[0])) if errors else moto(response)


def _tag_error(tags: list[dict[str, str]]) -> Exception | None:
    if any(str(tag.get("Key", "")).lower().startswith("aws:") for tag in tags):
        return ServiceError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    for part, (field, max_length) in MAX_LENGTHS.items():
        if any(len(str(tag.get(field) or "")) > max_length for tag in tags):
            message = f"Tag {part} exceeds the maximum length of {max_length} characters"
            return ServiceError("InvalidParameterValue", message)
    return TagLimitExceeded() if len({tag.get("Key") for tag in tags}) > MAX_TAGS else None
