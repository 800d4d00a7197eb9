"""A scheduled action of an Auto Scaling group."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .auto_scaling_group import SHRINK, AutoScalingGroup, shrink
from .base import Ids, Observed, Resource, kind

_ON = "autoscaling:autoScalingGroup:*:autoScalingGroupName/{env}-{self.servers.name}"


@kind
class ScheduledAction(Resource):
    """Sets the sizes of the group again and again.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html

    Args:
        capacity: The desired capacity; ``None`` leaves it to a scaling policy, between minimum and maximum.
    """

    servers: AutoScalingGroup
    recurrence: str
    minimum: int
    maximum: int
    time_zone: str
    capacity: int | None = None

    eventual_errors = frozenset({"ResourceContention"})

    needs = (
        to_look("autoscaling:DescribeScheduledActions"),
        to_apply("autoscaling:PutScheduledUpdateGroupAction", on=_ON),
        to_destroy("autoscaling:DeleteScheduledAction", on=_ON),
        *SHRINK,
    )

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the action up by its name, in its group."""
        group, name = ids.get(self.servers, ""), self.aws_name(snapshot.aws)
        actions = snapshot.all(
            "autoscaling", "describe_scheduled_actions", "ScheduledUpdateGroupActions", AutoScalingGroupName=group
        )
        action = next((action for action in actions if action["ScheduledActionName"] == name), None)
        if action is None:
            return None
        state = {
            "servers": action["AutoScalingGroupName"],
            "recurrence": action["Recurrence"],
            "minimum": action["MinSize"],
            "maximum": action["MaxSize"],
            "time_zone": action["TimeZone"] or "UTC",
            "capacity": action["DesiredCapacity"],
        }
        return Observed(name, state, detail={"next": str(action["StartTime"] or "")})

    def create(self, aws: Aws, ids: Ids) -> None:
        """Put the action; one with its name is replaced, so it is never there twice."""
        capacity = {} if self.capacity is None else {"DesiredCapacity": self.capacity}
        aws.autoscaling.put_scheduled_update_group_action(
            AutoScalingGroupName=ids[self.servers],
            ScheduledActionName=self.aws_name(aws),
            Recurrence=self.recurrence,
            MinSize=self.minimum,
            MaxSize=self.maximum,
            TimeZone=self.time_zone,
            **capacity,
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Put the whole action."""
        self.create(aws, ids)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the action, and what it has added."""
        group = observed.state["servers"]
        aws.autoscaling.delete_scheduled_action(AutoScalingGroupName=group, ScheduledActionName=observed.id)
        shrink(aws, group)
