"""A launch template."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Set
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import Permission, to_apply, to_destroy, to_look
from ..aws.snapshot import Snapshot, tags_of
from .base import Ids, Observed, Resource, kind
from .instance_profile import InstanceProfile
from .instance_types import foresee_image, foresee_type, permissions
from .predictions import Refusal, Twin
from .security_group import SecurityGroup
from .tagging import Tagging
from .template_versions import find_versions


@kind
class LaunchTemplate(Resource):
    """The template of the servers; every change creates a new, complete version.

    IMDSv2 with one hop, so not from containers; an encrypted gp3 disk; no public address.

    Args:
        image: An image's id, the parameter in which AWS publishes the newest, or an image that is made of that.
        user_data: For cloud-init at the first boot.
        zones: Where servers are launched from it; not a part of the template.
    """

    image: str | Resource
    instance_type: str
    profile: InstanceProfile
    groups: tuple[SecurityGroup, ...]
    volume_gb: int
    user_data: str
    zones: tuple[str, ...] = ()

    ready_fields = frozenset({"image"})
    eventual_errors = frozenset({"InvalidLaunchTemplateId.NotFound"})

    needs = (
        to_look("ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates"),
        to_apply(
            "ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion", "ec2:CreateTags", "ec2:ModifyLaunchTemplate",
            on="ec2:launch-template/*",
        ),
        to_destroy("ec2:DeleteLaunchTemplate", on="ec2:launch-template/*"),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Compare the user data by its digest, and add what no parameter changes: IMDSv2 and an encrypted disk."""
        wanted = {name: value for name, value in super().desired(ids).items() if name != "zones"}
        digest = hashlib.sha256(self.user_data.encode()).hexdigest()[:12]
        return {**wanted, "user_data": f"sha256 {digest}", "imds": "required, 1 hop", "disk": "gp3, encrypted"}

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permissions to read the image."""
        return (*self.needs, *permissions(self.image))

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Ask EC2 whether it offers the type in all zones and boots the image."""
        refusal, parameter = None, "compute.instance_type"
        if "instance_type" in fields:
            refusal = foresee_type(snapshot, self.instance_type, self.zones, parameter)
        if refusal is None and isinstance(self.image, str) and fields & {"image", "instance_type"}:
            refusal = foresee_image(snapshot, self.image, self.instance_type, parameter)
        return refusal

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the template by its tags, and read its default and its latest version."""
        versions = find_versions(snapshot, self.key)
        if versions is None:
            return None
        default = versions.default
        detail: dict[str, Any] = {
            "version": int(default.number),
            "image": default.state["image"],
            "_latest": versions.latest,
        }
        detail["_user_data"] = default.user_data
        return Observed(
            versions.template_id,
            default.state,
            status=f"version {default.number}",
            detail=detail,
            tagging=Tagging.of("ec2", versions.template_id, versions.template),
        )

    def texts(self, observed: Observed) -> dict[str, tuple[str, str]]:
        """Return the user data of the default version and ours."""
        return {"user_data": (observed.detail["_user_data"], self.user_data)}

    def twins(self, snapshot: Snapshot, ids: Ids) -> Iterator[Twin]:
        """The template with the same name."""
        named = [{"Name": "launch-template-name", "Values": [snapshot.aws.name(self)]}]
        for template in snapshot.all("ec2", "describe_launch_templates", "LaunchTemplates", Filters=named):
            if snapshot.aws.KEY not in tags_of(template):
                yield Twin(template["LaunchTemplateId"], "name", ours=False)

    def create(self, aws: Aws, ids: Ids) -> None:
        """Create the template with its first version."""
        aws.ec2.create_launch_template(
            LaunchTemplateName=aws.name(self),
            LaunchTemplateData=self._data(aws, ids),
            ClientToken=aws.token(self),
            TagSpecifications=aws.tag_spec("launch-template", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Make a new version the default; one that an interrupted run created is taken."""
        latest = observed.detail["_latest"]
        if latest.state == self.desired(ids):  # created by a run that was interrupted before it made it the default
            version = latest.number
        else:
            response = aws.ec2.create_launch_template_version(
                LaunchTemplateId=observed.id,
                LaunchTemplateData=self._data(aws, ids),
                ClientToken=aws.token(self, latest.number),
            )
            version = str(response["LaunchTemplateVersion"]["VersionNumber"])
        aws.ec2.modify_launch_template(LaunchTemplateId=observed.id, DefaultVersion=version)

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Delete the template with all its versions."""
        aws.ec2.delete_launch_template(LaunchTemplateId=observed.id)

    def _data(self, aws: Aws, ids: Ids) -> dict[str, Any]:
        return {
            "ImageId": self.image if isinstance(self.image, str) else ids[self.image],
            "InstanceType": self.instance_type,
            "IamInstanceProfile": {"Arn": ids[self.profile]},
            "SecurityGroupIds": sorted(ids[group] for group in self.groups),
            "MetadataOptions": IMDS,
            "BlockDeviceMappings": disk(self.volume_gb),
            "UserData": base64.b64encode(self.user_data.encode()).decode(),
            # The group tags its instances, but not their disks and interfaces.
            "TagSpecifications": [
                {"ResourceType": type_, "Tags": aws.tags(self)} for type_ in ("volume", "network-interface")
            ],
        }


IMDS = {
    "HttpTokens": "required",
    "HttpPutResponseHopLimit": 1,
    "HttpEndpoint": "enabled",
    "InstanceMetadataTags": "enabled",
}
_ROOT = "/dev/xvda"  # of every Amazon Linux 2023 image


def disk(gb: int) -> list[dict[str, Any]]:
    """The root volume."""
    return [
        {
            "DeviceName": _ROOT,
            "Ebs": {"VolumeSize": gb, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True},
        }
    ]
