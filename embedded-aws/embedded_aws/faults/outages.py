"""Lost instances and zones: stored in the account, so that they are saved and reset with it.

Callers hold the lock of the account.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends
from embedded_aws.patching import attach_dict

# EC2 checks every instance each minute, and reports it as impaired when the checks fail. Here it takes less:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
IMPAIRED_SECONDS = 2.0


def zones(ec2: Any) -> dict[str, float]:
    """Return the lost zones, and since when each is lost."""
    return attach_dict(ec2, "lost_zones")


def instances(ec2: Any) -> dict[str, float]:
    """Return the instances that were lost on their own, and since when."""
    return attach_dict(ec2, "lost_instances")


def lose_zone(zone: str) -> None:
    """Lose a zone, for all accounts; a lost zone stays lost."""
    for account in backends.accounts():
        zones(backends.backend("ec2", account=account)).setdefault(zone, time.time())


def lose_instance(instance_id: str) -> None:
    """Lose an instance's host."""
    found = (ec2 for ec2 in backends.existing("ec2") if ec2.get_instance_by_id(instance_id))
    instances(next(found, backends.backend("ec2"))).setdefault(instance_id, time.time())


def lost() -> tuple[list[str], list[str]]:
    """Return the lost zones and the ids of the lost instances, of all regions."""
    everywhere = backends.existing("ec2")
    return sorted(zone for ec2 in everywhere for zone in zones(ec2)), [instance.id for instance in lost_instances()]


def clear() -> None:
    """End all outages."""
    for ec2 in backends.existing("ec2"):
        zones(ec2).clear()
        instances(ec2).clear()


def is_lost(zone: str | None) -> bool:
    """Whether a zone is lost."""
    return any(zone in zones(ec2) for ec2 in backends.existing("ec2"))


def lost_since(instance: Any) -> float | None:
    """Return when one of moto's instances was lost, alone or with its zone; None when it is not lost."""
    ec2 = instance.ec2_backend
    moments = (instances(ec2).get(instance.id), zones(ec2).get(instance.placement.zone))
    return min((moment for moment in moments if moment is not None), default=None)


def is_impaired(instance: Any) -> bool:
    """Whether EC2's status checks report a lost instance."""
    since = lost_since(instance)
    return since is not None and time.time() - since >= IMPAIRED_SECONDS


def lost_instances() -> Iterator[Any]:
    """Yield the lost instances that are running according to EC2."""
    for ec2 in backends.existing("ec2"):
        running = [instance for instance in ec2.all_instances() if instance.state in ("pending", "running")]
        yield from [instance for instance in running if lost_since(instance) is not None]
