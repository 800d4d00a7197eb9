"""Tags of load balancers, listeners and target groups: limits of describe_tags, and what the tagging API lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.elbv2.models import ELBv2Backend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

MAX_RESOURCES = 20


@patch(ELBv2Backend, "describe_tags")
def describe_tags(moto: Method, elb: Any, arns: list[str]) -> Any:
    """Require that all resources exist, and that there are 20 at most.

    "You can specify up to 20 resources in a single call":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
    """
    if len(arns) > MAX_RESOURCES:
        raise ServiceError("ValidationError", f"Cannot have more than {MAX_RESOURCES} resources described")
    for arn in arns:
        elb._get_resource_by_arn(arn)
    return moto(elb, arns)


@patch(ELBv2Backend, "iter_tagged_resources")
def iter_tagged_resources(moto: Method, elb: Any) -> Iterator[Any]:
    """List also the listeners.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
    """
    yield from moto(elb)
    for balancer in elb.load_balancers.values():
        for arn in balancer.listeners:
            tags = elb.tagging_service.get_tag_dict_for_resource(arn)
            yield TaggedResource(arn=arn, tags=tags, resource_type="elasticloadbalancing:listener")
