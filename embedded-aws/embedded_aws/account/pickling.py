"""Pickle moto's account, with rules for the objects that pickle cannot handle.

Every rule restores an equal object: keys and certificates from DER, locks as new ones, moto's dictionaries from their
actual contents rather than from what their overridden methods return.
"""

from __future__ import annotations

import copyreg
import io
import pickle  # nosec B403 # see loads
import threading
import weakref
from collections import defaultdict
from types import GeneratorType
from typing import Any

import cloudpickle
import moto.backends
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from moto.core.base_backend import AccountSpecificBackend, BackendDict

PRIVATE_KEYS = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
PRIVATE_KEYS_RARE = (dsa.DSAPrivateKey, ed448.Ed448PrivateKey)
PUBLIC_KEYS = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)
PUBLIC_KEYS_RARE = (dsa.DSAPublicKey, ed448.Ed448PublicKey)


def dumps(account: Any) -> bytes:
    """Return the account as bytes."""
    target = io.BytesIO()
    AccountPickler(target, pickle.HIGHEST_PROTOCOL).dump(account)
    return target.getvalue()


def loads(content: bytes) -> Any:
    """Return the account that `dumps` wrote with the same versions of Python and moto.

    Raises:
        Exception: Of any type, when the bytes are damaged or were written by another version.
    """
    return pickle.loads(content)  # nosec B301 # from a folder that only its owner can write


class AccountPickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, which handles the lambdas in moto's default dictionaries, with our rules before its own."""

    def reducer_override(self, obj: Any) -> Any:
        """Choose the rule for an object; by default, moto's and Python's own."""
        kind = type(obj)
        if kind.__module__.startswith("cryptography."):
            return _reduce_cryptography(obj)
        if kind is GeneratorType:  # unread pages of a list: gone after a restart
            return iter, ((),)
        if kind in (type(threading.Lock()), type(threading.RLock())):
            return (threading.Lock if kind is type(threading.Lock()) else threading.RLock), ()
        if kind is weakref.WeakValueDictionary:  # Lambda's functions by ARN; its storage holds them
            return kind, (), None, None, iter(list(obj.items()))
        if isinstance(obj, dict) and kind.__module__.startswith("moto."):
            return _reduce_dictionary(obj)
        return super().reducer_override(obj)


def _reduce_cryptography(obj: Any) -> Any:
    if isinstance(obj, PRIVATE_KEYS + PRIVATE_KEYS_RARE):
        form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return _private_key, (obj.private_bytes(*form),)
    if isinstance(obj, PUBLIC_KEYS + PUBLIC_KEYS_RARE):
        form_public = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return _public_key, (obj.public_bytes(*form_public),)
    if isinstance(obj, x509.Certificate):
        return _certificate, (obj.public_bytes(serialization.Encoding.DER),)
    return NotImplemented


def _private_key(der: bytes) -> Any:
    return serialization.load_der_private_key(der, None)


def _public_key(der: bytes) -> Any:
    return serialization.load_der_public_key(der)


def _certificate(der: bytes) -> Any:
    return x509.load_der_x509_certificate(der)  # it names a module that does not exist, so it cannot be pickled


def _reduce_dictionary(obj: dict[Any, Any]) -> Any:
    """Reduce a dictionary class of moto. The `items()` of S3's returns only the latest version of each key."""
    if isinstance(obj, BackendDict):
        return moto.backends.get_backend, (obj.service_name,)
    if isinstance(obj, AccountSpecificBackend):
        return _regions, (obj.service_name, obj.account_id)
    factory = obj.default_factory if isinstance(obj, defaultdict) else None
    state = (dict(dict.items(obj)), dict(vars(obj)), factory)
    return copyreg.__newobj__, (type(obj),), state, None, None, _fill  # type: ignore[attr-defined]


def _regions(service: str, account: str) -> Any:
    return moto.backends.get_backend(service)[account]


def _fill(obj: dict[Any, Any], state: tuple[dict[Any, Any], dict[str, Any], Any]) -> None:
    contents, attributes, factory = state
    dict.update(obj, contents)
    vars(obj).update(attributes)
    if isinstance(obj, defaultdict):
        obj.default_factory = factory
