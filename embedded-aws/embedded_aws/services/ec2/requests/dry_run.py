"""EC2's DryRun: a question whether a call would be allowed, never the call itself."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.ec2.exceptions import DryRunClientError
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, patch


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Nothing is made, changed or deleted; moto ignores the flag in half of its operations.

    "If you have the required permissions, the error response is DryRunOperation":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun)
    """
    known = hasattr(response, camelcase_to_underscores(response._get_action()))
    if known and response._get_bool_param("DryRun", False):
        return response.serialized(ActionResult(DryRunClientError()))
    return moto(response)
