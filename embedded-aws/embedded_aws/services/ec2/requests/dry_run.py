"""DryRun of EC2: check whether a call would be allowed, without carrying it out."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores
from moto.ec2.exceptions import DryRunClientError
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, patch


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Answer DryRunOperation and change nothing; moto ignores the flag in half of its operations.

    "If you have the required permissions, the error response is DryRunOperation":
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun)
    """
    known = hasattr(response, camelcase_to_underscores(response._get_action()))
    if known and response._get_bool_param("DryRun", False):
        return response.serialized(ActionResult(DryRunClientError()))
    return moto(response)
