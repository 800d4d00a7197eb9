"""The option files of a server and of its client, which hold what is not to be on a command line.

https://dev.mysql.com/doc/refman/8.4/en/option-files.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from embedded_aws.servers.mysql import sql
from embedded_aws.servers.mysql.programs import Programs

SOCKET = "server.sock"  # in the data directory, where no schema can have a name with a dot

# As small as a laptop wants it, and nothing that a process which dies would lose.
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
    "slow_query_log_file": "slowquery.log",
    # By its name alone: the whole path may be longer than a socket's address takes.
    "socket": SOCKET,
    "pid_file": "server.pid",
}
# A server that did not know these would be open where it should be closed: it shall rather not start.
STRICT = {"require_secure_transport", "tls_version"}


def of_server(parameters: Mapping[str, str], ours: Mapping[str, str]) -> bytes:
    """The parameter group's values over the usual ones, and ours over both; what it does not know it skips."""
    given = {name if name in STRICT else f"loose_{name}": value for name, value in parameters.items()}
    as_root = {"user": "root"} if os.geteuid() == 0 else {}  # in a container it insists on being told so
    return _file("mysqld", {**SETTINGS, **given, **ours, **as_root})


def of_client(password: str, programs: Programs) -> bytes:
    """For the administrator, by the socket, whose other end needs no certificate."""
    without_tls = {"loose_ssl": "0"} if programs.is_mariadb else {}  # MySQL's client takes it as it comes
    return _file("client", {"user": sql.ADMIN, "password": password, "socket": SOCKET, **without_tls})


def _file(group: str, options: Mapping[str, str]) -> bytes:
    lines = [f'{name} = "{_escaped(value)}"\n' for name, value in options.items()]
    return "".join([f"[{group}]\n", *lines]).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
