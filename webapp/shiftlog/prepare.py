"""The Procfile's release line: brings the database's schema up to date before a new version starts."""

from __future__ import annotations

import logging
import logging.config
import sys

from sqlalchemy.exc import SQLAlchemyError

from shiftlog.aws import Aws, AwsError
from shiftlog.config import Config, ConfigError, read
from shiftlog.credentials import Credentials
from shiftlog.database import mysql_engine, url_engine
from shiftlog.locks import lock
from shiftlog.logs import logging_config
from shiftlog.schema import migrate
from shiftlog.settings import load

log = logging.getLogger("shiftlog.prepare")

#: Seconds for the other servers, and for one statement of ours.
QUEUE, PATIENCE = 60, 150


def prepare(config: Config, aws: Aws) -> None:
    """Do what is missing; doing it twice, or on two servers at once, is the same as doing it once."""
    if config.database_url:
        engine, name = url_engine(config.database_url), "webapp"
    elif config.database:
        database = config.database
        engine = mysql_engine(database, Credentials(lambda: database.read_login(aws)), read_timeout=PATIENCE)
        name = database.name
    else:
        log.info("no database is configured: nothing to prepare")
        return
    with lock(engine, f"{name}.prepare", QUEUE):
        log.info(migrate(engine))


def main() -> int:
    """For the release line: what was done as log lines; what went wrong in one, without a traceback."""
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
