"""TLS for the listeners."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from embedded_aws.load_balancer.listeners import Certificate


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a context that presents a certificate, with TLS 1.2 and 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory() as folder:  # only its owner can read it; ssl loads certificates only from files
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificate.chain)
        key.write_text(certificate.key)
        context.load_cert_chain(chain, key)
    return context
