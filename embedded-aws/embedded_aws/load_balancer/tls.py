"""TLS for the listeners: their certificates and security policies."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from embedded_aws.load_balancer.listeners import Certificate

V = ssl.TLSVersion
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
VERSIONS = {
    "TLS13-1-3": (V.TLSv1_3, V.TLSv1_3),
    "TLS13-1-2": (V.TLSv1_2, V.TLSv1_3),
    "TLS13-1-1": (V.TLSv1_1, V.TLSv1_3),
    "TLS13-1-0": (V.TLSv1, V.TLSv1_3),
    "TLS-1-2": (V.TLSv1_2, V.TLSv1_2),
    "FS-1-2": (V.TLSv1_2, V.TLSv1_2),
    "TLS-1-1": (V.TLSv1_1, V.TLSv1_2),
    "FS-1-1": (V.TLSv1_1, V.TLSv1_2),
}
OLD = (V.TLSv1, V.TLSv1_2)  # ELBSecurityPolicy-2016-08 and -FS-2018-06
RESTRICTED = "ECDHE+AESGCM"


def server_context(certificate: Certificate, policy: str) -> ssl.SSLContext:
    """Return a context that presents a certificate, with the versions and ciphers of a security policy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    set_policy(context, policy)
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory() as folder:  # only its owner can read it; ssl loads certificates only from files
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate.chain)
        key.write_text(certificate.key)
        context.load_cert_chain(chain, key)
    return context


def set_policy(context: ssl.SSLContext, policy: str) -> None:
    """Allow the TLS versions of a security policy, and, where it is a restricted one, its ciphers only."""
    name = policy.removeprefix("ELBSecurityPolicy-")
    lowest, highest = next((span for start, span in VERSIONS.items() if name.startswith(start)), OLD)
    context.maximum_version = V.MAXIMUM_SUPPORTED
    context.minimum_version, context.maximum_version = lowest, highest
    # OpenSSL forbids TLS 1.0 and 1.1 above its security level 0.
    everything = "DEFAULT:@SECLEVEL=0" if lowest < V.TLSv1_2 else "DEFAULT"
    context.set_ciphers(RESTRICTED if "-Res" in name else everything)
