"""The option files of a server and of its client; unlike a command line, other users cannot read them.

https://dev.mysql.com/doc/refman/8.4/en/option-files.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from embedded_aws.servers.mysql import sql
from embedded_aws.servers.mysql.programs import Programs

SLOW_LOG = "slowquery.log"  # in the data directory, too
SOCKET = "server.sock"  # in the data directory, where no schema can have a name with a dot

# Small enough for a laptop; a killed process loses nothing.
SETTINGS = {
    "skip_name_resolve": "1",
    "character_set_server": "utf8mb4",
    "performance_schema": "0",
    "loose_mysqlx": "0",
    "innodb_buffer_pool_size": "64M",
    "innodb_flush_log_at_trx_commit": "2",
    "innodb_buffer_pool_dump_at_shutdown": "0",
    "innodb_buffer_pool_load_at_startup": "0",
    "loose_innodb_log_file_size": "16M",
    "loose_innodb_redo_log_capacity": "32M",
    "slow_query_log_file": SLOW_LOG,
    # The name only: the whole path may be longer than a socket address can be.
    "socket": SOCKET,
    "pid_file": "server.pid",
}
# Without `loose_`: a server that does not know these must not start, as it would accept insecure connections.
STRICT = {"require_secure_transport", "tls_version"}


def server_options(parameters: Mapping[str, str], own: Mapping[str, str]) -> bytes:
    """Return the server's option file: our settings, overridden by the parameter group, overridden by `own`."""
    group = {name if name in STRICT else f"loose_{name}": value for name, value in parameters.items()}
    as_root = {"user": "root"} if os.geteuid() == 0 else {}  # it refuses to run as root without this option
    return _file("mysqld", {**SETTINGS, **group, **own, **as_root})


def client_options(password: str, programs: Programs) -> bytes:
    """Return the option file of the administrator's client, which connects through the socket, without TLS."""
    without_tls = {"loose_ssl": "0"} if programs.is_mariadb else {}  # MySQL's client needs no such option
    return _file("client", {"user": sql.ADMIN, "password": password, "socket": SOCKET, **without_tls})


def _file(group: str, options: Mapping[str, str]) -> bytes:
    lines = [f'{name} = "{_escaped(value)}"\n' for name, value in options.items()]
    return "".join([f"[{group}]\n", *lines]).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
