"""The tagging API: it does not list terminated resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch


@patch(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
def _get_resources_generator(moto: Method, tagging: Any, **filters: Any) -> Iterator[Any]:
    """Leave out terminated instances and deleted NAT gateways; AWS lists them for about an hour, moto for ever.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
    """
    terminated = set(_terminated_ids(tagging.region_name))
    return (resource for resource in moto(tagging, **filters) if resource.arn.rpartition("/")[2] not in terminated)


def _terminated_ids(region: str) -> Iterator[str]:
    ec2 = backends.backend("ec2", region)
    yield from (instance.id for instance in ec2.all_instances() if instance.state == "terminated")
    yield from (nat.id for nat in ec2.nat_gateways.values() if nat.state == "deleted")
