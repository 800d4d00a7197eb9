"""A log group in CloudWatch Logs."""

from __future__ import annotations

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .tagging import Tagging

_ON = "logs:log-group:{self.path}*"


@kind
class LogGroup(Resource):
    """A log group whose lines expire.

    It is created before anything logs to it: groups that AWS creates never expire.

    Args:
        path: Its name in AWS, e.g. ``/runbook/prod/flow-logs``.
        days: The retention.
    """

    path: str
    days: int

    immutable = frozenset({"path"})
    eventual_errors = frozenset({"ResourceNotFoundException", "OperationAbortedException"})

    # AWS checks some actions on the group's name with an empty stream behind it: ``…:log-stream:``.
    # https://github.com/aws-samples/amazon-eks-fluent-logging-examples/issues/15
    needs = (
        to_look("logs:DescribeLogGroups"),
        to_look("logs:ListTagsForResource", on=_ON),
        to_apply("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", on=_ON),
        to_destroy("logs:DeleteLogGroup", on=_ON),
    )

    def aws_name(self, aws: Aws) -> str:
        """Its path."""
        return self.path

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the group up by its path. One that a service wrote again without tags is taken over."""
        folder = self.path.rpartition("/")[0] + "/"  # one call lists all groups of a folder
        groups = snapshot.all("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=folder)
        group = next((group for group in groups if group["logGroupName"] == self.path), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        tags = snapshot.get("logs", "list_tags_for_resource", missing="ResourceNotFoundException", resourceArn=arn)
        if tags is None:
            return None
        recreated = self._is_of_a_service and not tags_of(tags, "tags")
        if not recreated:
            snapshot.require_ownership(self, tags_of(tags, "tags"))
        state = {"path": self.path, "days": group.get("retentionInDays")}
        return Observed(arn, state, recreated=recreated, tagging=Tagging.of("logs", arn, tags, "tags"))

    @property
    def _is_of_a_service(self) -> bool:
        """Whether an AWS service may have created it under our name: RDS writes to a group that is gone again.

        Such a group has no tags; it is ours, and gets them.
        https://github.com/hashicorp/terraform-provider-aws/issues/42858
        https://github.com/terraform-aws-modules/terraform-aws-rds/issues/419
        """
        return self.path.startswith("/aws/")

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the group; an update sets how long it keeps its events."""
        aws.logs.create_log_group(logGroupName=self.path, tags=aws.tag_map(self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set how many days the group keeps its events."""
        aws.logs.put_retention_policy(logGroupName=self.path, retentionInDays=self.days)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the group with its events."""
        aws.logs.delete_log_group(logGroupName=self.path)
