"""Filters of EC2: reject a filter that the operation does not have."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.ec2 import utils
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# A filter's name in the documentation text of botocore's model.
FILTER_NAME = re.compile(r"<li> ?<p> ?<code>([^<]+)</code>")
TAG_FILTERS = ("tag:", "tag-key", "tag-value")


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Reject filters that the operation's reference does not list; accept older spellings with capitals.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html (Filter.N), and so on
    """
    valid = filter_names(response._get_action())
    filters = response._get_param("Filters") or response._get_param("Filter") or [] if valid else []
    for name in [str(filter_.get("Name", "null")) for filter_ in filters]:
        if not {name, _hyphenate(name)} & valid and not name.startswith(TAG_FILTERS):
            return response.serialized(
                ActionResult(ServiceError("InvalidParameterValue", f"The filter '{name}' is invalid"))
            )
    return moto(response)


@patch(utils, "is_filter_matching")
def is_filter_matching(moto: Method, thing: Any, name: str, values: Any) -> bool:
    """Find what has one of several tag keys or values; moto wants all of them.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html (several values are joined with OR)
    """
    if name in ("tag-key", "tag-value"):
        return any(moto(thing, name, [value]) for value in values)
    return bool(moto(thing, name, values))


def _hyphenate(name: str) -> str:
    """Convert an older spelling: cidrBlock to cidr-block. CidrBlock has no valid spelling."""
    return re.sub("([A-Z])", r"-\1", name).lower()


@cache
def filter_names(action: str) -> frozenset[str]:
    """Return the names of an operation's filters; empty if the reference lists none."""
    model = get_service_model("ec2")
    if action not in model.operation_names:
        return frozenset()
    shape = model.operation_model(action).input_shape
    members = shape.members if shape else {}
    text = "".join(members[name].documentation for name in ("Filters", "Filter") if name in members)
    return frozenset(FILTER_NAME.findall(text))
