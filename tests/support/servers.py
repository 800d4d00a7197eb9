"""MariaDB and Redis (or Valkey) with TLS, and the authority that vouches for them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pymysql
import redis
import trustme

from tests.support.programs import find_program

from .processes import Process, free_port

#: What Amazon RDS for MySQL gives its master user: neither SUPER nor FILE.
MASTER_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, "
    "CREATE USER, EVENT, TRIGGER"
)
#: A part of MariaDB's ALL that MySQL does not know: without it, its master could not take ALL from anybody.
MASTER_RIGHTS += ", DELETE HISTORY"


class Authority:
    """Certificates for 127.0.0.1, and the one that signs them."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.certificate, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(self.ca)
        server.cert_chain_pems[0].write_to_path(self.certificate)
        server.private_key_pem.write_to_path(self.key)


class MariaDB(Process):
    """MySQL's sibling: a master user with the rights that RDS gives, TLS on offer."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.port, self.password = free_port(), "Master-1-" + os.urandom(6).hex()
        data = folder / "data"
        # As root (in a container), the server insists on being told so.
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [find_program("mariadb-install-db"), "--no-defaults", f"--datadir={data}", "--skip-test-db", *as_root,
             "--auth-root-authentication-method=normal"],
            check=True, capture_output=True,
        )  # fmt: skip
        command = [
            find_program("mariadbd"), "--no-defaults", f"--datadir={data}", f"--socket={folder}/s",
            f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=16M", f"--ssl-ca={authority.ca}", f"--ssl-cert={authority.certificate}",
            f"--ssl-key={authority.key}", *as_root,
        ]  # fmt: skip
        super().__init__(
            command, folder, lambda: pymysql.connect(unix_socket=f"{folder}/s", user="root", ssl_disabled=True).close()
        )
        self.start()
        self.run("CREATE USER master@'%%' IDENTIFIED BY %s", self.password)
        self.run(f"GRANT {MASTER_RIGHTS} ON *.* TO master@'%%' WITH GRANT OPTION")

    def run(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """As the server's own administrator."""
        with pymysql.connect(unix_socket=f"{self.folder}/s", user="root", autocommit=True, ssl_disabled=True) as link:
            cursor = link.cursor()
            cursor.execute(statement, values)
            return list(cursor.fetchall())


class Redis(Process):
    """A cache with TLS, which keeps its data over a restart as a replica's fail-over would."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.port = free_port()
        command = [
            find_program("valkey-server"), "--bind", "127.0.0.1",
            "--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no",
            "--tls-cert-file", str(authority.certificate), "--tls-key-file", str(authority.key),
            "--tls-ca-cert-file", str(authority.ca), "--dir", str(folder), "--save", "900 1",
        ]  # fmt: skip
        self.client = redis.Redis(port=self.port, host="127.0.0.1", ssl=True, ssl_ca_certs=str(authority.ca))
        super().__init__(command, folder, self.client.ping)
        self.start()
