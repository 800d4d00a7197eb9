"""KMS signs a digest as it is; the signature verifies with the message and the public key."""

import hashlib

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
VERIFICATION = {"ECDSA_SHA_256": (ec.ECDSA(SHA256()),), "RSASSA_PSS_SHA_256": (PSS, SHA256()),
       "RSASSA_PKCS1_V1_5_SHA_256": (padding.PKCS1v15(), SHA256())}  # fmt: skip
MESSAGE = b"a message" * 1000


@pytest.mark.parametrize("algorithm", VERIFICATION)
def test_a_signature_of_a_digest_verifies_with_the_message(aws, algorithm):
    kms = aws.client("kms")
    spec = "ECC_NIST_P256" if "ECDSA" in algorithm else "RSA_2048"
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"]
    params = {"KeyId": key, "SigningAlgorithm": algorithm, "MessageType": "DIGEST"}
    signature = kms.sign(Message=hashlib.sha256(MESSAGE).digest(), **params)["Signature"]
    load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"]).verify(signature, MESSAGE, *VERIFICATION[algorithm])
    with pytest.raises(ClientError, match=f"Digest is invalid length for algorithm {algorithm}"):
        kms.sign(Message=b"short", **params)
