"""Databases that change over to their standby: on request, or because their zone is lost."""

from __future__ import annotations

from typing import Any

from moto.rds.responses import RDSResponse

from embedded_aws.account import backends
from embedded_aws.faults import outages
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.rds.events import tell
from embedded_aws.services.rds.servers import served
from embedded_aws.ticker import run_each

# RDS-EVENT-0013, 0006, 0049 and the two causes; 0020 and 0021 for an instance without a standby.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html#USER_Events.Messages.instance
STARTED = "Multi-AZ instance failover started."
RESTARTED = "DB instance restarted"
COMPLETED = "Multi-AZ instance failover completed"
ASKED_FOR = "The user requested a failover of the DB instance."
ZONE_LOST = "The primary host of the RDS Multi-AZ instance is unreachable due to loss of network connectivity."
RECOVERY = "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered."
RECOVERED = "Recovery of the DB instance is complete."

NO_STANDBY = (
    "ForceFailover cannot be specified since the instance is not configured for either MultiAZ or High Availability"
)


@patch(RDSResponse, "reboot_db_instance")
def reboot_db_instance(moto: Method, response: Any) -> Any:
    """ "You cannot specify true if the instance is not configured for MultiAZ."

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RebootDBInstance.html (ForceFailover)
    """
    (database,) = response.backend.describe_db_instances(response.params["DBInstanceIdentifier"])
    if not response.params.get("ForceFailover"):
        return moto(response)
    refuse_without_standby(database)
    result = moto(response)
    change_over(database, ASKED_FOR)
    return result


def refuse_without_standby(database: Any) -> None:
    """Refuse a failover that has nowhere to go.

    Raises:
        ServiceError: As RDS does for an instance in a single zone.
    """
    if not database.multi_az:
        raise ServiceError("InvalidParameterCombination", NO_STANDBY)
    if database.secondary_availability_zone is None or outages.is_lost(database.secondary_availability_zone):
        raise ServiceError("InvalidDBInstanceState", "The standby of the DB instance is not available.")


def fail_over(database: Any, why: str) -> None:
    """Reboot a database into its standby.

    Raises:
        ServiceError: It has none, or is on its way to something else.
    """
    refuse_without_standby(database)
    database.backend.reboot_db_instance(database.db_instance_identifier)
    change_over(database, why)


def change_over(database: Any, why: str) -> None:
    """The standby is the primary from now on; the instance is `rebooting` until it answers again.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZ.Failover.html
    """
    before = database.availability_zone
    database.availability_zone = database.secondary_availability_zone
    database.zone_before, database.status = before, "rebooting"
    tell(database, STARTED, "failover")
    database.news = [(RESTARTED, "availability"), (COMPLETED, "failover"), (why, "failover")]


def tick() -> bool:
    """Complete what has begun, and let databases follow their zones."""
    return run_each([database for rds in backends.existing("rds") for database in rds.databases.values()], _advance)


def _advance(database: Any) -> bool:
    if vars(database).get("out_of_reach"):
        return not _has_lost_both(database) and _recover(database)
    if vars(database).get("news"):
        return _complete(database)
    if not outages.is_lost(database.availability_zone) or database.status != "available":
        return False
    if _has_lost_both(database):
        _lose(database)
    else:
        fail_over(database, ZONE_LOST)
    return True


def _has_lost_both(database: Any) -> bool:
    standby = database.secondary_availability_zone if database.multi_az else None
    return outages.is_lost(database.availability_zone) and (standby is None or outages.is_lost(standby))


def _complete(database: Any) -> bool:
    """Tell that it is over, when it is; where no server has to come up, that is at once."""
    if not served(database):
        database.status = "available"
    if database.status != "available":
        return False
    for message, category in database.news:
        tell(database, message, category)
    database.news = []
    return True


def _lose(database: Any) -> None:
    """No status of RDS says that a zone is lost; `failed` is what makes people look at the events."""
    database.out_of_reach, database.status = True, "failed"
    tell(database, "The Availability Zone of the DB instance is not available.", "failure")


def _recover(database: Any) -> bool:
    """The server, where it has one, comes up again with the data that it had."""
    database.out_of_reach, database.status = False, "starting"
    tell(database, RECOVERY, "recovery")
    database.news = [(RECOVERED, "recovery")]
    return True
