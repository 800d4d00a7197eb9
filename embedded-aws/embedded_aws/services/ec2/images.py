"""Images: their creation takes time, their names are unique, and their snapshots have tags and go with them."""

from __future__ import annotations

import time
from typing import Any

from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse

from embedded_aws import pace, pacing
from embedded_aws.account import backends
from embedded_aws.patching import Method, patch
from embedded_aws.service_error import ServiceError
from embedded_aws.services.ec2.instance_states import user_data_of
from embedded_aws.ticker import run_each

PENDING = "pending"
ROOT = "/dev/xvda"  # of the images of Amazon Linux that servers are launched from
POWER_STATE = "\npower_state:"

pacing.show_transitions(Ami, "state", "available")


@patch(AmiBackend, "create_image")
def create_image(moto: Method, ec2: Any, instance_id: str, name: str, description: str, tag_specifications: Any) -> Any:
    """Give the image and its snapshot their tags; the image is pending at first.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html
    """
    taken = next((image.id for image in ec2.amis.values() if image.name == name and not image.owner_alias), None)
    if taken:
        raise ServiceError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {taken}")
    of_image = [spec for spec in tag_specifications or [] if spec["ResourceType"] != "snapshot"]
    image = moto(ec2, instance_id, name, description, tag_specifications=of_image)
    image.root_device_type, image.root_device_name = "ebs", ROOT
    for spec in tag_specifications or []:
        if spec["ResourceType"] == "snapshot":
            image.ebs_snapshot.add_tags({tag["Key"]: tag["Value"] for tag in spec["Tags"]})
    pacing.start(image, PENDING, "image")
    return image


@patch(AmisResponse, "deregister_image")
def deregister_image(moto: Method, response: Any) -> Any:
    """Delete the snapshots as well, if that is asked for.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeregisterImage.html (DeleteAssociatedSnapshots)
    """
    ec2, image = response.ec2_backend, response.ec2_backend.amis.get(response._get_param("ImageId"))
    answer = moto(response)
    if image and response._get_bool_param("DeleteAssociatedSnapshots"):
        ec2.delete_snapshot(image.ebs_snapshot.id)
    return answer


def tick() -> bool:
    """Power off the instances whose user data asks for that; returns whether there were any.

    https://cloudinit.readthedocs.io/en/latest/reference/modules.html#power-state-change
    """
    instances = [instance for ec2 in backends.existing("ec2") for instance in ec2.all_instances()]
    due = [one for one in instances if one.state == "running" and _asks_to_power_off(one) and _has_booted(one)]
    return run_each(due, _power_off)


def _asks_to_power_off(instance: Any) -> bool:
    if "powers_off" not in vars(instance):
        instance.powers_off = POWER_STATE in user_data_of(instance)
    return bool(instance.powers_off) and "powered_off" not in vars(instance)


def _has_booted(instance: Any) -> bool:
    began = vars(instance).setdefault("boot_began", time.time())
    return bool(time.time() - began >= pace.duration("image_build"))


def _power_off(instance: Any) -> bool:
    instance.powered_off = True
    instance.stop()
    return True
