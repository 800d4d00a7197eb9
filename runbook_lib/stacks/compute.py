"""The web servers: one in each zone behind a load balancer, and a bastion."""

from __future__ import annotations

from ..params import Params
from ..resources.alias_record import AliasRecord
from ..resources.auto_scaling_group import AutoScalingGroup
from ..resources.base import Resource
from ..resources.bucket import Bucket
from ..resources.certificate import Certificate, GivenCertificate
from ..resources.hosted_zone import HostedZone
from ..resources.imported_certificate import ImportedCertificate
from ..resources.instance import Instance
from ..resources.instance_profile import InstanceProfile
from ..resources.internet_gateway import InternetGateway
from ..resources.key_pair import KeyPair
from ..resources.launch_template import LaunchTemplate
from ..resources.listener import Listener, RedirectListener
from ..resources.load_balancer import LoadBalancer
from ..resources.machine_image import MachineImage
from ..resources.requested_certificate import RequestedCertificate
from ..resources.role import Role
from ..resources.role_policy import RolePolicy
from ..resources.route import Route
from ..resources.route_table_association import RouteTableAssociation
from ..resources.secret import RandomSecret
from ..resources.security_group import SecurityGroup
from ..resources.subnet import Subnet
from ..resources.target_group import TargetGroup
from ..resources.validation_record import ValidationRecord
from ..resources.vpc import Vpc
from .network import network
from .stack import Stack
from .user_data import web_server

_MANAGED = ("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",)
_DATABASE_USER = "shiftlog"


def config_path(params: Params) -> str:
    """The parameter of Systems Manager that tells the application what it works with."""
    return f"/{params.env}/web/config"


def compute(params: Params) -> Stack:
    """What ``03_compute`` walks through."""
    wanted, zones = params.compute, len(params.network.zones)
    net = network(params)
    public = tuple(subnet for subnet in net.subnets.every(Subnet) if subnet.name.startswith("public-"))
    private = tuple(subnet for subnet in net.subnets.every(Subnet) if subnet.name.startswith("private-"))
    groups = {group.name: group for group in net.every(SecurityGroup)}
    bucket, vpc = net.bucket.the(Bucket), net.vpc.the(Vpc)
    image = wanted.image or MachineImage(
        name="al2023",
        parameter=f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{wanted.architecture}",
    )
    secrets = _secrets()
    role, profile, *policies = _web_role(params, bucket, secrets)
    certificate, *proof = _certificate(params)
    balancer = LoadBalancer(
        name="web",
        subnets=public,
        gateway=net.gateway.the(InternetGateway),
        groups=(groups["alb"],),
        logs=bucket,
        protected=params.guards.deletion_protection,
    )
    check = wanted.health_check
    targets = TargetGroup(
        name="web",
        vpc=vpc,
        port=wanted.app_port,
        path=check.path,
        interval=check.interval,
        timeout=min(5, check.interval - 1),
        healthy=check.healthy,
        unhealthy=check.unhealthy,
        deregistration_seconds=wanted.deregistration_seconds,
    )
    template = LaunchTemplate(
        name="web",
        image=image,
        instance_type=wanted.instance_type,
        profile=profile,
        groups=(groups["web"],),
        volume_gb=wanted.volume_gb,
        user_data=web_server(params, config_path(params)),
    )
    servers = AutoScalingGroup(
        name="web",
        template=template,
        subnets=private,
        target_group=targets,
        way_out=(*net.private_routes.every(Route), *net.private_routes.every(RouteTableAssociation)),
        least=zones,
        most=zones * wanted.max_per_zone,
        grace_seconds=wanted.grace_seconds,
    )
    jump_role = Role(name="bastion", service="ec2.amazonaws.com", policies=_MANAGED)
    jump_profile = InstanceProfile(name="bastion", role=jump_role)
    bastion = Instance(
        name="bastion",
        image=image,
        instance_type=wanted.bastion_type,
        subnet=public[0],
        groups=(groups["bastion"],),
        key_pair=net.key.the(KeyPair),
        profile=jump_profile,
    )
    return Stack(
        "compute",
        secrets=secrets,
        role=(role, *policies, profile),
        certificate=(certificate, *proof),
        load_balancer=(
            balancer,
            targets,
            RedirectListener(name="http", balancer=balancer, port=80),
            Listener(name="https", balancer=balancer, port=443, certificate=certificate, target_group=targets),
        ),
        dns=_dns(params, balancer),
        template=(*((image,) if isinstance(image, MachineImage) else ()), template),
        servers=servers,
        bastion=(jump_role, jump_profile, bastion),
    )


def _secrets() -> tuple[RandomSecret, RandomSecret]:
    """What the application signs sessions with, and its own user of the database."""
    return (
        RandomSecret(name="web/session", random="key"),
        RandomSecret(name="web/database", random="password", fields=(("username", _DATABASE_USER),)),
    )


def _web_role(
    params: Params, bucket: Bucket, secrets: tuple[RandomSecret, ...]
) -> tuple[Role, InstanceProfile, RolePolicy, RolePolicy, RolePolicy]:
    """Bundles, its own secrets and its configuration, each by name; Systems Manager reaches it."""
    role = Role(name="web", service="ec2.amazonaws.com", policies=_MANAGED)
    agent = f"arn:aws:s3:::aws-codedeploy-{params.region}/*"  # where the CodeDeploy agent updates itself from
    config = f"arn:aws:ssm:{params.region}:{params.account}:parameter{config_path(params)}"
    return (
        role,
        InstanceProfile(name="web", role=role),
        RolePolicy(
            name="web-bundles",
            role=role,
            actions=("s3:GetObject", "s3:GetObjectVersion"),
            on=(("arn:aws:s3:::{}/bundles/*", bucket), agent),
        ),
        RolePolicy(
            name="web-secrets",
            role=role,
            actions=("secretsmanager:GetSecretValue",),
            on=tuple(("{}", secret) for secret in secrets),
        ),
        RolePolicy(name="web-config", role=role, actions=("ssm:GetParameter",), on=(config,)),
    )


def _certificate(params: Params) -> tuple[Certificate, *tuple[Resource, ...]]:
    wanted = params.compute.certificate
    if wanted.arn:
        return (GivenCertificate(name="web", known_as=wanted.arn),)
    if wanted.domain and wanted.hosted_zone:
        requested = RequestedCertificate(name="web", domain=wanted.domain)
        zone = HostedZone(name="web", known_as=wanted.hosted_zone)
        return requested, zone, ValidationRecord(name="web", zone=zone, certificate=requested)
    return (ImportedCertificate(name="web", domain=wanted.self_signed or ""),)


def _dns(params: Params, balancer: LoadBalancer) -> tuple[AliasRecord, ...]:
    wanted = params.compute.certificate
    if not (wanted.domain and wanted.hosted_zone):
        return ()
    zone = HostedZone(name="web", known_as=wanted.hosted_zone)
    return (AliasRecord(name="web", zone=zone, domain=wanted.domain, balancer=balancer),)
