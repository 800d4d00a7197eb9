"""An SSH key generated here; its private half is a secret."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..aws.snapshot import ApiObject, tags_of
from .base import kind
from .secret import KeptSecret

PUBLIC = "runbook:public"


@kind
class SshKey(KeptSecret):
    """An ed25519 key: the private half is a secret, the public half is a tag of the secret and the id."""

    def id_of(self, secret: ApiObject) -> str:
        """Return the public key, which a tag of the secret holds."""
        return tags_of(secret).get(PUBLIC, "")

    def generate(self) -> tuple[str, dict[str, str]]:
        """Return a new private key in OpenSSH's format, and the tag with the public one."""
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return private.decode(), {PUBLIC: public.decode()}
