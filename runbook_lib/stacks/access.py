"""How administrators reach the servers: a bastion, an endpoint, or neither."""

from __future__ import annotations

from ..params import Params
from ..resources.instance import Instance
from ..resources.instance_connect_endpoint import InstanceConnectEndpoint
from ..resources.instance_profile import InstanceProfile
from ..resources.key_pair import KeyPair
from ..resources.machine_image import MachineImage
from ..resources.role import Role
from ..resources.role_policy import RolePolicy
from ..resources.security_group import SecurityGroup
from ..resources.subnet import Subnet
from .stack import Stack

# What Session Manager needs, and no more: AWS's policy AmazonSSMManagedInstanceCore also reads every parameter of the
# region.  https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
_SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
)  # fmt: skip


def session_manager(name: str, role: Role) -> RolePolicy:
    """Lets Session Manager open a shell; AWS documents these actions on all resources."""
    return RolePolicy(name=name, role=role, actions=_SESSION_MANAGER, on=("*",))


def bastion(
    params: Params, net: Stack, image: str | MachineImage
) -> tuple[Role | InstanceProfile | RolePolicy | Instance | InstanceConnectEndpoint, ...]:
    """What ``compute.bastion`` asks for.

    A server's key and subnet can never change, so the one without a key is another server than the one with it.
    """
    mode = params.compute.bastion
    if mode == "none":
        return ()
    group = next(group for group in net.every(SecurityGroup) if group.name == "bastion")
    if mode == "instance_connect_endpoint":
        return (InstanceConnectEndpoint(name="bastion", subnet=_subnet(net, "private"), groups=(group,)),)
    sessions = "bastion-session-manager"
    role = Role(
        name="bastion", service="ec2.amazonaws.com", inline_policies=(sessions,), boundary=params.permissions_boundary
    )
    profile = InstanceProfile(name="bastion", role=role)
    by_ssh = mode == "ssh"
    instance = Instance(
        name="bastion" if by_ssh else "bastion-ssm",
        image=image,
        instance_type=params.compute.bastion_type,
        subnet=_subnet(net, "public" if by_ssh else "private"),
        groups=(group,),
        key_pair=net.key.the(KeyPair) if by_ssh else None,
        profile=profile,
        public=by_ssh,
    )
    return role, profile, session_manager(sessions, role), instance


def _subnet(net: Stack, tier: str) -> Subnet:
    """The subnet of the first zone."""
    return next(subnet for subnet in net.subnets.every(Subnet) if subnet.name.startswith(f"{tier}-"))
