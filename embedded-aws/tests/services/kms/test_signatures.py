"""KMS signs a digest as it is: whoever has the public key can check it against the message."""

import hashlib

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
HOW = {"ECDSA_SHA_256": (ec.ECDSA(SHA256()),), "RSASSA_PSS_SHA_256": (PSS, SHA256()),
       "RSASSA_PKCS1_V1_5_SHA_256": (padding.PKCS1v15(), SHA256())}  # fmt: skip
MESSAGE = b"a message" * 1000


@pytest.mark.parametrize("algorithm", HOW)
def test_a_signature_of_a_digest_is_one_of_the_message(aws, algorithm):
    kms = aws.client("kms")
    spec = "ECC_NIST_P256" if "ECDSA" in algorithm else "RSA_2048"
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"]
    asked = {"KeyId": key, "SigningAlgorithm": algorithm, "MessageType": "DIGEST"}
    signature = kms.sign(Message=hashlib.sha256(MESSAGE).digest(), **asked)["Signature"]
    load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"]).verify(signature, MESSAGE, *HOW[algorithm])
    with pytest.raises(ClientError, match=f"Digest is invalid length for algorithm {algorithm}"):
        kms.sign(Message=b"short", **asked)
