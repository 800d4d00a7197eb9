"""The data of an instance refresh, and how many instances it may replace at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

from moto.core.utils import utcnow

from embedded_aws.pacing import Transition
from embedded_aws.patching import attach_dict

Fields = dict[str, Any]

ACTIVE = ("Pending", "InProgress", "Cancelling", "RollbackInProgress")


@dataclass
class Refresh:
    """One instance refresh.

    Attributes:
        info: Its description, as DescribeInstanceRefreshes returns it.
        initial: Ids of the instances that existed at the start.
        to_replace: Ids of the instances to replace, terminated or not; during a rollback, those launched by it.
        in_service_since: When an instance was first in service and healthy, in seconds since the epoch, by id.
        progressed_at: When it last made progress, in seconds since the epoch.
        failing_since: When launches began to fail, in seconds since the epoch; 0 while they do not.
        checkpoints: How many checkpoints it has reached.
        pause: The pause at the last of them.
    """

    info: Fields
    initial: list[str]
    to_replace: list[str]
    in_service_since: dict[str, float] = field(default_factory=dict)
    progressed_at: float = field(default_factory=time.time)
    failing_since: float = 0.0
    checkpoints: int = 0
    pause: Transition | None = None

    @property
    def status(self) -> str:
        """The status, one of AWS's statuses of instance refreshes."""
        return str(self.info["Status"])

    @property
    def preferences(self) -> Fields:
        """The preferences of the request, with AWS's defaults for the rest."""
        preferences: Fields = self.info["Preferences"]
        return preferences

    @property
    def template(self) -> Fields | None:
        """The launch template to launch from; None for the group's own."""
        desired: Fields = self.info.get("DesiredConfiguration") or {}
        return None if self.status == "RollbackInProgress" else desired.get("LaunchTemplate")

    @property
    def next_checkpoint(self) -> int:
        """The percentage at which it pauses next, or ends; a rollback does not pause."""
        checkpoints: list[int] = self.preferences.get("CheckpointPercentages") or []
        return 100 if self.status == "RollbackInProgress" else [*checkpoints[self.checkpoints :], 100][0]

    @property
    def quota(self) -> int:
        """How many instances are replaced until the next checkpoint, counted from the start."""
        return ceil(len(self.to_replace) * self.next_checkpoint / 100)

    def end(self, status: str, reason: str = "") -> None:
        """Set the final status."""
        self.info |= {"Status": status, "StatusReason": reason or None, "EndTime": utcnow()}

    def roll_back(self, members: list[str], reason: str) -> None:
        """Start the rollback: replace the instances that were launched since the start."""
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
        self.to_replace = [name for name in members if name not in self.initial]
        self.progressed_at, self.failing_since = time.time(), 0.0


def refreshes_of(backend: Any, group_name: str) -> list[Refresh]:
    """Return the refreshes of a group, the newest first."""
    refreshes: list[Refresh] = attach_dict(backend, "instance_refreshes").setdefault(group_name, [])
    return refreshes


def active_refresh(group: Any) -> Refresh | None:
    """Return the active refresh of a group; there is one at most."""
    refreshes = refreshes_of(group.autoscaling_backend, group.name)
    return next((refresh for refresh in refreshes if refresh.status in ACTIVE), None)


def capacity_limits(preferences: Fields, desired: int) -> tuple[int, int]:
    """Return the minimum of instances in service, and the maximum of instances.

    If they leave no room for a replacement, AWS launches one instance before it terminates one. Without a maximum and
    with a minimum below 100 %, it terminates one first, and the group is below its minimum for a while.
    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (MaxHealthyPercentage)
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-overview.html
    """
    min_percentage, max_percentage = preferences["MinHealthyPercentage"], preferences.get("MaxHealthyPercentage")
    minimum, maximum = ceil(desired * min_percentage / 100), floor(desired * (max_percentage or 100) / 100)
    if minimum < desired or maximum > desired:
        return minimum, maximum
    return (desired - 1, maximum) if max_percentage is None and min_percentage < 100 else (minimum, desired + 1)
