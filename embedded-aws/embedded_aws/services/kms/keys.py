"""KMS keys: scheduled for deletion once, by their id and by their ARN alike, and of no use from then on."""

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
    _refuse_leaving(kms.keys[key])
    return moto(kms, key, days)


@patch(KmsBackend, "encrypt")
def encrypt(moto: Method, kms: Any, key_id: str, *args: Any, **sent: Any) -> Any:
    """A data key is encrypted, too.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    _refuse_unusable(kms.keys[kms.any_id_to_key_id(key_id)])
    return moto(kms, key_id, *args, **sent)


@patch(KmsBackend, "decrypt")
def decrypt(moto: Method, kms: Any, *args: Any, **sent: Any) -> Any:
    """Which key it is, is known when it is done.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    plain, arn = moto(kms, *args, **sent)
    _refuse_unusable(kms.keys[kms.any_id_to_key_id(arn)])
    return plain, arn


def _refuse_unusable(key: Any) -> None:
    _refuse_leaving(key)
    if key.key_state == "Disabled":
        raise ServiceError("DisabledException", f"{key.arn} is disabled.")


def _refuse_leaving(key: Any) -> None:
    if key.key_state == "PendingDeletion":
        raise ServiceError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
