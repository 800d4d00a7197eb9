"""A key that is scheduled for deletion is so once, and of no use."""

import pytest

from services.errors import refused


@pytest.fixture
def kms(aws):
    return aws.client("kms")


def test_a_key_that_leaves_is_of_no_use(kms):
    """Nor can it be scheduled again, by its id or by its ARN, until the deletion is cancelled."""
    key = kms.create_key()["KeyMetadata"]
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"plain")["CiphertextBlob"]
    for days in (3, 31):
        with refused("ValidationException", "must be between 7 and 30"):
            kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    for name in (key["KeyId"], key["Arn"]):
        calls = [
            lambda name=name: kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=7),
            lambda name=name: kms.encrypt(KeyId=name, Plaintext=b"plain"),
            lambda name=name: kms.generate_data_key(KeyId=name, KeySpec="AES_256"),
            lambda: kms.decrypt(CiphertextBlob=sealed),
        ]
        for call in calls:
            with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
                call()
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    with refused("DisabledException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"plain")
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"plain"
