"""SQL statements for users, databases and settings, quoted for a session with an empty sql_mode."""

from __future__ import annotations

from collections.abc import Mapping

ADMIN = "rdsadmin"  # RDS reserves this name, too

# The privileges of RDS's master user: neither SUPER nor FILE.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
MASTER_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)

# Keeps the statements out of all logs, and makes quoting independent of the parameter group.
PREAMBLE = "SET SESSION sql_mode = '', sql_log_off = 1, long_query_time = 31536000;\n"


def init_statements(password: str, is_mariadb: bool) -> str:
    """Return the content of `init_file`, executed before the server accepts connections: create our own user only."""
    user = f"{ADMIN}@localhost"
    others = (
        ["DELETE FROM mysql.global_priv WHERE User IN ('root', '')", "FLUSH PRIVILEGES"]
        if is_mariadb
        else ["DROP USER IF EXISTS root@localhost"]
    )
    own = [
        f"CREATE USER IF NOT EXISTS {user}",
        f"ALTER USER {user} IDENTIFIED BY {quote(password)}",
        f"GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION",
    ]
    return PREAMBLE + "".join(f"{statement};\n" for statement in [*own, *others])


def master_user_statements(user: str, password: str) -> str:
    """Return statements that create the master user, or change its password."""
    name = f"{quote(user)}@'%'"
    return (
        f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY {quote(password)};\n"
        f"ALTER USER {name} IDENTIFIED BY {quote(password)};\n"
        f"GRANT {MASTER_PRIVILEGES} ON *.* TO {name} WITH GRANT OPTION;\n"
    )


def create_database(name: str) -> str:
    """Return the statement that creates the first database, in the server's own character set."""
    quoted = name.replace("`", "``")
    return f"CREATE DATABASE IF NOT EXISTS `{quoted}`;\n"


def set_global(name: str, value: str | None) -> str:
    """Return the statement that changes a parameter at run time; None is the server's default."""
    if value is None:
        return f"SET GLOBAL {name} = DEFAULT;\n"
    return f"SET GLOBAL {name} = {value if value.isdecimal() else quote(value)};\n"


def quote(value: str) -> str:
    """Return a value as a string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def changed_parameters(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """Return the parameters whose value has changed, with the new value; None where it is gone."""
    return {name: after.get(name) for name in sorted({*before, *after}) if before.get(name) != after.get(name)}
