"""A key that is scheduled for deletion cannot be used."""

import pytest

from services.errors import raises


@pytest.fixture
def kms(aws):
    return aws.client("kms")


def test_a_key_pending_deletion_cannot_be_used(kms):
    """It cannot be scheduled again, by id or ARN, until the deletion is cancelled."""
    key = kms.create_key()["KeyMetadata"]
    encrypted = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"plain")["CiphertextBlob"]
    for days in (3, 31):
        with raises("ValidationException", "must be between 7 and 30"):
            kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    for name in (key["KeyId"], key["Arn"]):
        calls = [
            lambda name=name: kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=7),
            lambda name=name: kms.encrypt(KeyId=name, Plaintext=b"plain"),
            lambda name=name: kms.generate_data_key(KeyId=name, KeySpec="AES_256"),
            lambda: kms.decrypt(CiphertextBlob=encrypted),
        ]
        for call in calls:
            with raises("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
                call()
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    with raises("DisabledException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"plain")
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=encrypted)["Plaintext"] == b"plain"
