"""The versions of a launch template: the default one, which launches servers, and the newest."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ..aws.snapshot import ApiObject, Snapshot


class _Key(NamedTuple):
    """What identifies a template, for those who do not depend on it."""

    name: str
    key: str


@dataclass(frozen=True)
class Version:
    """One version of a launch template.

    Args:
        state: Its fields, as they are compared.
        user_data: What the servers execute at their first boot.
    """

    number: str
    created: datetime
    state: dict[str, Any]
    user_data: str


@dataclass(frozen=True)
class Versions:
    """The two versions of a launch template that count: the default one, which launches servers, and the newest."""

    template: ApiObject
    default: Version
    latest: Version

    @property
    def template_id(self) -> str:
        """The id of the launch template."""
        return str(self.template["LaunchTemplateId"])


def find_versions(snapshot: Snapshot, key: str) -> Versions | None:
    """The versions of the template with that key; ``None`` when there is no template.

    EC2 is eventually consistent: the description of the template may name another default version
    than the list of its versions does.  Only the list is used.
    https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    """
    template = snapshot.find("describe_launch_templates", "LaunchTemplates", _Key(key.partition(".")[2], key))
    if template is None:
        return None
    found = snapshot.all(
        "ec2", "describe_launch_template_versions", "LaunchTemplateVersions",
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest", "$Default"],
    )  # fmt: skip
    default = next((version for version in found if version.get("DefaultVersion")), None)
    if default is None:  # listed, and on its way out
        return None
    latest = max(found, key=lambda version: int(version["VersionNumber"] or 0))
    return Versions(template, _version(default), _version(latest))


def _version(version: ApiObject) -> Version:
    data = version["LaunchTemplateData"]
    user_data = base64.b64decode(data.get("UserData", "")).decode(errors="replace")
    return Version(str(version["VersionNumber"] or 0), version["CreateTime"], state_of(data), user_data)


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
