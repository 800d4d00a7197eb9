"""What an environment takes from outside its stacks, made by a rehearsal under the ids that the parameters name."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from moto.acm.models import CertBundle

from embedded_aws.account.backends import backend
from embedded_aws.settings import ACCOUNT, REGION

_YEAR = timedelta(days=365)
_HARMLESS = {"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}
"""What a policy of the rehearsal's account allows: the real one is known to its owner only."""
_EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def provide(given: Mapping[str, Any]) -> None:
    """Make what is not there yet; what an earlier rehearsal made stays.

    Args:
        given: The fields of :class:`runbook_lib.aws.endpoints.Given`.
    """
    for kind, make in _MAKERS.items():
        for identity, what in given[kind].items():
            make(identity, what)


def _hosted_zone(zone_id: str, domain: str) -> None:
    """A public zone of the domain's parent: of ``example.com`` for ``www.example.com``."""
    route53 = backend("route53")
    if zone_id in route53.zones:
        return
    parent = domain.partition(".")[2]
    name = parent if "." in parent else domain
    zone = route53.create_hosted_zone(f"{name}.", False, caller_reference=zone_id)
    del route53.zones[zone.resource_id]
    zone.resource_id = zone_id
    route53.zones[zone_id] = zone


def _certificate(arn: str, domain: str) -> None:
    acm = backend("acm", REGION)
    if arn in acm._certificates:
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)]), datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + _YEAR)
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
    pem = built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    acm._certificates[arn] = CertBundle(ACCOUNT, pem, private, region=REGION, arn=arn)


def _image(image_id: str, architecture: str) -> None:
    """A copy of an image of this architecture."""
    ec2 = backend("ec2", REGION)
    if image_id not in ec2.amis:
        of_it = [ami for ami in ec2.amis.values() if ami.architecture == architecture and "al2023" in (ami.name or "")]
        image = copy.copy(of_it[0])
        image.id = image_id
        ec2.amis[image_id] = image


def _secret(reference: str, _: str) -> None:
    """A secret by its name or ARN, with a value of its own."""
    manager = backend("secretsmanager", REGION)
    name = reference.partition(":secret:")[2] or reference
    if reference.startswith("arn:"):
        name = name[:-7]  # Secrets Manager adds a hyphen and six characters to a name
    if manager.secrets.get(name) is None:
        manager.create_secret(name, secrets.token_urlsafe(24), None, None, [], None, None, [], False)
    if reference.startswith("arn:"):
        manager.secrets[name].arn = reference


def _parameter(reference: str, _: str) -> None:
    name = "/" + reference.partition(":parameter/")[2] if reference.startswith("arn:") else reference
    ssm = backend("ssm", REGION)
    if ssm.get_parameter(name) is None:
        value = secrets.token_urlsafe(24)
        ssm.put_parameter(name, "", value, "SecureString", None, None, False, [], "text", None, None)


def _policy(arn: str, use: str) -> None:
    """A managed policy: as a boundary it limits nothing, and attached it allows nothing."""
    iam = backend("iam")
    if arn not in iam.managed_policies:
        path, _, name = arn.partition(":policy")[2].rpartition("/")
        statement = _EVERYTHING if use == "boundary" else _HARMLESS
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_policy("", f"{path}/", document, name, [])


_MAKERS: dict[str, Callable[[str, str], None]] = {
    "hosted_zones": _hosted_zone, "certificates": _certificate, "images": _image, "secrets": _secret,
    "ssm_parameters": _parameter, "policies": _policy,
}  # fmt: skip
