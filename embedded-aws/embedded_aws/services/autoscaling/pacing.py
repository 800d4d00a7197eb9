"""Delayed deletion of Auto Scaling groups: a deleted group stays for a while, with the status of a deletion."""

from __future__ import annotations

from typing import Any

from moto.autoscaling.models import AutoScalingBackend

from embedded_aws import pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch

DELETING = "Delete in progress"


def tick() -> bool:
    """Remove the groups whose deletion delay is over; return whether any was removed."""
    return any([_tick(scaling) for scaling in backends.existing("autoscaling")])


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
