"""Tags of EC2 whose keys belong to AWS."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses._base_response import EC2BaseResponse

from runbook_lib.local.overlays.around import Method, around
from runbook_lib.local.overlays.refused import Refused


@around(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Neither on a new resource nor on a present one.

    "The tag key can't begin with aws:":
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
    """
    params = response.params or {}
    specified = [tag for found in params.get("TagSpecifications") or [] for tag in found.get("Tags") or []]
    created = params.get("Tags") or [] if response._get_action() == "CreateTags" else []
    if any(str(tag.get("Key", "")).lower().startswith("aws:") for tag in [*specified, *created]):
        why = "Tag keys starting with 'aws:' are reserved for internal use"
        return response.serialized(ActionResult(Refused("InvalidParameterValue", why)))
    return moto(response)
