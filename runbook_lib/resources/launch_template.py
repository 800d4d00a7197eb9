"""A launch template."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ..aws.client import Aws
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, kind
from .instance_profile import InstanceProfile
from .machine_image import MachineImage
from .security_group import SecurityGroup
from .tagging import Tagging


@kind
class LaunchTemplate(Resource):
    """The template of the servers; every change creates a new, complete version.

    IMDSv2 with one hop, so not from containers; an encrypted gp3 disk; no public address.

    Args:
        image: An image's id, or the parameter in which AWS publishes the newest.
        user_data: For cloud-init at the first boot.
    """

    image: str | MachineImage
    instance_type: str
    profile: InstanceProfile
    groups: tuple[SecurityGroup, ...]
    volume_gb: int
    user_data: str

    eventual_errors = frozenset({"InvalidLaunchTemplateId.NotFound"})

    def desired(self, ids: Ids) -> dict[str, Any]:
        wanted = super().desired(ids)
        digest = hashlib.sha256(self.user_data.encode()).hexdigest()[:12]
        return {**wanted, "user_data": f"sha256 {digest}", "imds": "required, 1 hop", "disk": "gp3, encrypted"}

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        template = snapshot.find("describe_launch_templates", "LaunchTemplates", self)
        if template is None:
            return None
        versions = snapshot.all(
            "ec2", "describe_launch_template_versions", "LaunchTemplateVersions",
            LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest", "$Default"],
        )  # fmt: skip
        by_number = {version["VersionNumber"]: version for version in versions}
        default = by_number[template["DefaultVersionNumber"]]
        latest = by_number[max(by_number)]
        detail = {
            "version": default["VersionNumber"],
            "image": default["LaunchTemplateData"].get("ImageId"),
            "_latest": {"version": latest["VersionNumber"], "state": _state(latest["LaunchTemplateData"])},
        }
        return Observed(
            template["LaunchTemplateId"],
            _state(default["LaunchTemplateData"]),
            status=f"version {default['VersionNumber']}",
            detail=detail,
            tagging=Tagging.of("ec2", template["LaunchTemplateId"], template),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.ec2.create_launch_template(
            LaunchTemplateName=aws.name(self),
            LaunchTemplateData=self._data(aws, ids),
            ClientToken=aws.token(self),
            TagSpecifications=aws.tag_spec("launch-template", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        latest = observed.detail["_latest"]
        if latest["state"] == self.desired(ids):  # created by a run that was interrupted before it made it the default
            version = latest["version"]
        else:
            response = aws.ec2.create_launch_template_version(
                LaunchTemplateId=observed.id,
                LaunchTemplateData=self._data(aws, ids),
                ClientToken=aws.token(self, str(latest["version"])),
            )
            version = response["LaunchTemplateVersion"]["VersionNumber"]
        aws.ec2.modify_launch_template(LaunchTemplateId=observed.id, DefaultVersion=str(version))

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
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


def _state(data: ApiObject) -> dict[str, Any]:
    user_data = base64.b64decode(data.get("UserData", ""))
    imds = data.get("MetadataOptions", {})
    disks = [mapping.get("Ebs", {}) for mapping in data.get("BlockDeviceMappings", [])]
    root = disks[0] if disks else {}
    return {
        "image": data.get("ImageId"),
        "instance_type": data.get("InstanceType"),
        "profile": data.get("IamInstanceProfile", {}).get("Arn"),
        "groups": frozenset(data.get("SecurityGroupIds", [])),
        "volume_gb": root.get("VolumeSize"),
        "user_data": f"sha256 {hashlib.sha256(user_data).hexdigest()[:12]}",
        "imds": f"{imds.get('HttpTokens')}, {imds.get('HttpPutResponseHopLimit')} hop",
        "disk": f"{root.get('VolumeType')}, {'' if root.get('Encrypted') else 'not '}encrypted",
    }
