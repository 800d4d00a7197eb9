"""Signatures of KMS over a digest that the caller has computed; moto would hash it once more."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey, RSAPrivateKey

from embedded_aws.patching import Method, patch

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


class _Digest(bytes):
    """What is to be signed as it is."""


@patch(KmsResponse, "sign")
def sign(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html (MessageType)."""
    if response._get_param("MessageType") == "DIGEST":
        asked = response._get_param

        def param(name: str, if_none: Any = None) -> Any:
            found = asked(name, if_none)
            return _Digest(found) if name == "Message" and found else found

        response._get_param = param
    return moto(response)


@patch(ECDSAPrivateKey, "sign")
def sign_with_curve(moto: Method, key: Any, message: bytes, signing_algorithm: str) -> Any:
    """The digest of a message, or a message of which moto computes it."""
    if not isinstance(message, _Digest):
        return moto(key, message, signing_algorithm)
    return key.private_key.sign(bytes(message), ec.ECDSA(_prehashed(message, signing_algorithm)))


@patch(RSAPrivateKey, "sign")
def sign_with_modulus(moto: Method, key: Any, message: bytes, signing_algorithm: str) -> Any:
    """The same; with a salt as long as the digest.

    https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
    """
    if not isinstance(message, _Digest):
        return moto(key, message, signing_algorithm)
    hashed = _prehashed(message, signing_algorithm)
    pss = padding.PSS(mgf=padding.MGF1(_hash(signing_algorithm)), salt_length=padding.PSS.DIGEST_LENGTH)
    return key.private_key.sign(bytes(message), pss if "PSS" in signing_algorithm else padding.PKCS1v15(), hashed)


def _prehashed(message: bytes, algorithm: str) -> Prehashed:
    hashed = _hash(algorithm)
    if len(message) != hashed.digest_size:
        raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")
    return Prehashed(hashed)


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    return _HASHES[algorithm[-3:]]()
