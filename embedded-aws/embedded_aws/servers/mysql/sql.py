"""The statements that make a database's users, quoted for a session without a mode of its own."""

from __future__ import annotations

from collections.abc import Mapping

ADMIN = "rdsadmin"  # as on RDS, where nobody else has it

# What RDS gives its master user: neither SUPER nor FILE.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
MASTER_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)

# No log holds these statements, and quoting means the same whatever the parameter group says.
PREAMBLE = "SET SESSION sql_mode = '', sql_log_off = 1, long_query_time = 31536000;\n"


def first_of_all(password: str, is_mariadb: bool) -> str:
    """For `init_file`, one statement a line, before anybody can connect: our own user, and no other that opens."""
    user = f"{ADMIN}@localhost"
    others = (
        ["DELETE FROM mysql.global_priv WHERE User IN ('root', '')", "FLUSH PRIVILEGES"]
        if is_mariadb
        else ["DROP USER IF EXISTS root@localhost"]
    )
    made = [
        f"CREATE USER IF NOT EXISTS {user}",
        f"ALTER USER {user} IDENTIFIED BY {text(password)}",
        f"GRANT ALL PRIVILEGES ON *.* TO {user} WITH GRANT OPTION",
    ]
    return PREAMBLE + "".join(f"{statement};\n" for statement in [*made, *others])


def master(user: str, password: str) -> str:
    """The master user with this password, whether or not there is one."""
    name = f"{text(user)}@'%'"
    return (
        f"CREATE USER IF NOT EXISTS {name} IDENTIFIED BY {text(password)};\n"
        f"ALTER USER {name} IDENTIFIED BY {text(password)};\n"
        f"GRANT {MASTER_RIGHTS} ON *.* TO {name} WITH GRANT OPTION;\n"
    )


def database(name: str) -> str:
    """The first database, in the server's own character set."""
    quoted = name.replace("`", "``")
    return f"CREATE DATABASE IF NOT EXISTS `{quoted}`;\n"


def set_global(name: str, value: str | None) -> str:
    """A parameter while the server runs; None is the server's own default."""
    if value is None:
        return f"SET GLOBAL {name} = DEFAULT;\n"
    return f"SET GLOBAL {name} = {value if value.isdecimal() else text(value)};\n"


def text(value: str) -> str:
    """A literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\0", "\\0")
    return f"'{escaped}'"


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    """Which parameters have another value now."""
    return {name: after.get(name) for name in sorted({*before, *after}) if before.get(name) != after.get(name)}
