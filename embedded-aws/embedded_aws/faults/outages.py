"""Instances and zones that are lost: kept in the account, so that they are saved and forgotten with everything else.

Whoever calls these holds the lock of the account.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from embedded_aws.account import backends as world
from embedded_aws.patching import attach_dict

# EC2 checks every instance each minute, and calls it impaired when the checks fail. A rehearsal does not wait as long:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
IMPAIRED_SECONDS = 2.0


def zones(ec2: Any) -> dict[str, float]:
    """The zones that are lost, and since when."""
    return attach_dict(ec2, "lost_zones")


def instances(ec2: Any) -> dict[str, float]:
    """The instances that are lost on their own, and since when."""
    return attach_dict(ec2, "lost_instances")


def lose_zone(zone: str) -> None:
    """Lose a zone; one that is lost stays lost."""
    zones(world.backend("ec2")).setdefault(zone, time.time())


def lose_instance(instance_id: str) -> None:
    """Lose what an instance runs on."""
    instances(world.backend("ec2")).setdefault(instance_id, time.time())


def lost() -> tuple[list[str], list[str]]:
    """The zones and the instances that are lost at the moment, in all regions."""
    everywhere = world.existing("ec2")
    return sorted(zone for ec2 in everywhere for zone in zones(ec2)), [found.id for found in lost_instances()]


def end() -> None:
    """Nothing is lost any more."""
    for ec2 in world.existing("ec2"):
        zones(ec2).clear()
        instances(ec2).clear()


def is_lost(zone: str | None) -> bool:
    """Whether a zone is lost."""
    return any(zone in zones(ec2) for ec2 in world.existing("ec2"))


def lost_since(instance: Any) -> float | None:
    """When one of moto's instances was lost, alone or with its zone; None when it is not."""
    ec2 = instance.ec2_backend
    moments = (instances(ec2).get(instance.id), zones(ec2).get(instance.placement.zone))
    return min((moment for moment in moments if moment is not None), default=None)


def is_impaired(instance: Any) -> bool:
    """Whether EC2 has noticed that an instance is lost."""
    since = lost_since(instance)
    return since is not None and time.time() - since >= IMPAIRED_SECONDS


def lost_instances() -> Iterator[Any]:
    """The instances that run, as far as EC2 was told, and are lost."""
    for ec2 in world.existing("ec2"):
        running = [found for found in ec2.all_instances() if found.state in ("pending", "running")]
        yield from [found for found in running if lost_since(found) is not None]
