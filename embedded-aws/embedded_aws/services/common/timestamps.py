"""Times in answers: AWS sends whole seconds or milliseconds, never microseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moto.core.serialize import TimestampSerializer

from embedded_aws.patching import Method, patch


@patch(TimestampSerializer, "_timestamp_iso8601")
def format_time(moto: Method, serializer: Any, value: datetime) -> str:
    """https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait (date-time: "millisecond precision")."""
    text: str = moto(serializer, value.replace(microsecond=value.microsecond // 1000 * 1000))
    return f"{text[:-4]}Z" if "." in text else text
