"""Request ids: each answer has one of its own, by which AWS's support and CloudTrail find the request."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from moto.core.serialize import SerializationContext

from embedded_aws.patching import Method, patch


@patch(SerializationContext, "__init__")
def initialize(moto: Method, context: Any, request_id: str | None = None) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/making-api-requests.html#api-response (requestId)."""
    moto(context, request_id or str(uuid4()))
