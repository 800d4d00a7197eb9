"""Tags of dashboards, which moto does not store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.resource_tagging import TaggedResource

from embedded_aws.patching import Method, patch


@patch(CloudWatchResponse, "put_dashboard")
def put_dashboard(moto: Method, response: Any) -> Any:
    """Store the tags of a new dashboard; those of an existing one stay.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html (Tags)
    """
    backend, name = response.cloudwatch_backend, response._get_param("DashboardName")
    is_new = backend.get_dashboard(name) is None
    result = moto(response)
    if is_new:
        backend.tagger.tag_resource(backend.get_dashboard(name).arn, response._get_param("Tags", []))
    return result


@patch(CloudWatchBackend, "delete_dashboards")
def delete_dashboards(moto: Method, backend: Any, dashboards: list[str]) -> Any:
    """Delete dashboards with their tags."""
    known = filter(None, map(backend.get_dashboard, dashboards))
    arns = [dashboard.arn for dashboard in known]
    problem = moto(backend, dashboards)
    for arn in arns if problem is None else ():
        backend.tagger.delete_all_tags_for_resource(arn)
    return problem


@patch(CloudWatchBackend, "tag_resource")
def tag_resource(moto: Method, backend: Any, arn: str, tags: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html."""
    if arn in {dashboard.arn for dashboard in backend.dashboards.values()}:
        backend.tagger.tag_resource(arn, backend.tagger.convert_dict_to_tags_input(tags))
    else:
        moto(backend, arn, tags)


@patch(CloudWatchBackend, "iter_tagged_resources")
def iter_tagged_resources(moto: Method, backend: Any) -> Iterator[Any]:
    """List dashboards, too."""
    yield from moto(backend)
    for dashboard in backend.dashboards.values():
        tags = backend.tagger.get_tag_dict_for_resource(dashboard.arn)
        yield TaggedResource(arn=dashboard.arn, tags=tags, resource_type="cloudwatch:dashboard")
