"""EC2's client tokens: a create that is sent twice happens once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses._base_response import EC2BaseResponse

from embedded_aws.patching import Method, attach_dict, patch

REMEMBERED = timedelta(hours=24)


@dataclass(frozen=True)
class Answered:
    """What was asked with a token, and what the answer was: status, headers, body."""

    asked: dict[str, Any]
    answer: tuple[Any, dict[str, Any], Any]
    expires: datetime


@patch(EC2BaseResponse, "call_action")
def call_action(moto: Method, response: Any) -> Any:
    """The same token with the same parameters is the same call; with other parameters it is refused.

    "A retried request completes successfully without performing any further actions", and
    "if you change the parameters ... you get the IdempotentParameterMismatch error":
    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    So a token that is sent again after its resource was deleted gets the answer about the deleted one.
    """
    token, action = response._get_param("ClientToken"), response._get_action()
    if not token or response._get_bool_param("DryRun", False):
        return moto(response)
    answered = attach_dict(response.ec2_backend, "answers_by_token")
    for old in [key for key, before in answered.items() if before.expires < utcnow()]:
        del answered[old]
    asked = {name: value for name, value in response.data.items() if name != "ClientToken"}
    before = answered.get((action, token))
    if before and before.asked != asked:
        why = "The request uses the same client token as a previous, but non-identical request."
        return response.serialized(ActionResult(EC2ClientError("IdempotentParameterMismatch", why)))
    if before:
        return before.answer
    answer = moto(response)
    if int(answer[0]) == 200:
        answered[action, token] = Answered(asked, (answer[0], dict(answer[1]), answer[2]), utcnow() + REMEMBERED)
    return answer
