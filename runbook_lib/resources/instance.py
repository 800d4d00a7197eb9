"""A single instance, such as the bastion."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from ..aws.client import Aws
from ..aws.permissions import LAUNCH, Permission, to_apply, to_destroy, to_look
from ..aws.snapshot import ApiObject, Snapshot
from .base import Ids, Observed, Resource, kind
from .instance_profile import InstanceProfile
from .instance_types import foresee_image, foresee_type, permissions
from .key_pair import KeyPair
from .launch_template import IMDS, disk
from .machine_image import MachineImage
from .predictions import Refusal
from .security_group import SecurityGroup
from .subnet import Subnet
from .tagging import Tagging


@kind
class Instance(Resource):
    """One instance with an encrypted disk and IMDSv2 only.

    Its image is used when it is created; a newer image does not replace it.

    Args:
        key_pair: Whose key opens it by SSH; ``None`` when only Session Manager does.
        public: Whether it is created with a public address.
    """

    image: str | MachineImage
    instance_type: str
    subnet: Subnet
    groups: tuple[SecurityGroup, ...]
    key_pair: KeyPair | None
    profile: InstanceProfile
    volume_gb: int = 8
    public: bool = True

    immutable = frozenset({"instance_type", "subnet", "key_pair", "profile"})
    # The last one: EC2 does not know the instance profile yet; other uses of the code are mistakes.
    # https://github.com/hashicorp/terraform-provider-aws/issues/5217
    eventual_errors = frozenset(
        {
            "InvalidSubnetID.NotFound",
            "InvalidGroup.NotFound",
            "InvalidKeyPair.NotFound",
            "InvalidParameterValue: Invalid IAM Instance Profile",
        }
    )
    wait_timeout = 600
    usual_wait = "30 s"

    needs = (
        to_look("ec2:DescribeInstances"),
        to_apply("ec2:CreateTags", "ec2:RunInstances", on=LAUNCH),
        to_apply(
            "ec2:ModifyInstanceAttribute", "ec2:ModifyInstanceMetadataOptions", "ec2:StartInstances",
            on=("ec2:instance/*", "ec2:security-group/*"),
        ),
        to_destroy("ec2:TerminateInstances", on="ec2:instance/*"),
    )  # fmt: skip

    def desired(self, ids: Ids) -> dict[str, Any]:
        """Leave out what only a create reads, and add what no parameter changes: IMDSv2, and that it is on."""
        wanted = super().desired(ids)
        compared = {name: wanted[name] for name in ("instance_type", "subnet", "groups", "key_pair", "profile")}
        return {**compared, "imds": "required, 1 hop", "on": True}

    def required_permissions(self) -> tuple[Permission, ...]:
        """Add the permissions to use the key pair, and to read the image."""
        key = (to_apply("ec2:RunInstances", on="ec2:key-pair/{env}-{self.key_pair.name}"),) if self.key_pair else ()
        return (*self.needs, *key, *permissions(self.image))

    def foresee_refusal(
        self, snapshot: Snapshot, ids: Ids, observed: Observed | None, fields: Set[str]
    ) -> Refusal | None:
        """Ask EC2 whether it offers the type in the zone and boots the image; an existing server keeps both."""
        if observed is not None:  # neither type nor image changes
            return None
        parameter = "compute.bastion_type"
        refusal = foresee_type(snapshot, self.instance_type, (self.subnet.zone,), parameter)
        if refusal is None and isinstance(self.image, str):
            refusal = foresee_image(snapshot, self.image, self.instance_type, parameter)
        return refusal

    def observe(self, snapshot: Snapshot, ids: Ids) -> Observed | None:
        """Find the server by its tags; one that is terminated does not exist."""
        reservations = snapshot.candidates("describe_instances", "Reservations", self, vpc=ids.get(self.subnet.vpc))
        instances = [instance for reservation in reservations for instance in reservation["Instances"]]
        alive = [one for one in instances if one["State"]["Name"] != "terminated"]
        instance = snapshot.identify(alive, "Instances", self)
        if instance is None:
            return None
        status, imds = instance["State"]["Name"], instance.get("MetadataOptions", {})
        state = {
            "instance_type": instance["InstanceType"],
            "subnet": instance.get("SubnetId"),
            "groups": frozenset(group["GroupId"] for group in instance.get("SecurityGroups", [])),
            "key_pair": instance.get("KeyName"),
            "profile": instance.get("IamInstanceProfile", {}).get("Arn"),
            "imds": f"{imds.get('HttpTokens')}, {imds.get('HttpPutResponseHopLimit')} hop",
            "on": status not in ("stopping", "stopped"),
        }
        detail = {"image": instance["ImageId"], "address": instance.get("PublicIpAddress")}
        return Observed(
            instance["InstanceId"],
            state,
            ready=status == "running",
            status=status,
            deleting=status == "shutting-down",
            detail=detail,
            tagging=Tagging.of("ec2", (instance["InstanceId"], *_disks_and_interfaces(instance)), instance),
        )

    def create(self, aws: Aws, ids: Ids) -> None:
        """Launch the server."""
        key = {"KeyName": ids[self.key_pair]} if self.key_pair else {}
        interface = {
            "DeviceIndex": 0,
            "SubnetId": ids[self.subnet],
            "Groups": [ids[group] for group in self.groups],
            "AssociatePublicIpAddress": self.public,
        }
        aws.ec2.run_instances(
            ImageId=self.image if isinstance(self.image, str) else ids[self.image],
            InstanceType=self.instance_type,
            MinCount=1,
            MaxCount=1,
            **key,
            IamInstanceProfile={"Arn": ids[self.profile]},
            NetworkInterfaces=[interface],
            MetadataOptions=IMDS,
            BlockDeviceMappings=disk(self.volume_gb),
            ClientToken=aws.token(self, ids[self.subnet]),
            TagSpecifications=[
                spec for type_ in ("instance", "volume", "network-interface") for spec in aws.tag_spec(type_, self)
            ],
        )

    def update(self, aws: Aws, ids: Ids, observed: Observed, drift: frozenset[str]) -> None:
        """Set the security groups and the metadata options, and start a server that is stopped."""
        if "groups" in drift:
            aws.ec2.modify_instance_attribute(InstanceId=observed.id, Groups=[ids[group] for group in self.groups])
        if "imds" in drift:
            aws.ec2.modify_instance_metadata_options(InstanceId=observed.id, **IMDS)
        if "on" in drift and observed.status == "stopped":
            aws.ec2.start_instances(InstanceIds=[observed.id])

    def delete(self, aws: Aws, ids: Ids, observed: Observed) -> None:
        """Terminate the server."""
        aws.ec2.terminate_instances(InstanceIds=[observed.id])


def _disks_and_interfaces(instance: ApiObject) -> Iterator[str]:
    """Their ids; they have the same tags as the instance."""
    for mapping in instance.get("BlockDeviceMappings", ()):
        if volume := mapping.get("Ebs", {}).get("VolumeId"):
            yield volume
    for interface in instance.get("NetworkInterfaces", ()):
        yield interface["NetworkInterfaceId"]
