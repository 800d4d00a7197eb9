"""How a certificate is presented to those who connect."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from embedded_aws.load_balancer.listeners import Certificate


def presents(certificate: Certificate) -> ssl.SSLContext:
    """A context that presents a certificate, by TLS 1.2 and 1.3."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory() as folder:  # for its owner only; ssl reads nothing but files
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate.chain)
        key.write_text(certificate.key)
        made.load_cert_chain(chain, key)
    return made
