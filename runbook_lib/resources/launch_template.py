"""A launch template."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..aws.client import Aws, Named
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, kind
from .instance_profile import InstanceProfile
from .machine_image import MachineImage
from .security_group import SecurityGroup


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
        versions = find_versions(snapshot, self)
        if versions is None:
            return None
        default = versions.default
        detail = {"version": int(default.number), "image": default.state["image"], "_latest": versions.latest}
        return Observed(versions.template_id, default.state, status=f"version {default.number}", detail=detail)

    def create(self, aws: Aws, ids: Ids) -> None:
        aws.ec2.create_launch_template(
            LaunchTemplateName=aws.name(self),
            LaunchTemplateData=self._data(aws, ids),
            ClientToken=aws.token(self),
            TagSpecifications=aws.tag_spec("launch-template", self),
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
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


@dataclass(frozen=True)
class Version:
    """One version of a launch template.

    Args:
        state: Its fields, as they are compared.
    """

    number: str
    created: datetime
    state: dict[str, Any]


@dataclass(frozen=True)
class Versions:
    """The two versions of a launch template that count: the default one, which launches servers, and the newest."""

    template_id: str
    default: Version
    latest: Version


def find_versions(snapshot: Snapshot, resource: Named) -> Versions | None:
    """The template's versions; ``None`` when there is no template.

    EC2 is eventually consistent: the description of the template may name another default version
    than the list of its versions does.  Only the list is used.
    https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    """
    template = snapshot.find("describe_launch_templates", "LaunchTemplates", resource)
    if template is None:
        return None
    found = snapshot.all(
        "ec2", "describe_launch_template_versions", "LaunchTemplateVersions",
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest", "$Default"],
    )  # fmt: skip
    default = next((version for version in found if version.get("DefaultVersion")), None)
    if default is None:  # listed, and on its way out
        return None
    latest = max(found, key=lambda version: int(version["VersionNumber"]))
    return Versions(template["LaunchTemplateId"], _version(default), _version(latest))


def _version(version: ApiObject) -> Version:
    return Version(str(version["VersionNumber"]), version["CreateTime"], state_of(version["LaunchTemplateData"]))


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


def state_of(data: ApiObject) -> dict[str, Any]:
    """The fields of a launch template, from the data of one of its versions."""
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
