"""RDS's log exports: send what a database's server writes to the log groups that RDS names.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQLDB.PublishtoCloudWatchLogs.html
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from embedded_aws.account import backends, log_streams
from embedded_aws.servers.mysql.options import SLOW_LOG

# The general log is not written, see parameters.py; MySQL and MariaDB have audit logs by plug-ins only.
FILES = {"error": Path("server.log"), "slowquery": Path("data", SLOW_LOG)}
SEND_SECONDS = 1.0
SAVE_SECONDS = 60.0  # a save takes longer than sending; what was not saved is read again from the files

log = logging.getLogger(__name__)


class LogExports:
    """Sends the logs of databases, once a second."""

    def __init__(self) -> None:
        self._sent_at = self._saved_at = time.monotonic()
        self._has_unsaved = False

    def is_due(self) -> bool:
        """Whether a second has passed since this last returned True."""
        now = time.monotonic()
        if now - self._sent_at < SEND_SECONDS:
            return False
        self._sent_at = now
        return True

    def must_save(self) -> bool:
        """Whether so much time has passed that the account has to be saved with the new events."""
        now = time.monotonic()
        if not self._has_unsaved or now - self._saved_at < SAVE_SECONDS:
            return False
        self._has_unsaved, self._saved_at = False, now
        return True

    def send(self, database: Any, folder: Path) -> None:
        """Send what is new in a database's logs.

        RDS creates a log group that does not exist. The stream has the database's identifier.

        Args:
            database: One of moto's instances.
            folder: Of its server.
        """
        name = str(database.db_instance_identifier)
        for kind in database.enabled_cloudwatch_logs_exports or ():
            path = folder / FILES[kind] if kind in FILES else None
            if path is None or not path.is_file() or not path.stat().st_size:
                continue
            group = f"/aws/rds/instance/{name}/{kind}"
            logs = backends.backend("logs", database.region, database.account_id)
            if group not in logs.groups:
                logs.create_log_group(group, {})
            try:
                with backends.in_account(database.account_id):
                    sent = log_streams.send_file(path, group, name, region=database.region)
            except OSError as error:
                log.warning("%s sends no %s log: %s", name, kind, error)
            else:
                self._has_unsaved = sent or self._has_unsaved
