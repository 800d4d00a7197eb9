"""KMS keys: scheduled for deletion by their id and by their ARN alike."""

from __future__ import annotations

from typing import Any

from moto.kms.models import KmsBackend

from runbook_lib.local.overlays.around import Method, around


@around(KmsBackend, "schedule_key_deletion")
def schedule_key_deletion(moto: Method, kms: Any, key_id: str, days: int) -> Any:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html (KeyId)."""
    return moto(kms, kms.any_id_to_key_id(key_id), days)
