"""A dashboard of CloudWatch."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot
from .alarm import dimension
from .base import Ids, Observed, Resource, is_owned, kind
from .tagging import Tagging

_ON = "arn:{partition}:cloudwatch::{account}:dashboard/{env}-{self.name}"
_WIDTH, _HEIGHT, _COLUMNS = 12, 6, 2


@kind
class Dashboard(Resource):
    """Graphs of the environment's metrics, two in a row.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html

    Args:
        region: Of the metrics: dashboards themselves are in no region.
        graphs: The title and the statistic of each, and its metrics: namespace and name, and their dimensions, as
            those of an alarm.
    """

    region: str
    graphs: tuple[tuple[str, str, tuple[tuple[str, tuple[tuple[str, str, Resource], ...]], ...]], ...]

    needs = (
        to_look("cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource", on=_ON, label="dashboard"),
        to_apply("cloudwatch:PutDashboard", "cloudwatch:TagResource", on=_ON, label="dashboard"),
        to_destroy("cloudwatch:DeleteDashboards", on=_ON, label="dashboard"),
    )

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the whole by its digest."""
        return {"body": _digest(self._body(ids))}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Look the dashboard up by its name."""
        name = self.aws_name(snapshot.aws)
        gone = ("ResourceNotFound", "ResourceNotFoundException", "DashboardNotFoundError")
        answer = snapshot.get("cloudwatch", "get_dashboard", missing=gone, DashboardName=name)
        if answer is None:
            return None
        arn = answer["DashboardArn"]
        tags = snapshot.get("cloudwatch", "list_tags_for_resource", missing=gone, ResourceARN=arn)
        if not is_owned(snapshot, self, tags):
            return None
        body = json.loads(answer["DashboardBody"])
        detail = {"_body": _text(body), "_wanted": _text(self._body(ids))}
        return Observed(name, {"body": _digest(body)}, detail=detail, tagging=Tagging.of("cloudwatch", arn, tags))

    def texts(self, observed: Observed) -> dict[str, tuple[str, str]]:
        """Return both bodies."""
        return {"body": (observed.detail["_body"], observed.detail["_wanted"])}

    def create(self, aws: Aws, ids: Ids) -> None:
        """Put the dashboard with its tags, which CloudWatch takes only with a new one."""
        body = _text(self._body(ids))
        aws.cloudwatch.put_dashboard(DashboardName=self.aws_name(aws), DashboardBody=body, Tags=aws.tags(self))

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Put the whole dashboard."""
        aws.cloudwatch.put_dashboard(DashboardName=observed.id, DashboardBody=_text(self._body(ids)))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the dashboard."""
        aws.cloudwatch.delete_dashboards(DashboardNames=[observed.id])

    def _body(self, ids: Ids) -> dict[str, Any]:
        return {"widgets": [self._widget(number, ids) for number in range(len(self.graphs))]}

    def _widget(self, number: int, ids: Ids) -> dict[str, Any]:
        title, statistic, metrics = self.graphs[number]
        lines = []
        for metric, dimensions in metrics:
            named = [(name, text.format(dimension(str(ids.get(each, each.key))))) for name, text, each in dimensions]
            lines.append([*metric.split(" "), *(part for pair in named for part in pair)])
        properties = {"title": title, "region": self.region, "stat": statistic, "period": 60, "metrics": lines}
        place = {"x": _WIDTH * (number % _COLUMNS), "y": _HEIGHT * (number // _COLUMNS)}
        return {"type": "metric", **place, "width": _WIDTH, "height": _HEIGHT, "properties": properties}


def _text(body: Any) -> str:
    return json.dumps(body, indent=1, sort_keys=True)


def _digest(body: Any) -> str:
    return f"sha256 {hashlib.sha256(_text(body).encode()).hexdigest()[:12]}"
