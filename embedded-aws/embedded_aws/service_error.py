"""The error that a patch raises when AWS would reject the call."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class ServiceError(ServiceException):  # type: ignore[misc]
    """AWS rejects the call with this code and message: ServiceError(code, message)."""
