"""Failover of databases to their standby: on request, or because their zone is lost."""

from __future__ import annotations

from typing import Any

from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.faults import outages
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds.events import record_event
from embedded_aws.services.rds.servers import has_server
from embedded_aws.ticker import run_each

# RDS-EVENT-0013, 0006, 0049 and the two causes; 0020 and 0021 for an instance without a standby.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html#USER_Events.Messages.instance
STARTED = "Multi-AZ instance failover started."
RESTARTED = "DB instance restarted"
COMPLETED = "Multi-AZ instance failover completed"
REQUESTED = "The user requested a failover of the DB instance."
ZONE_LOST = "The primary host of the RDS Multi-AZ instance is unreachable due to loss of network connectivity."
RECOVERY = "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered."
RECOVERED = "Recovery of the DB instance is complete."

NO_STANDBY = (
    "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability"
)


@patch(RDSResponse, "reboot_db_instance")
def reboot_db_instance(moto: Method, response: Any) -> Any:
    """ "You cannot specify true if the instance is not configured for MultiAZ".

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html (ForceFailover)
    """
    (database,) = response.backend.describe_db_instances(response.params["DBInstanceIdentifier"])
    if not response.params.get("ForceFailover"):
        return moto(response)
    require_standby(database)
    result = moto(response)
    promote_standby(database, REQUESTED)
    return result


def require_standby(database: Any) -> None:
    """Require a standby in a zone that is available.

    Raises:
        ServiceError: The instance is in a single zone, or the zone of its standby is lost.
    """
    if not database.multi_az:
        raise ServiceError("InvalidParameterCombination", NO_STANDBY)
    if database.secondary_availability_zone is None or outages.is_lost(database.secondary_availability_zone):
        raise ServiceError("InvalidDBInstanceState", "The standby of the DB instance is not available.")


def fail_over(database: Any, reason: str) -> None:
    """Reboot a database with failover.

    Raises:
        ServiceError: It has no standby, or is not available.
    """
    require_standby(database)
    database.backend.reboot_db_instance(database.db_instance_identifier)
    promote_standby(database, reason)


def promote_standby(database: Any, reason: str) -> None:
    """Make the standby the primary; the instance is `rebooting` until it answers again.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZ.Failover.html
    """
    before = database.availability_zone
    database.availability_zone = database.secondary_availability_zone
    database.zone_before, database.status = before, "rebooting"
    record_event(database, STARTED, "failover")
    database.news = [(RESTARTED, "availability"), (COMPLETED, "failover"), (reason, "failover")]


def tick() -> bool:
    """Complete failovers, and fail over or recover databases of lost zones; return whether the account has changed."""
    return run_each([database for rds in backends.existing("rds") for database in rds.databases.values()], _advance)


def _advance(database: Any) -> bool:
    if vars(database).get("out_of_reach"):
        return not _has_lost_both(database) and _recover(database)
    if vars(database).get("news"):
        return _complete(database)
    if not outages.is_lost(database.availability_zone) or database.status != "available":
        return False
    if _has_lost_both(database):
        _mark_lost(database)
    else:
        fail_over(database, ZONE_LOST)
    return True


def _has_lost_both(database: Any) -> bool:
    standby = database.secondary_availability_zone if database.multi_az else None
    return outages.is_lost(database.availability_zone) and (standby is None or outages.is_lost(standby))


def _complete(database: Any) -> bool:
    """Record the end of a failover or recovery once the database is available; at once without a server."""
    if not has_server(database):
        database.status = "available"
    if database.status != "available":
        return False
    for message, category in database.news:
        record_event(database, message, category)
    database.news = []
    return True


def _mark_lost(database: Any) -> None:
    """Set the status `failed`, which sends people to the events: RDS has no status for a lost zone."""
    database.out_of_reach, database.status = True, "failed"
    record_event(database, "The Availability Zone of the DB instance is not available.", "failure")


def _recover(database: Any) -> bool:
    """Start the database again; its server, if any, keeps its data."""
    database.out_of_reach, database.status = False, "starting"
    record_event(database, RECOVERY, "recovery")
    database.news = [(RECOVERED, "recovery")]
    return True
