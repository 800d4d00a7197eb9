"""Key pairs: a public key that cannot be read is refused with EC2's own code."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import InvalidKeyPairFormatError
from moto.ec2.responses.key_pairs import KeyPairs

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError


@patch(KeyPairs, "import_key_pair")
def import_key_pair(moto: Method, response: Any) -> Any:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (InvalidKey.Format)."""
    try:
        return moto(response)
    except InvalidKeyPairFormatError as error:
        raise ServiceError("InvalidKey.Format", "Key is not in valid OpenSSH public key format") from error
