"""Whether EC2 offers an instance type in the zones, and can launch the image on it."""

from __future__ import annotations

from collections.abc import Iterable

from ..aws.permissions import Permission, to_plan
from ..aws.snapshot import Snapshot
from .machine_image import NO_IMAGE
from .predictions import Refusal

OFFERINGS = to_plan("ec2:DescribeInstanceTypeOfferings")
OF_AN_IMAGE = to_plan("ec2:DescribeImages", "ec2:DescribeInstanceTypes")


def permissions(image: object) -> tuple[Permission, ...]:
    """What the checks need; of an image only its id is not known to be right."""
    return (OFFERINGS, OF_AN_IMAGE) if isinstance(image, str) else (OFFERINGS,)


def foresee_type(snapshot: Snapshot, instance_type: str, zones: Iterable[str], parameter: str) -> Refusal | None:
    """Why EC2 would refuse the type; ``None`` when it offers it in all zones.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html

    Args:
        parameter: Where the type is written in params/.
    """
    offerings = snapshot.all(
        "ec2", "describe_instance_type_offerings", "InstanceTypeOfferings",
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )  # fmt: skip
    offered = {offering["Location"] for offering in offerings}
    fields = frozenset({"instance_type"})
    if not offered:
        how = "aws ec2 describe-instance-type-offerings"
        reason = f"EC2 does not offer {instance_type} in {snapshot.aws.region}"
        return Refusal(fields, reason, f"Write another one in {parameter} in params/, from: {how}.")
    if missing := sorted(set(zones) - offered):
        reason = f"EC2 does not offer {instance_type} in {', '.join(missing)}, only in {', '.join(sorted(offered))}"
        return Refusal(fields, reason, f"Write another {parameter} in params/, or other zones in network.zones.")
    return None


def foresee_image(snapshot: Snapshot, image: str, instance_type: str, parameter: str) -> Refusal | None:
    """Why EC2 could not launch an image of this id on the type; ``None`` when it can.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html (SupportedArchitectures)
    """
    fields, fix = frozenset({"image"}), "Write another one in compute.image in params/, or null for Amazon Linux 2023."
    answer = snapshot.get("ec2", "describe_images", missing=NO_IMAGE, ImageIds=[image], IncludeDeprecated=True)
    found = next(iter((answer or {}).get("Images", [])), None)
    if found is None:
        return Refusal(fields, f"there is no image {image} in {snapshot.aws.region} that this account may use", fix)
    if found["State"] != "available":
        return Refusal(fields, f"the image {image} is {found['State']}", fix)
    types = snapshot.get("ec2", "describe_instance_types", InstanceTypes=[instance_type]) or {}
    for one in types.get("InstanceTypes", []):
        possible = one["ProcessorInfo"]["SupportedArchitectures"]
        if found["Architecture"] not in possible:
            reason = f"the image {image} is for {found['Architecture']}, and {instance_type} is {', '.join(possible)}"
            return Refusal(fields | {"instance_type"}, reason, f"{fix} Or write another {parameter}.")
    return None
