"""How an overlay says no."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class Refused(ServiceException):  # type: ignore[misc]
    """A service says no, with its own code and message: Refused(code, message)."""
