"""The compute stack: web servers in each zone behind a load balancer, and a bastion."""

from __future__ import annotations

from ..params import Params
from ..params.app import is_parameter
from ..params.model import BAKED, NEWEST
from ..resources.alias_record import AliasRecord
from ..resources.auto_scaling_group import AutoScalingGroup
from ..resources.baked_image import BakedImage
from ..resources.base import Resource
from ..resources.bucket import Bucket
from ..resources.certificate import Certificate, GivenCertificate
from ..resources.hosted_zone import HostedZone
from ..resources.imported_certificate import ImportedCertificate
from ..resources.instance_profile import InstanceProfile
from ..resources.instance_refresh import InstanceRefresh
from ..resources.interface_endpoint import InterfaceEndpoint
from ..resources.internet_gateway import InternetGateway
from ..resources.launch_template import LaunchTemplate
from ..resources.listener import Listener, RedirectListener
from ..resources.load_balancer import LoadBalancer
from ..resources.log_group import LogGroup
from ..resources.machine_image import MachineImage
from ..resources.requested_certificate import RequestedCertificate
from ..resources.role import Role
from ..resources.role_policy import On, RolePolicy
from ..resources.route import Route
from ..resources.route_table_association import RouteTableAssociation
from ..resources.secret import RandomSecret
from ..resources.security_group import SecurityGroup
from ..resources.subnet import Subnet
from ..resources.target_group import TargetGroup
from ..resources.validation_record import ValidationRecord
from ..resources.vpc import Vpc
from ..resources.vpc_endpoint_route import VpcEndpointRoute
from .access import bastion, session_manager
from .alarms import alarm_topic, site_alarms
from .network import network
from .scaling import scaling, sizes
from .server_logs import LOGS_POLICY, METRICS_POLICY, agent_policies, log_groups
from .stack import Stack
from .user_data import image_builder, web_server

_TEMPLATE = "launch_template.web"
# What CodeDeploy's agent needs where it asks through an endpoint.
# https://docs.aws.amazon.com/codedeploy/latest/userguide/vpc-endpoints.html
_COMMANDS = tuple(
    f"codedeploy-commands-secure:{each}"
    for each in (
        "GetDeploymentSpecification", "PollHostCommand", "PutHostCommandAcknowledgement", "PutHostCommandComplete",
    )
)  # fmt: skip


def config_path(params: Params) -> str:
    """The name of the Systems Manager parameter with the application's configuration."""
    return f"/{params.env}/web/config"


def compute(params: Params) -> Stack:
    """The stack of ``03_compute``."""
    net = network(params)
    groups = {group.name: group for group in net.every(SecurityGroup)}
    image = _image(params)
    secrets = _secrets(params)
    logs = log_groups(params)
    role, profile, policies = _web_role(params, net.bucket.the(Bucket), secrets, logs)
    certificate, *validation = _certificate(params)
    balancer = LoadBalancer(
        name="web",
        subnets=_subnets(net, "public"),
        gateway=net.gateway.the(InternetGateway),
        groups=(groups["alb"],),
        logs=net.bucket.the(Bucket),
        protected=params.guards.deletion_protection,
    )
    targets = _target_group(params, net.vpc.the(Vpc))
    baked = _baked_image(params, net, image, groups["web"], profile)
    template = LaunchTemplate(
        name="web",
        image=baked or image,
        instance_type=params.compute.instance_type,
        profile=profile,
        groups=(groups["web"],),
        volume_gb=params.compute.volume_gb,
        user_data=web_server(params, config_path(params)),
        zones=tuple(params.network.zones),
    )
    servers = _servers(params, net, template, targets)
    listener = Listener(name="https", balancer=balancer, port=443, certificate=certificate, target_group=targets)
    return Stack(
        "compute",
        secrets=secrets,
        logs=logs,
        role=(role, *policies, profile),
        certificate=(certificate, *validation),
        load_balancer=(
            balancer,
            targets,
            RedirectListener(name="http", balancer=balancer, port=80),
            listener,
            *site_alarms(alarm_topic(params), balancer, targets),
        ),
        dns=_dns(params, balancer),
        template=(*((image,) if isinstance(image, MachineImage) else ()), *((baked,) if baked else ()), template),
        servers=(
            servers,
            InstanceRefresh(name="web", servers=servers, template=template),
            *scaling(params, servers, listener),
        ),
        bastion=bastion(params, net, image),
    )


def _image(params: Params) -> str | MachineImage:
    """The pinned image; the newest; or, while the template has one, the image in use."""
    pinned, architecture = params.compute.image, params.compute.architecture
    if pinned and pinned not in (NEWEST, BAKED):
        return pinned
    return MachineImage(
        name="al2023",
        parameter=f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}",
        kept_by="" if pinned else _TEMPLATE,
        architecture=architecture,
    )


def _baked_image(
    params: Params, net: Stack, base: str | MachineImage, group: SecurityGroup, profile: InstanceProfile
) -> BakedImage | None:
    """The image with the servers' programs in it, if the parameters ask for one."""
    if params.compute.image != BAKED or isinstance(base, str):
        return None
    return BakedImage(
        name="web",
        base=base,
        recipe=image_builder(params),
        instance_type=params.compute.instance_type,
        subnet=_subnets(net, "private")[0],
        groups=(group,),
        profile=profile,
        way_out=_way_out(net),
        volume_gb=params.compute.volume_gb,
    )


def _way_out(net: Stack) -> tuple[Route | RouteTableAssociation | VpcEndpointRoute | InterfaceEndpoint, ...]:
    """What servers need to get their packages: the routes to the internet, or the endpoints where there is none."""
    routes, associations = net.private_routes.every(Route), net.private_routes.every(RouteTableAssociation)
    if found := tuple(routes):
        return (*found, *associations)
    return (*associations, *net.private_routes.every(VpcEndpointRoute), *net.endpoint.every(InterfaceEndpoint))


def _subnets(net: Stack, tier: str) -> tuple[Subnet, ...]:
    return tuple(subnet for subnet in net.subnets.every(Subnet) if subnet.name.startswith(f"{tier}-"))


def _target_group(params: Params, vpc: Vpc) -> TargetGroup:
    settings, check = params.compute, params.compute.health_check
    return TargetGroup(
        name="web",
        vpc=vpc,
        port=settings.app_port,
        path=check.path,
        interval=check.interval,
        timeout=min(5, check.interval - 1),
        healthy=check.healthy,
        unhealthy=check.unhealthy,
        deregistration_seconds=settings.deregistration_seconds,
        former_path=check.former_path or "",
    )


def _servers(params: Params, net: Stack, template: LaunchTemplate, targets: TargetGroup) -> AutoScalingGroup:
    least, most = sizes(params)
    return AutoScalingGroup(
        name="web",
        template=template,
        subnets=_subnets(net, "private"),
        target_group=targets,
        way_out=_way_out(net),
        least=least,
        most=most,
        grace_seconds=params.compute.grace_seconds,
        scheduled=tuple((one.minimum, one.maximum) for one in params.compute.schedules),
    )


def _secrets(params: Params) -> tuple[RandomSecret, RandomSecret]:
    """The application's key for sessions, and its database user."""
    return (
        RandomSecret(name="web/session", random="key"),
        RandomSecret(name="web/database", random="password", fields=(("username", params.app.database_user),)),
    )


def _web_role(
    params: Params, bucket: Bucket, secrets: tuple[RandomSecret, ...], logs: tuple[LogGroup, ...]
) -> tuple[Role, InstanceProfile, tuple[RolePolicy, ...]]:
    """The web servers' role: it reads bundles, configuration and secrets, writes logs, and does what parameters say."""
    app, here = params.app, f"{params.region}:{params.account}"
    own = tuple(f"web-app-{number}" for number, _ in enumerate(app.policies.statements, 1))
    names = ("web-session-manager", "web-bundles", "web-release", "web-secrets", "web-config")
    commands = ("web-commands",) if params.network.nat == "none" else ()
    role = Role(
        name="web",
        service="ec2.amazonaws.com",
        policies=app.policies.managed,
        inline_policies=(*names, *commands, LOGS_POLICY, METRICS_POLICY, "web-master-secret", *own),
        boundary=params.permissions_boundary,
    )
    agent = f"arn:aws:s3:::aws-codedeploy-{params.region}/*"  # the CodeDeploy agent's updates
    given = app.secrets.values()
    parameters = tuple(_parameter_arn(here, name) for name in given if is_parameter(name))
    others = tuple(_secret_arn(here, name) for name in given if not is_parameter(name))
    allowed: tuple[tuple[str, tuple[str, ...], tuple[On, ...]], ...] = (
        ("web-bundles", ("s3:GetObject", "s3:GetObjectVersion"), (("arn:aws:s3:::{}/bundles/*", bucket), agent)),
        ("web-release", ("s3:GetObject", "s3:PutObject"), (("arn:aws:s3:::{}/releases/*", bucket),)),
        ("web-secrets", ("secretsmanager:GetSecretValue",), (*(("{}", secret) for secret in secrets), *others)),
        ("web-config", ("ssm:GetParameter",), (_parameter_arn(here, config_path(params)), *parameters)),
        *((name, _COMMANDS, ("*",)) for name in commands),
        *((name, each.actions, each.resources) for name, each in zip(own, app.policies.statements, strict=True)),
    )
    policies = tuple(RolePolicy(name=name, role=role, actions=actions, on=on) for name, actions, on in allowed)
    sessions = session_manager("web-session-manager", role)
    return role, InstanceProfile(name="web", role=role), (sessions, *policies, *agent_policies(role, logs))


def _parameter_arn(here: str, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:ssm:{here}:parameter{name}"


def _secret_arn(here: str, name: str) -> str:
    """The ARN of a secret; Secrets Manager adds six characters to its name.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    """
    return name if name.startswith("arn:") else f"arn:aws:secretsmanager:{here}:secret:{name}-??????"


def _certificate(params: Params) -> tuple[Certificate, *tuple[Resource, ...]]:
    settings = params.compute.certificate
    if settings.arn:
        return (GivenCertificate(name="web", known_as=settings.arn),)
    if settings.domain and settings.hosted_zone:
        requested = RequestedCertificate(name="web", domain=settings.domain)
        zone = HostedZone(name="web", known_as=settings.hosted_zone)
        return requested, zone, ValidationRecord(name="web", zone=zone, certificate=requested)
    return (ImportedCertificate(name="web", domain=settings.self_signed or ""),)


def _dns(params: Params, balancer: LoadBalancer) -> tuple[AliasRecord, ...]:
    settings = params.compute.certificate
    if not (settings.domain and settings.hosted_zone):
        return ()
    zone = HostedZone(name="web", known_as=settings.hosted_zone)
    return (AliasRecord(name="web", zone=zone, domain=settings.domain, balancer=balancer),)
