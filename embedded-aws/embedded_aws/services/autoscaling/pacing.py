"""Auto Scaling groups at a pace: a group that is deleted stays for a while, and says so.

What happens to its instances meanwhile: `machines/launching.py`.
"""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import AutoScalingBackend

from embedded_aws import pacing
from embedded_aws.account import backends as world
from embedded_aws.patching import Method, patch

DELETING = "Delete in progress"


def tick() -> bool:
    """Let go the groups that have been deleting for long enough."""
    return any([_tick(scaling) for scaling in world.existing("autoscaling")])


def _tick(scaling: Any) -> bool:
    groups = list(scaling.autoscaling_groups.values())
    return pacing.finish(groups, DELETING, lambda group: scaling.delete_auto_scaling_group(group.name))


@patch(AutoScalingBackend, "delete_auto_scaling_group")
def delete_auto_scaling_group(moto: Method, scaling: Any, group_name: str) -> None:
    """ "The current state of the group when the DeleteAutoScalingGroup operation is in progress" (Status).

    https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AutoScalingGroup.html
    """
    group = scaling.autoscaling_groups.get(group_name)
    if group is None or not pacing.delay_deletion(group, DELETING, "auto_scaling_group"):
        moto(scaling, group_name)
        return
    group.status = DELETING
