"""What an instance's metadata service answers: a tree of paths.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html#instancedata-data-categories
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from embedded_aws.account import backends
from embedded_aws.authorization.sessions import Session, sessions
from embedded_aws.authorization.trust import trusts_ec2
from embedded_aws.settings import REGION

Tree = Mapping[str, Any]

TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class InstanceRole:
    """The role of an instance's profile."""

    profile_arn: str
    profile_id: str
    name: str
    arn: str
    id: str
    trusts_ec2: bool

    def credentials(self, instance_id: str) -> str:
        """Return valid credentials; why there are none, where the role does not trust EC2.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html,
        https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html
        """
        if not self.trusts_ec2:
            message = f"EC2 cannot assume the role {self.name}. Please see documentation at {HELP}."
            return _json(Code="AssumeRoleUnauthorizedAccess", Message=message, LastUpdated=_now())
        session: Session = sessions.issue(instance_id, self.arn, self.id)
        return _json(
            Code="Success",
            LastUpdated=session.issued.strftime(TIME),
            Type="AWS-HMAC",
            AccessKeyId=session.access_key,
            SecretAccessKey=session.secret_key,
            Token=session.token,
            Expiration=session.expires.strftime(TIME),
        )


HELP = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc"


@dataclass(frozen=True)
class Metadata:
    """The metadata of an instance at one moment.

    Attributes:
        tree: Everything but the role's, below /latest.
        enabled: Whether the service answers at all.
        token_required: Whether it refuses requests without a token (HttpTokens).
    """

    instance_id: str
    tree: Tree
    role: InstanceRole | None = None
    enabled: bool = True
    token_required: bool = True

    def answer(self, path: str) -> str | None:
        """Return the content of a path below /latest; the list of its entries for a folder; None where it has none."""
        node: Any = {**self.tree, "meta-data": {**self.tree["meta-data"], **self._of_role()}}
        for part in path.strip("/").split("/"):
            if part and (not isinstance(node, Mapping) or part not in node):
                return None
            node = node[part] if part else node
        if isinstance(node, Mapping):
            return "\n".join(f"{name}/" if isinstance(one, Mapping) else name for name, one in node.items())
        return str(node() if callable(node) else node)

    def _of_role(self) -> Tree:
        if self.role is None:
            return {}
        role = self.role
        info = _json(
            Code="Success", LastUpdated=_now(), InstanceProfileArn=role.profile_arn, InstanceProfileId=role.profile_id
        )
        return {
            "iam": {"info": info, "security-credentials": {role.name: lambda: role.credentials(self.instance_id)}},
        }


def read_metadata(instance: Any) -> Metadata:
    """Return the metadata of one of moto's instances; the lock of the account must be held."""
    options = instance.metadata_options
    zone, address = instance.placement.zone, instance.private_ip
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    meta: dict[str, Any] = {
        "ami-id": instance.image_id,
        "instance-id": instance.id,
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": address,
        "hostname": instance.private_dns_name,
        "placement": {"availability-zone": zone, "region": REGION},
        "security-groups": "\n".join(group.name for group in instance.security_groups),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
    }
    if options.instance_metadata_tags == "enabled":
        meta["tags"] = {"instance": tags}
    document = _json(
        accountId=instance.ec2_backend.account_id,
        architecture=instance.architecture,
        availabilityZone=zone,
        imageId=instance.image_id,
        instanceId=instance.id,
        instanceType=instance.instance_type,
        privateIp=address,
        region=REGION,
        version="2017-09-30",
    )
    return Metadata(
        instance.id,
        {"meta-data": meta, "dynamic": {"instance-identity": {"document": document}}},
        role_of(instance),
        options.http_endpoint != "disabled",
        options.http_tokens != "optional",
    )


def role_of(instance: Any) -> InstanceRole | None:
    """Return the role of one of moto's instances; the lock of the account must be held."""
    association = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    if association is None or not association.iam_instance_profile.roles:
        return None
    profile = association.iam_instance_profile
    # The profile keeps a role that was deleted in the meantime.
    iam = backends.backend("iam", account=instance.ec2_backend.account_id)
    role = next((one for one in iam.roles.values() if one.id == profile.roles[0].id), None)
    return role and InstanceRole(profile.arn, profile.id, role.name, role.arn, role.id, trusts_ec2(role))


def _json(**fields: str) -> str:
    return json.dumps(fields, indent=2)


def _now() -> str:
    return datetime.now(UTC).strftime(TIME)
