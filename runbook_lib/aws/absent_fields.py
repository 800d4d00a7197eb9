"""Responses of AWS in which a field that AWS left out reads as empty.

Nearly every field of a response is optional in AWS's own models, and AWS does leave fields out: of what it
is deleting or still creating, and of other people's resources.  A replication group that is being deleted has
no node type: https://docs.aws.amazon.com/cli/latest/reference/elasticache/delete-replication-group.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

from .service_models import service_model


class Structure(dict[str, Any]):
    """An object in a response: ``item["Field"]`` is empty when AWS left the field out.

    A field that AWS's model does not have still raises ``KeyError``: its name is misspelt.  ``get`` and ``in``
    work as in every dictionary.
    """

    def __init__(self, fields: dict[str, Any], shape: StructureShape) -> None:
        super().__init__({name: _wrap(value, shape.members.get(name)) for name, value in fields.items()})
        self._shape = shape

    def __missing__(self, name: str) -> Any:
        return _empty(self._shape.members[name])

    def __or__(self, other: Any) -> Any:
        return Structure({**self, **other}, self._shape)


def with_absent_fields(service: str, operation: str, response: dict[str, Any]) -> dict[str, Any]:
    """Return the response of a call, e.g. ``"ec2"`` ``"describe_vpcs"``, as a :class:`Structure`."""
    shape = _response_shape(service, operation)
    return Structure(response, shape) if shape else response


def _wrap(value: Any, shape: Shape | None) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return Structure(value, shape)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_wrap(item, shape.member) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _wrap(item, shape.value) for key, item in value.items()}
    return value


def _empty(shape: Shape) -> Any:
    """An empty value of the field's type; ``None`` for numbers, booleans and times, which have none."""
    if isinstance(shape, StructureShape):
        return Structure({}, shape)
    empty: dict[str, Any] = {"list": [], "map": {}, "string": ""}
    return empty.get(shape.type_name)


@cache
def _response_shape(service: str, operation: str) -> StructureShape | None:
    model = service_model(service)
    name = next(name for name in model.operation_names if xform_name(name) == operation)
    return model.operation_model(name).output_shape
