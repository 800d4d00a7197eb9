"""Which parameters of a DB parameter group a private server gets, and with which values."""

from __future__ import annotations

import re
from collections.abc import Mapping

from embedded_aws.servers.mysql.programs import Programs

# Files, ports and sizes belong to this machine, not to an instance class. The general log is left out because
# MariaDB, unlike MySQL, writes passwords into it: https://dev.mysql.com/doc/refman/8.4/en/password-logging.html
LOCAL = re.compile(
    r"(?x) (loose|enable|disable|maximum)_.* | performance_schema.* | lower_case_table_names"
    r" | port | socket | bind_address | datadir | basedir | tmpdir | pid_file | init_file | user | .*_dir"
    r" | plugin.* | early_plugin.* | secure_file_priv | skip_.* | ssl_.* | tls_cert.* | log_error.* | general_log.*"
    r" | slow_query_log_file | log_bin | log_bin_index | relay_log.* | server_id"
    r" | .*_(buffer|cache|pool)_size | .*_instances | innodb_log_file.* | innodb_data_.*"
    r" | innodb_redo_log_capacity | innodb_temp_data_.* | innodb_undo_.* | innodb_flush_method | read_only"
)
NAME = re.compile(r"[a-z][a-z0-9_]*")
OFFSET = re.compile(r"[+-]\d\d:\d\d")
# MariaDB has MySQL's collations of Unicode 9 for Unicode 14: https://mariadb.com/kb/en/supported-character-sets-and-collations/
UNICODE_9 = re.compile(r"utf8mb4_(?:\w+_)?0900_(ai_ci|as_ci|as_cs|bin)")
UNICODE_14_SINCE = (10, 10, 1)


def supported_parameters(group: Mapping[str, str], programs: Programs) -> dict[str, str]:
    """Return names and values for the server's option file; with the prefix `loose`, the server skips unknown names."""
    supported = {}
    for name, value in sorted(group.items()):
        if LOCAL.fullmatch(name) or not NAME.fullmatch(name) or not _is_literal(value):
            continue
        if name in ("time_zone", "default_time_zone"):
            if zone := _zone(value):
                supported["default_time_zone"] = zone
            continue
        supported[name] = _value(value, programs)
    return supported


def _is_literal(value: str) -> bool:
    """Whether a value is not a formula: RDS computes `{DBInstanceClassMemory*3/4}` from the instance class."""
    return value != "" and value.isprintable() and not any(sign in value for sign in '{}"')


def _zone(value: str) -> str | None:
    """Return a zone as an offset, None where it is not one: a server without time zone tables knows only offsets."""
    if value.upper() == "UTC":
        return "+00:00"
    return value if OFFSET.fullmatch(value) else None


def _value(value: str, programs: Programs) -> str:
    collation = UNICODE_9.fullmatch(value)
    if not collation or not programs.is_mariadb:
        return value
    if collation[1] == "bin":
        return "utf8mb4_bin"
    return f"utf8mb4_uca1400_{collation[1]}" if programs.numbers >= UNICODE_14_SINCE else "utf8mb4_unicode_520_ci"
