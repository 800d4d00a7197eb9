"""An instance refresh as it is kept, and how many instances it may take at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.patching import attach_dict

Fields = dict[str, Any]

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress")


@dataclass
class Refresh:
    """One instance refresh.

    Attributes:
        info: What AWS answers about it.
        known: The instances that were there when it began.
        to_replace: Those that are to go, whether they have gone or not; during a rollback, those that came.
        since: When an instance was first seen in service and healthy.
        moved: When it last made progress.
        failing: When launches began to fail; 0 while they do not.
    """

    info: Fields
    known: list[str]
    to_replace: list[str]
    since: dict[str, float] = field(default_factory=dict)
    moved: float = field(default_factory=time.time)
    failing: float = 0.0

    @property
    def status(self) -> str:
        """One of AWS's statuses of instance refreshes."""
        return str(self.info["Status"])

    @property
    def preferences(self) -> Fields:
        """How it was asked to go on, with AWS's defaults for the rest."""
        found: Fields = self.info["Preferences"]
        return found

    @property
    def template(self) -> Fields | None:
        """What is launched meanwhile; None for what the group says itself."""
        desired: Fields = self.info.get("DesiredConfiguration") or {}
        return None if self.status == "RollbackInProgress" else desired.get("LaunchTemplate")

    def end(self, status: str, reason: str = "") -> None:
        """Come to an end."""
        self.info |= {"Status": status, "StatusReason": reason or None, "EndTime": utcnow()}

    def turn_back(self, members: list[str], reason: str) -> None:
        """Begin the rollback: what came since the refresh has begun is to go again."""
        self.info |= {
            "Status": "RollbackInProgress",
            "StatusReason": None,
            "RollbackDetails": {
                "RollbackReason": reason,
                "RollbackStartTime": utcnow(),
                "PercentageCompleteOnRollback": self.info["PercentageComplete"],
                "InstancesToUpdateOnRollback": self.info["InstancesToUpdate"],
            },
        }
        self.to_replace = [name for name in members if name not in self.known]
        self.moved, self.failing = time.time(), 0.0


def refreshes_of(backend: Any, group_name: str) -> list[Refresh]:
    """The refreshes of a group, the newest first."""
    found: list[Refresh] = attach_dict(backend, "instance_refreshes").setdefault(group_name, [])
    return found


def active(group: Any) -> Refresh | None:
    """The refresh of a group that goes on; there is one at most."""
    found = refreshes_of(group.autoscaling_backend, group.name)
    return next((refresh for refresh in found if refresh.status in ACTIVE), None)


def bounds(preferences: Fields, desired: int) -> tuple[int, int]:
    """How many instances have to serve, and how many there may be.

    Where both cannot be kept, AWS launches one more before it terminates one, unless no maximum was asked for: then
    it terminates one and launches its replacement, and there is one less than the minimum for a while. With a minimum
    of 100 % it always launches first.
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (MaxHealthyPercentage)
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
    """
    lowest, highest = preferences["MinHealthyPercentage"], preferences.get("MaxHealthyPercentage")
    least, most = ceil(desired * lowest / 100), floor(desired * (highest or 100) / 100)
    if least < desired or most > desired:
        return least, most
    return (desired - 1, most) if highest is None and lowest < 100 else (least, desired + 1)
