"""The deploy stack: the application's configuration, CodeDeploy, and the revision that runs."""

from __future__ import annotations

from pathlib import Path

from ..params import Params
from ..resources.application import Application
from ..resources.application_secret import ApplicationSecret
from ..resources.auto_scaling_group import AutoScalingGroup
from ..resources.bucket import Bucket
from ..resources.cache_replication_group import CacheReplicationGroup
from ..resources.configuration_parameter import ConfigurationParameter
from ..resources.dashboard import Dashboard
from ..resources.db_instance import DbInstance
from ..resources.deployment_group import DeploymentGroup
from ..resources.load_balancer import LoadBalancer
from ..resources.master_secret_access import MasterSecretAccess
from ..resources.master_user_secret import MasterUserSecret
from ..resources.nat_gateway import NatGateway
from ..resources.release import Release
from ..resources.role import Role
from ..resources.role_policy import RolePolicy
from ..resources.secret import RandomSecret
from ..resources.stored_bundle import StoredBundle
from ..resources.target_group import TargetGroup
from .alarms import dashboard
from .application.bundle import Bundle
from .compute import compute
from .data import data
from .github import github
from .network import network
from .rollback import rollback
from .stack import Stack, in_order

_MANAGED = ("arn:aws:iam::aws:policy/service-role/AWSCodeDeployRole",)


def deploy(params: Params, bundle: Bundle | None = None) -> Stack:
    """The stack of ``04_deploy``.

    Args:
        bundle: The application to deploy, unless ``params`` name a revision.  Without one, and without a commit in
            ``params``, there is no release.
    """
    web, net = compute(params), network(params)
    configuration, reads_master = _configuration(params, web)
    # A resource's name is short and its own: the variable that holds it.
    secrets = tuple(ApplicationSecret(name=name, known_as=known) for name, known in sorted(params.app.secrets.items()))
    launch = ("codedeploy-launch", "codedeploy-tag", "codedeploy-pass")
    # https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html
    source = f"arn:aws:codedeploy:{params.region}:{params.account}:deploymentgroup:{params.env}-web/*"
    role = Role(
        name="codedeploy",
        service="codedeploy.amazonaws.com",
        source=source,
        policies=_MANAGED,
        inline_policies=launch,
        boundary=params.permissions_boundary,
    )
    permissions = _launch_policies(params, role, web.role.the(Role))
    application = Application(name="web")
    group = DeploymentGroup(
        name="web",
        application=application,
        role=role,
        permissions=permissions,
        servers=web.servers.the(AutoScalingGroup),
        target_group=web.load_balancer.the(TargetGroup),
        configuration=params.deploy.configuration,
        alarms=params.deploy.rollback_alarms,
    )
    bucket = net.bucket.the(Bucket)
    stored, commit = _revision(params, bucket, bundle)
    release = Release(
        name="web",
        group=group,
        servers=group.servers,
        configuration=configuration,
        permissions=(reads_master,),
        access=reads_master,
        secrets=secrets,
        bundle=stored,
        commit=commit,
        goes_back=params.deploy.revision is not None,
    )
    # Whether a bundle is at hand now changes no permission.
    revision = (
        (release,) if commit else (stored or StoredBundle(name="web", bucket=bucket, sha256="", path=Path()), release)
    )
    automatic = rollback(params, group, bucket)
    return Stack(
        "deploy",
        configuration=(*secrets, configuration, reads_master),
        role=(role, *permissions),
        application=(application, group),
        rollback=automatic,
        dashboard=_dashboard(params, net, web),
        github=github(params, in_order((*permissions, *automatic, *revision)), revision),
        bundle=(stored,) if stored else (),
        release=(release,) if stored or commit else (),
    )


def _revision(params: Params, bucket: Bucket, bundle: Bundle | None) -> tuple[StoredBundle | None, str]:
    """The stored bundle, or the commit, that the parameters name; otherwise the bundle that is at hand."""
    named, given = params.deploy.revision or "", params.deploy.github
    if named and "@" not in named:
        return StoredBundle(name="web", bucket=bucket, sha256=named, path=None), ""
    stored = StoredBundle(name="web", bucket=bucket, sha256=bundle.sha256, path=bundle.path) if bundle else None
    return (None, named) if named else (stored, f"{given.repository}@{given.commit}" if given else "")


def _dashboard(params: Params, net: Stack, web: Stack) -> tuple[Dashboard, ...]:
    if not params.dashboard:
        return ()
    store, balancer = data(params), web.load_balancer
    return (
        dashboard(
            params.region,
            balancer.the(LoadBalancer),
            balancer.the(TargetGroup),
            web.servers.the(AutoScalingGroup),
            store.database.the(DbInstance),
            net.nat.every(NatGateway),
            next(store.cache.every(CacheReplicationGroup), None),
        ),
    )


def _configuration(params: Params, web: Stack) -> tuple[ConfigurationParameter, MasterSecretAccess]:
    """The configuration, and access to the master user's secret, by which a deployment creates the database user."""
    store = data(params)
    database = store.database.the(DbInstance)
    secrets = {secret.name: secret for secret in web.secrets.every(RandomSecret)}
    master = MasterUserSecret(name="database", database=database)
    configuration = ConfigurationParameter(
        name="web/config",
        database=database,
        master_secret=master,
        app_secret=secrets["web/database"],
        session_secret=secrets["web/session"],
        balancer=web.load_balancer.the(LoadBalancer),
        cache=next(store.cache.every(CacheReplicationGroup), None),
        domain=params.compute.certificate.domain or "",
        user=params.app.database_user,
        bucket=network(params).bucket.the(Bucket),
        environment=tuple(sorted(params.app.environment.items())),
        secrets=tuple(sorted(params.app.secrets.items())),
    )
    reads_master = MasterSecretAccess(
        name="web-master-secret",
        configuration=configuration,
        role=web.role.the(Role),
        actions=("secretsmanager:GetSecretValue",),
        on=(("{}", master),),
    )
    return configuration, reads_master


def _launch_policies(params: Params, role: Role, servers: Role) -> tuple[RolePolicy, ...]:
    """CodeDeploy's permissions for launch templates, which AWS's own policy lacks.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/getting-started-create-service-role.html
    """
    here = f"arn:aws:ec2:{params.region}:{params.account}"
    created = tuple(f"{here}:{kind}/*" for kind in ("instance", "volume", "network-interface"))
    used = tuple(f"{here}:{kind}/*" for kind in ("subnet", "security-group", "launch-template"))
    images = f"arn:aws:ec2:{params.region}::image/*"
    return (
        RolePolicy(name="codedeploy-launch", role=role, actions=("ec2:RunInstances",), on=(*created, *used, images)),
        RolePolicy(
            name="codedeploy-tag",
            role=role,
            actions=("ec2:CreateTags",),
            on=created,
            when=(("StringEquals", "ec2:CreateAction", "RunInstances"),),
        ),
        RolePolicy(
            name="codedeploy-pass",
            role=role,
            actions=("iam:PassRole",),
            on=(("{}", servers),),
            when=(("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"),),
        ),
    )
