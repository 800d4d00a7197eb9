"""KMS keys: schedule the deletion by id or ARN, and reject the use of disabled and deleted keys."""

from __future__ import annotations

from typing import Any

from moto.kms.models import KmsBackend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

WINDOW = range(7, 31)  # days


@patch(KmsBackend, "schedule_key_deletion")
def schedule_key_deletion(moto: Method, kms: Any, key_id: str, days: int) -> Any:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html."""
    if days not in WINDOW:
        limits = f"must be between {WINDOW[0]} and {WINDOW[-1]} (inclusive)"
        raise ServiceError("ValidationException", f"PendingWindowInDays {limits}: {days}")
    key = kms.any_id_to_key_id(key_id)
    _require_not_pending_deletion(kms.keys[key])
    return moto(kms, key, days)


@patch(KmsBackend, "encrypt")
def encrypt(moto: Method, kms: Any, key_id: str, *args: Any, **params: Any) -> Any:
    """Reject an unusable key; data keys are encrypted by this method, too.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    _require_usable(kms.keys[kms.any_id_to_key_id(key_id)])
    return moto(kms, key_id, *args, **params)


@patch(KmsBackend, "decrypt")
def decrypt(moto: Method, kms: Any, *args: Any, **params: Any) -> Any:
    """Reject an unusable key; which key it is, is known after the decryption.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    plain, arn = moto(kms, *args, **params)
    _require_usable(kms.keys[kms.any_id_to_key_id(arn)])
    return plain, arn


def _require_usable(key: Any) -> None:
    _require_not_pending_deletion(key)
    if key.key_state == "Disabled":
        raise ServiceError("DisabledException", f"{key.arn} is disabled.")


def _require_not_pending_deletion(key: Any) -> None:
    if key.key_state == "PendingDeletion":
        raise ServiceError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
