"""Client tokens of EC2: a create request that is sent twice creates one resource."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, attach_dict, patch

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class StoredResponse:
    """The request that was sent with a token, and its response: status, headers, body."""

    request: dict[str, Any]
    response: tuple[Any, dict[str, Any], Any]
    expires: datetime


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """Return the stored response for a known token with the same parameters; reject it with other parameters.

    "A retried request completes successfully without performing any further actions", and
    "if you change the parameters ... you get the IdempotentParameterMismatch error":
    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    So a token that is sent again after its resource was deleted gets the response about the deleted resource.
    """
    token, action = response._get_param("ClientToken"), response._get_action()
    if not token or response._get_bool_param("DryRun", False):
        return moto(response)
    stored = attach_dict(response.ec2_backend, "responses_by_token")
    for expired in [key for key, earlier in stored.items() if earlier.expires < utcnow()]:
        del stored[expired]
    request = {name: value for name, value in response.data.items() if name != "ClientToken"}
    earlier = stored.get((action, token))
    if earlier and earlier.request != request:
        message = "The request uses the same client token as a previous, but non-identical request."
        return response.serialized(ActionResult(EC2ClientError("IdempotentParameterMismatch", message)))
    if earlier:
        return earlier.response
    result = moto(response)
    if int(result[0]) == 200:
        stored[action, token] = StoredResponse(request, (result[0], dict(result[1]), result[2]), utcnow() + LIFETIME)
    return result
