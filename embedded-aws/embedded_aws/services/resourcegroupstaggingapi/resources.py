"""The tagging API: full pages, without terminated resources."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch

TAGS_PER_PAGE = 100
"""What moto takes when a call does not limit the tags."""


@patch(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
def _get_resources_generator(moto: Method, tagging: Any, **filters: Any) -> Iterator[Any]:
    """Leave out terminated instances and deleted NAT gateways; AWS lists them for about an hour, moto for ever.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
    """
    terminated = set(_terminated_ids(tagging.region_name))
    return (resource for resource in moto(tagging, **filters) if resource.arn.rpartition("/")[2] not in terminated)


@patch(ResourceGroupsTaggingAPIBackend, "get_resources")
def get_resources(moto: Method, tagging: Any, tags_per_page: int = TAGS_PER_PAGE, **request: Any) -> Any:
    """Fill a page with as many resources as asked for: their tags count only where a caller limits them.

    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html (TagsPerPage)
    """
    limit = sys.maxsize if tags_per_page == TAGS_PER_PAGE else tags_per_page
    return moto(tagging, tags_per_page=limit, **request)


def _terminated_ids(region: str) -> Iterator[str]:
    ec2 = backends.backend("ec2", region)
    yield from (instance.id for instance in ec2.all_instances() if instance.state == "terminated")
    yield from (nat.id for nat in ec2.nat_gateways.values() if nat.state == "deleted")
