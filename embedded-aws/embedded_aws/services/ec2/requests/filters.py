"""EC2's filters: one that there is not is refused, as one that the emulator lacks is said to be missing."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# How the API reference lists a filter, in what botocore keeps of it.
LISTED = re.compile(r"<li> ?<p> ?<code>([^<]+)</code>")
OF_ANY_NAME = ("tag:", "tag-key", "tag-value")


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """The filters of an operation are those that its reference lists; older spellings have capitals.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html (Filter.N), and so on
    """
    known = filters(response._get_action())
    sent = response._get_param("Filters") or response._get_param("Filter") or [] if known else []
    for name in [str(found.get("Name", "null")) for found in sent]:
        if not {name, _hyphenated(name)} & known and not name.startswith(OF_ANY_NAME):
            return response.serialized(
                ActionResult(ServiceError("InvalidParameterValue", f"The filter '{name}' is invalid"))
            )
    return moto(response)


def _hyphenated(name: str) -> str:
    """What an older spelling stands for: cidrBlock is cidr-block, but CidrBlock is nothing."""
    return re.sub("([A-Z])", r"-\1", name).lower()


@cache
def filters(action: str) -> frozenset[str]:
    """The names of an operation's filters; empty where the reference lists none."""
    model = get_service_model("ec2")
    if action not in model.operation_names:
        return frozenset()
    shape = model.operation_model(action).input_shape
    members = shape.members if shape else {}
    text = "".join(members[name].documentation for name in ("Filters", "Filter") if name in members)
    return frozenset(LISTED.findall(text))
