"""Helpers for API calls of Auto Scaling: find a group, and paginate lists."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.exceptions import ValidationError


def find_group(backend: Any, name: str) -> Any:
    """Return the Auto Scaling group of a name.

    Raises:
        ValidationError: There is no such group.
    """
    if name not in backend.autoscaling_groups:
        raise ValidationError("AutoScalingGroup name not found - null")
    return backend.autoscaling_groups[name]


def paginate(response: Any, items: list[Any], page_size: int) -> tuple[list[Any], str | None]:
    """Return the requested page of a list, and the token of the next page; `page_size` is the default."""
    start, size = int(response._get_param("NextToken") or 0), response._get_int_param("MaxRecords", page_size)
    return items[start : start + size], str(start + size) if len(items) > start + size else None
