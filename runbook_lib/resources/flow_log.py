"""Flow logs of a VPC, into CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .base import Ids, Observed, Resource, kind
from .log_group import LogGroup
from .role_policy import RolePolicy
from .tagging import Tagging
from .vpc import Vpc


@kind
class FlowLog(Resource):
    """A log of the VPC's accepted and rejected connections.

    Args:
        permission: The policy by which its role writes to the log group.
    """

    vpc: Vpc
    log_group: LogGroup
    permission: RolePolicy
    traffic: str = "ALL"

    immutable = frozenset({"vpc", "log_group", "permission", "traffic"})
    # EC2 may not know the role yet, nor its policy.
    # https://github.com/hashicorp/terraform-provider-aws/issues/29323
    eventual_errors = frozenset({"InvalidParameter: Unable to assume given IAM role", "Access error"})
    wait_timeout = 600

    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
    needs = (
        to_look("ec2:DescribeFlowLogs"),
        to_apply("ec2:CreateFlowLogs", "ec2:CreateTags", on=("ec2:vpc-flow-log/*", "ec2:vpc/*")),
        to_apply("logs:CreateLogDelivery"),
        to_destroy("ec2:DeleteFlowLogs", on="ec2:vpc-flow-log/*"),
        to_destroy("logs:DeleteLogDelivery"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the role in place of its policy, which AWS does not return."""
        wanted = super().desired(ids)
        return {**wanted, "permission": ids.get(self.permission.role, _role(wanted["permission"]))}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the flow log by its tags; it has failed when it cannot deliver."""
        log = snapshot.find("describe_flow_logs", "FlowLogs", self, filter_field="Filter")
        if log is None:
            return None
        ours = log.get("LogGroupName") == self.log_group.path
        state = {
            "vpc": log["ResourceId"],
            "log_group": ids.get(self.log_group) if ours else log.get("LogGroupName"),
            "permission": log.get("DeliverLogsPermissionArn"),
            "traffic": log["TrafficType"],
        }
        failing = log.get("DeliverLogsErrorMessage", "")
        ready = log.get("FlowLogStatus", "ACTIVE") == "ACTIVE" and not failing
        return Observed(
            log["FlowLogId"],
            state,
            ready=ready,
            status=failing or log.get("FlowLogStatus", "").lower(),
            tagging=Tagging.of("ec2", log["FlowLogId"], log),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create a flow log of the whole VPC that delivers to the log group."""
        aws.ec2.create_flow_logs(
            ResourceIds=[ids[self.vpc]],
            ResourceType="VPC",
            TrafficType=self.traffic,
            LogDestinationType="cloud-watch-logs",
            LogGroupName=self.log_group.path,
            DeliverLogsPermissionArn=ids[self.permission.role],
            ClientToken=aws.token(self, ids[self.vpc]),
            TagSpecifications=aws.tag_spec("vpc-flow-log", self),
        )

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the flow log; its log group stays."""
        aws.ec2.delete_flow_logs(FlowLogIds=[observed.id])


def _role(policy: Any) -> Any:
    return policy.partition(" ")[0] if isinstance(policy, str) else policy
