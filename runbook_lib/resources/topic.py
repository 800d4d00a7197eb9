"""A topic of SNS, managed outside of this runbook."""

from __future__ import annotations

from ..aws.permissions import to_look
from ..aws.snapshot import Snapshot
from .base import ExternalResource, Ids, Observed, kind


@kind
class Topic(ExternalResource):
    """Where notifications go; its id is its ARN.

    CloudWatch accepts an alarm for a topic that does not exist, and then notifies nobody.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """

    known_as: str

    needs = (to_look("sns:GetTopicAttributes", on="{self.known_as}"),)

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the topic up by its ARN."""
        response = snapshot.get("sns", "get_topic_attributes", missing="NotFound", TopicArn=self.known_as)
        return Observed(self.known_as, {}, status="given") if response else None
