"""TLS handshakes with a certificate of the test's choice."""

from __future__ import annotations

import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ADDRESS = "127.0.0.1"


def handshake(client: ssl.SSLContext, certificate: Path, key: Path, name: str = ADDRESS) -> None:
    """Let a client meet a server with this certificate.

    Raises:
        ssl.SSLCertVerificationError: The client refuses the certificate.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        waiting = 0
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                waiting += 1
        if not waiting:
            return
    raise TimeoutError("the handshake does not end")


def issue_lax(folder: Path) -> tuple[Path, Path, Path]:
    """Write an authority, a server's certificate and its key that only a lax client accepts.

    Neither certificate names a key by an identifier, which RFC 5280 asks of both (4.2.1.1 and 4.2.1.2).
    """
    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in ("lax", ADDRESS))
    now, day = datetime.now(UTC), timedelta(days=1)
    number = x509.random_serial_number
    root = x509.CertificateBuilder(issuer, issuer, root_key.public_key(), number(), now - day, now + day)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    server = x509.CertificateBuilder(issuer, subject, server_key.public_key(), number(), now - day, now + day)
    server = server.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESS))]), critical=False)
    ca, certificate, key = folder / "lax-ca.pem", folder / "lax.pem", folder / "lax.key"
    ca.write_bytes(root.sign(root_key, SHA256()).public_bytes(Encoding.PEM))
    certificate.write_bytes(server.sign(root_key, SHA256()).public_bytes(Encoding.PEM))
    key.write_bytes(server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ca, certificate, key


@contextmanager
def serving(certificate: Path, key: Path) -> Iterator[int]:
    """Accept connections, and close each after its handshake; gives the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handshake(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                context.wrap_socket(self.request, server_side=True).close()

    with socketserver.TCPServer((ADDRESS, 0), Handshake) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
