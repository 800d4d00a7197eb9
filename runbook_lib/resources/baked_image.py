"""A machine image with the servers' programs in it, made of the newest one that AWS publishes."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import LAUNCH, to_apply, to_change, to_look
from ..aws.snapshot import ApiObject, Snapshot, tags_of
from .base import Ids, Observed, Resource, Unknown, kind
from .instance_profile import InstanceProfile
from .launch_template import IMDS, disk
from .machine_image import MachineImage
from .security_group import SecurityGroup
from .subnet import Subnet
from .tagging import Tagging

KEPT = 3
"""So many images are kept, so that the last ones can be gone back to."""
_BASE, _RECIPE = "runbook:base", "runbook:recipe"
_TIDY, _UNTIDY = f"the last {KEPT}", "to be cleaned up after a new one"
_IMAGE, _CLEAN, _BUILD = "image", "clean", "build"
_NOT_MADE = "not made yet"
_IMAGES = ("arn:{partition}:ec2:{region}::image/*", "arn:{partition}:ec2:{region}::snapshot/*")


@kind
class BakedImage(Resource):
    """The image of an instance that has installed what the servers need, and has then powered itself off.

    Its id is that of the newest image; while that is made of another base or recipe, it is not made yet.  Older images
    are deregistered together with their snapshots.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/creating-an-ami-ebs.html

    Args:
        base: What it is made of.
        recipe: The user data of the instance: it installs the programs and powers off when all of that has worked.
        way_out: What the instance needs to reach the internet.
    """

    base: MachineImage
    recipe: str
    instance_type: str
    subnet: Subnet
    groups: tuple[SecurityGroup, ...]
    profile: InstanceProfile
    way_out: tuple[Resource, ...] = ()
    volume_gb: int = 8

    ready_fields = frozenset({"way_out"})
    update_when_ready = True
    # EC2 does not know the instance profile yet; other uses of the code are mistakes.
    eventual_errors = frozenset({"InvalidParameterValue: Invalid IAM Instance Profile"})
    wait_timeout = 2400
    usual_wait = "5 to 10 min"
    if_failed = "Look at the instance's console output, terminate it, then apply again."

    needs = (
        to_look("ec2:DescribeImages", "ec2:DescribeInstances"),
        to_apply("ec2:CreateTags", "ec2:RunInstances", on=LAUNCH),
        to_apply("ec2:CreateImage", "ec2:CreateTags", on=(*_IMAGES, "ec2:instance/*"), label="images"),
        to_change("ec2:DeleteSnapshot", "ec2:DeregisterImage", on=_IMAGES, label="images"),
        to_change("ec2:TerminateInstances", on="ec2:instance/*"),
    )

    @property
    def _digest(self) -> str:
        return f"sha256 {hashlib.sha256(self.recipe.encode()).hexdigest()[:12]}"

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Expect an image of the newest base and of this recipe, and nothing else left of the work."""
        base = ids.get(self.base, Unknown(self.base.key))
        return {"base": base, "recipe": self._digest, "kept": _TIDY}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the images and the instance by their tags."""
        images, instances = self._images(snapshot), self._instances(snapshot)
        if not images and not instances:
            return None
        ending = [one for one in instances if one["State"]["Name"] == "shutting-down"]
        instances = [one for one in instances if one not in ending]
        if not images and not instances:
            return Observed(ending[0]["InstanceId"], {}, ready=False, status="shutting-down", deleting=True)
        wanted = (ids.get(self.base), self._digest)
        current = next((one for one in images if _made_of(one) == wanted and one["State"] != "failed"), None)
        builder = next((one for one in instances if _made_of(one) == wanted), None)
        old = current or (images[0] if images else {})
        # The one in use goes last, also where another was made in the same second.
        left = [image["ImageId"] for image in sorted(images, key=lambda one: one is not current)[KEPT:]]
        others = [one["InstanceId"] for one in instances if current or one is not builder]
        base, recipe = _made_of(old)
        observed = Observed(
            current["ImageId"] if current else _NOT_MADE,
            {"base": base, "recipe": recipe, "kept": _TIDY if current and not (left or others) else _UNTIDY},
            detail={"image": old.get("ImageId"), "_left": left, "_instances": others, "_builder": builder},
            tagging=Tagging.of("ec2", old["ImageId"], old) if old else None,
        )
        return _with_progress(observed, current, builder)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Launch the instance."""
        aws.ec2.run_instances(
            ImageId=ids[self.base],
            InstanceType=self.instance_type,
            MinCount=1,
            MaxCount=1,
            SubnetId=ids[self.subnet],
            SecurityGroupIds=[ids[group] for group in self.groups],
            IamInstanceProfile={"Arn": ids[self.profile]},
            MetadataOptions=IMDS,
            BlockDeviceMappings=disk(self.volume_gb),
            UserData=self.recipe,  # botocore encodes it, other than that of a template
            InstanceInitiatedShutdownBehavior="stop",
            ClientToken=aws.token(self, ids[self.base], self._digest),
            TagSpecifications=self._tags(aws, ids, "instance", "volume", "network-interface"),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Take the next step: launch an instance, make its image when it has powered off, or clean up."""
        if observed.step == _BUILD:
            self.create(aws, ids)
        elif observed.step == _IMAGE:
            builder = observed.detail["_builder"]["InstanceId"]
            aws.ec2.create_image(
                InstanceId=builder,
                Name=f"{aws.name(self)}-{builder}",
                TagSpecifications=self._tags(aws, ids, "image", "snapshot"),
            )
        else:
            self._remove(aws, observed.detail["_left"], observed.detail["_instances"])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Deregister all images, with their snapshots, and terminate the instance."""
        snapshot = Snapshot(aws)
        images = [image["ImageId"] for image in self._images(snapshot)]
        self._remove(aws, images, [one["InstanceId"] for one in self._instances(snapshot)])

    def _remove(self, aws: Aws, images: list[str], instances: list[str]) -> None:
        for image in images:
            aws.ec2.deregister_image(ImageId=image, DeleteAssociatedSnapshots=True)
        if instances:
            aws.ec2.terminate_instances(InstanceIds=instances)

    def _tags(self, aws: Aws, ids: Ids, *types: str) -> list[dict[str, Any]]:
        own = [{"Key": _BASE, "Value": ids[self.base]}, {"Key": _RECIPE, "Value": self._digest}]
        specs = [spec for type_ in types for spec in aws.tag_spec(type_, self)]
        return [{**spec, "Tags": [*spec["Tags"], *own]} for spec in specs]

    def _images(self, snapshot: Snapshot) -> list[ApiObject]:
        """Its images, the newest first."""
        found = snapshot.all("ec2", "describe_images", "Images", Owners=["self"], Filters=snapshot.aws.filters())
        mine = [image for image in found if tags_of(image).get(snapshot.aws.KEY) == self.key]
        return sorted(mine, key=lambda image: str(image["CreationDate"]), reverse=True)

    def _instances(self, snapshot: Snapshot) -> list[ApiObject]:
        """The instances that make an image, or have made one."""
        reservations = snapshot.tagged_with_env("describe_instances", "Reservations")
        found = [instance for reservation in reservations for instance in reservation["Instances"]]
        mine = [instance for instance in found if tags_of(instance).get(snapshot.aws.KEY) == self.key]
        return [one for one in mine if one["State"]["Name"] != "terminated"]


def _made_of(item: ApiObject) -> tuple[str | None, str | None]:
    tags = tags_of(item)
    return tags.get(_BASE), tags.get(_RECIPE)


def _with_progress(observed: Observed, image: ApiObject | None, builder: ApiObject | None) -> Observed:
    """Add how far the work is, and which step is due."""
    if image:
        return replace(observed, ready=image["State"] == "available", status=f"image {image['State']}", step=_CLEAN)
    if builder is None:
        return replace(observed, status="another base or recipe", step=_BUILD)
    state, name = builder["State"]["Name"], builder["InstanceId"]
    if state == "stopped":
        return replace(observed, status=f"{name} has powered off", step=_IMAGE)
    return replace(observed, ready=False, status=f"{name} installs the programs", step=_BUILD)
