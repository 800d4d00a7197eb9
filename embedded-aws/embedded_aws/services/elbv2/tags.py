"""Tags of load balancers and what belongs to them: of what there is, and of twenty things at a time."""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import ELBv2Backend

from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError

AT_ONCE = 20


@patch(ELBv2Backend, "describe_tags")
def describe_tags(moto: Method, elb: Any, arns: list[str]) -> Any:
    """Everything that is named has to exist.

    "You can specify up to 20 resources in a single call":
    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html
    """
    if len(arns) > AT_ONCE:
        raise ServiceError("ValidationError", f"Cannot have more than {AT_ONCE} resources described")
    for arn in arns:
        elb._get_resource_by_arn(arn)
    return moto(elb, arns)
