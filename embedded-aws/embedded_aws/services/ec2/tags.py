"""EC2's resources in the tagging API, with AWS's names of their types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.ec2.models import EC2Backend

from embedded_aws.patching import Method, attach_dict, patch

FLOW_LOG = "vpc-flow-log"


@patch(EC2Backend, "iter_tagged_resources")
def iter_tagged_resources(moto: Method, ec2: Any) -> Iterator[Any]:
    """List also elastic IPs, key pairs, launch templates and endpoints; a flow log is a `vpc-flow-log`.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html (the ARNs)
    """
    for resource in moto(ec2):
        if resource.resource_type == "ec2:flow-logs":
            arn = resource.arn.replace(":flow-logs/", f":{FLOW_LOG}/")
            yield replace(resource, arn=arn, resource_type=f"ec2:{FLOW_LOG}")
        else:
            yield resource
    more = {
        "elastic-ip": [address.allocation_id for address in ec2.addresses],
        "key-pair": [pair.id for pair in ec2.key_pairs.values()],
        "launch-template": list(ec2.launch_templates),
        "vpc-endpoint": list(ec2.vpc_end_points),
        "instance-connect-endpoint": list(attach_dict(ec2, "instance_connect_endpoints")),
    }
    for kind, ids in more.items():
        for name in filter(None, ids):
            arn = f"arn:{ec2.partition}:ec2:{ec2.region_name}:{ec2.account_id}:{kind}/{name}"
            yield TaggedResource(arn=arn, tags=dict(ec2.tags.get(name, {})), resource_type=f"ec2:{kind}")
