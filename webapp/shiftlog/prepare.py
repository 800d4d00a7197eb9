"""Before a start: the schema brought up to date, and a database user made that may do what the pages need."""

from __future__ import annotations

import logging
import logging.config
import re
import sys

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from shiftlog.aws import Aws, AwsError
from shiftlog.config import Config, ConfigError, MySQL, read
from shiftlog.credentials import Credentials, Login
from shiftlog.database import mysql_engine, url_engine
from shiftlog.locks import lock
from shiftlog.logs import logging_config
from shiftlog.schema import Standing, migrate, standing
from shiftlog.settings import load

log = logging.getLogger("shiftlog.prepare")

#: What the application may do at run time. It cannot alter, drop, or read anybody else's tables. Whoever changes this
#: brings a migration: by it the revision before knows that others work with more, and leaves them what they have. A
#: right is taken away one deployment after it was used last.
RIGHTS = {"entries": "SELECT, INSERT, DELETE", "alembic_version": "SELECT"}
#: Seconds for the other instances, and for one statement of ours: within the hook's time-out even together, because
#: what the agent cuts off cannot say why.
QUEUE, PATIENCE = 60, 150

#: A line of SHOW GRANTS; one without ``on`` gives a role. A right may name columns, within brackets.
GRANT = re.compile(r"GRANT (?P<rights>.+?)(?: ON (?P<on>.+?))? TO .+?(?P<option> WITH GRANT OPTION)?")
COMMA = re.compile(r",(?![^(]*\))")


def prepare(config: Config, aws: Aws) -> None:
    """Do what is missing; doing it twice, or on two instances at once, is the same as doing it once."""
    if config.database_url:
        engine = url_engine(config.database_url)
        with lock(engine, "webapp.prepare", QUEUE):
            log.info(migrate(engine))
    elif config.database:
        _prepare_mysql(config.database, aws)
    else:
        log.info("no database is configured: nothing to prepare")


def _prepare_mysql(database: MySQL, aws: Aws) -> None:
    """The master's secret is used here, and nowhere else."""
    if not database.master_secret:
        raise ConfigError("the database has no 'master_secret': it is needed to migrate, and to make the app's user")
    master = Credentials(lambda: aws.secret(database.master_secret))
    login = Login.read(aws.secret(database.app_secret))
    if login.username == master.login().username:
        raise ConfigError("app_secret names the master user: the application needs a user of its own")
    server = mysql_engine(database, master, name="", read_timeout=PATIENCE)
    with lock(server, f"{database.name}.prepare", QUEUE):
        with server.begin() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE IF NOT EXISTS `{database.name}` CHARACTER SET utf8mb4")
        inside = mysql_engine(database, master, read_timeout=PATIENCE)
        log.info(migrate(inside))
        with inside.begin() as connection:
            _make_user(connection, database, login)
            if standing(connection) is not Standing.AHEAD:
                _take_away(connection, database, login.username)
            _give(connection, database, login.username)
        log.info("user %s may do what the application does, and no more", login.username)


def _make_user(connection: Connection, database: MySQL, login: Login) -> None:
    """Its password follows the secret; over TLS only, where the configuration asks for TLS."""
    tls = "REQUIRE SSL" if database.tls else "REQUIRE NONE"
    user, password = login.username, login.password
    connection.exec_driver_sql("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user, password))
    connection.exec_driver_sql(f"ALTER USER %s@'%%' IDENTIFIED BY %s {tls}", (user, password))


def _give(connection: Connection, database: MySQL, user: str) -> None:
    for table, rights in RIGHTS.items():
        connection.exec_driver_sql(f"GRANT {rights} ON `{database.name}`.`{table}` TO %s@'%%'", (user,))


def _take_away(connection: Connection, database: MySQL, user: str) -> None:
    """Whatever somebody has given it by hand, on whatever it is; what it may have, it keeps meanwhile."""
    ours = {f"`{database.name}`.`{table}`": set(rights.split(", ")) for table, rights in RIGHTS.items()}
    for (row,) in connection.exec_driver_sql("SHOW GRANTS FOR %s@'%%'", (user,)).all():
        if not (found := GRANT.fullmatch(row)):
            continue  # a default role, say: not a right in itself
        given = {right.strip() for right in COMMA.split(found["rights"])} - {"USAGE"}
        extra = sorted(given - ours.get(found["on"] or "", set()))
        if found["option"]:
            extra.append("GRANT OPTION")
        on = f" ON {found['on']}" if found["on"] else ""
        for right in extra:
            connection.exec_driver_sql(f"REVOKE {right}{on} FROM ".replace("%", "%%") + "%s@'%%'", (user,))
            log.warning("took %s%s from user %s: nothing of ours had given it", right, on, user)


def main() -> int:
    """For the hook: what was done as log lines; what went wrong in one, without a traceback."""
    logging.config.dictConfig(logging_config())
    settings = load()
    aws = Aws(settings)
    try:
        prepare(read(settings, aws), aws)
    except (AwsError, ConfigError, SQLAlchemyError, TimeoutError, OSError) as error:
        log.error("%s: %s", type(error).__name__, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
