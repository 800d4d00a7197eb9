"""The tagging API: nothing that is no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from embedded_aws.account import backends
from embedded_aws.patching import Method, patch


@patch(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
def _get_resources_generator(moto: Method, tagging: Any, **filters: Any) -> Iterator[Any]:
    """EC2 goes on listing what has ended, moto for ever, AWS for about an hour; here it has gone already.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
    """
    ended = set(_ended(tagging.region_name))
    return (found for found in moto(tagging, **filters) if found.arn.rpartition("/")[2] not in ended)


def _ended(region: str) -> Iterator[str]:
    ec2 = backends.backend("ec2", region)
    yield from (instance.id for instance in ec2.all_instances() if instance.state == "terminated")
    yield from (nat.id for nat in ec2.nat_gateways.values() if nat.state == "deleted")
