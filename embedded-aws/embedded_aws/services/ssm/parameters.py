"""SSM parameters: validation of names, values, types and keys."""

from __future__ import annotations

import re
from typing import Any

from moto.ssm.responses import SimpleSystemManagerResponse

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html (Name)
NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
MAX_LEVELS = 15
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
MAX_SIZES = {"Standard": 4096, "Intelligent-Tiering": 8192, "Advanced": 8192}
CODE = "ValidationException"


@patch(SimpleSystemManagerResponse, "put_parameter")
def put_parameter(moto: Method, response: Any) -> Any:
    """Validate a parameter before moto writes it.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    name, value = response._get_param("Name"), response._get_param("Value") or ""
    _validate_name(name)
    _validate_value(value, response._get_param("Tier") or "Standard", response._get_param("AllowedPattern"))
    ssm, kind = response.ssm_backend, response._get_param("Type")
    _require_same_type(ssm, name, kind, response._get_bool_param("Overwrite", False))
    if kind == "SecureString":
        _require_key(ssm, response._get_param("KeyId"))
    return moto(response)


def _validate_name(name: str) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html."""
    if not NAME.fullmatch(name):
        signs = "each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
        prefix = 'Parameter name: can\'t be prefixed with "ssm" (case-insensitive).'
        raise ServiceError(
            CODE, f"{prefix} If formed as a path, it can consist of sub-paths divided by slash symbol; {signs}"
        )
    if "/" in name and not name.startswith("/"):
        raise ServiceError(CODE, "Parameter name must be a fully qualified name.")
    if name.strip("/").count("/") >= MAX_LEVELS:
        reason = f"A parameter name can have at most {MAX_LEVELS} levels: {name}"
        raise ServiceError("HierarchyLevelLimitExceededException", reason)


def _validate_value(value: str, tier: str, pattern: str | None) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html."""
    if len(value.encode()) > MAX_SIZES.get(tier, 8192):
        size = f"support a maximum parameter value of {MAX_SIZES[tier]} characters."
        advice = "To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
        raise ServiceError(CODE, f"{tier} tier parameters {size} {advice if tier == 'Standard' else ''}".strip())
    if pattern and not re.search(pattern, value):
        reason = f"Parameter value, cannot be validated against allowedPattern: {pattern}"
        raise ServiceError("ParameterPatternMismatchException", reason)


def _require_same_type(ssm: Any, name: str, kind: str | None, overwrite: bool) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html (Errors)."""
    before = ssm._parameters.get(name)
    if overwrite and kind and before and before[-1].parameter_type != kind:
        reason = "Parameter Store does not support changing a parameter type in a hierarchy."
        raise ServiceError("HierarchyTypeMismatchException", f"{reason} You must create a new, unique parameter.")


def _require_key(ssm: Any, key_id: str | None) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html (InvalidKeyId)."""
    kms = backends.backend("kms", ssm.region_name)
    if not key_id or "alias/aws/" in key_id:
        return
    alias = key_id.rpartition(":")[2] if "alias/" in key_id else None
    known = kms.get_key_id_from_alias(alias) if alias else kms.get_key_id(key_id)
    if known not in kms.keys:
        raise ServiceError("InvalidKeyId", f"{'Alias' if alias else 'Key'} {key_id} is not found.")
