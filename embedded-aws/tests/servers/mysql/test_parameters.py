"""Which parameters of a parameter group a private server gets, and with which values."""

import os

import pytest

from embedded_aws.servers.mysql import programs
from embedded_aws.servers.mysql.parameters import supported_parameters

MARIADB = programs.Programs("mariadbd", "mariadb", "mariadb-install-db", "10.11.6")
OLD, MYSQL = (
    programs.Programs("mariadbd", "mariadb", "mariadb-install-db", "10.6.18"),
    programs.Programs("mysqld", "mysql", None, "8.4.6"),
)


def test_most_parameters_are_passed_on():
    group = {"require_secure_transport": "1", "slow_query_log": "1", "log_output": "FILE", "max_connections": "90"}
    assert supported_parameters(group, MARIADB) == group


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("datadir", "/elsewhere"),
        ("port", "1"),
        ("bind_address", "*"),
        ("ssl_ca", "/elsewhere"),
        ("plugin_load_add", "evil.so"),
        ("skip_grant_tables", "1"),
        ("general_log", "1"),
        ("innodb_buffer_pool_size", "68719476736"),
        ("max_connections", "{DBInstanceClassMemory/12582880}"),
        ("init_connect", 'x"\n[mysqld]\nskip_grant_tables'),
        ("wait_timeout\nskip_grant_tables", "1"),
        ("time_zone", "Europe/Berlin"),
    ],
)
def test_parameters_of_the_machine_are_dropped(name, value):
    """Files, ports, sizes, passwords in logs, and values that could add another line to the file."""
    assert supported_parameters({name: value}, MARIADB) == {}


@pytest.mark.parametrize(
    ("collation", "found"),
    [
        ("utf8mb4_0900_ai_ci", ["utf8mb4_uca1400_ai_ci", "utf8mb4_unicode_520_ci", "utf8mb4_0900_ai_ci"]),
        ("utf8mb4_0900_bin", ["utf8mb4_bin", "utf8mb4_bin", "utf8mb4_0900_bin"]),
        ("utf8mb4_bin", ["utf8mb4_bin"] * 3),
    ],
)
def test_collations_are_translated(collation, found):
    group = {"collation_server": collation}
    assert [supported_parameters(group, one)["collation_server"] for one in (MARIADB, OLD, MYSQL)] == found


def test_a_time_zone_is_an_offset():
    assert supported_parameters({"time_zone": "UTC"}, MARIADB) == {"default_time_zone": "+00:00"}


def test_an_empty_path_has_no_server():
    assert programs.find_programs("") is None


def test_servers_are_found_beside_the_path(tmp_path):
    """Debian has them in `sbin`; a server without its client does not count."""
    for folder, name, says in [
        ("sbin", "mariadbd", "mariadbd  Ver 10.11.6-MariaDB-0 for debian-linux-gnu on x86_64 (Debian 12)"),
        ("bin", "mariadb-install-db", ""),
    ]:
        program(tmp_path / folder / name, says)
    assert programs.find_programs(str(tmp_path / "bin")) is None
    program(tmp_path / "bin" / "mariadb", "")
    found = programs.find_programs(str(tmp_path / "bin"))
    assert (found.title, found.is_mariadb) == ("MariaDB 10.11.6", True)


def test_mysql_is_not_taken_for_mariadb(tmp_path):
    program(tmp_path / "mysqld", "/usr/sbin/mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server - GPL)")
    program(tmp_path / "mysql", "")
    found = programs.find_programs(f"{tmp_path}{os.pathsep}")
    assert (found.title, found.is_mariadb) == ("MySQL 8.4.6", False)


def program(path, says):
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
