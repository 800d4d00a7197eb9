"""The permissions of every run, besides those of its resources: lock, evidence, orphans, picture and checks.

They are declared here and not in the modules that make the calls, because a stack writes them
into a role, and a stack may not import those modules.  A test compares both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..aws.permissions import Level, Permission, Place, to_change, to_look
from ..params import Params
from ..resources.base import Resource
from ..resources.bucket import EVIDENCE, Bucket
from ..resources.role import ROLES

_ORPHANS = (  # engine/orphans.py
    to_look("autoscaling:DescribeAutoScalingGroups", "tag:GetResources"),
    to_look("iam:ListRoles"),
    # Orphans may have any path.
    to_look("iam:ListRoleTags", on=("iam:role/{env}-*", "iam:role/*/{env}-*"), label="roles"),
)
# evidence/topology/; caches are read only where the environment has one, which declares that itself.
_TOPOLOGY = (
    to_look(
        "ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
        "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags",
    ),
    to_look("rds:DescribeDBInstances", on="rds:db:*"),
)  # fmt: skip
_APPLIED = (  # runs/orphans.py
    to_look("s3:GetObject", on="s3:{bucket}/applied.json", label="applied"),
    to_change("s3:PutObject", on="s3:{bucket}/applied.json", label="applied"),
)
_CHECKS = (  # stacks/checks/
    to_look(
        "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        "elasticloadbalancing:DescribeTargetHealth",
    ),
    # AWS's own prefix lists have another account:
    # https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
    to_look(
        "ec2:GetManagedPrefixListEntries", on="arn:{partition}:ec2:{region}:*:prefix-list/*", label="prefix-lists"
    ),
)  # fmt: skip
_ENDPOINT = to_look("ec2:DescribeInstanceConnectEndpoints")  # stacks/checks/account.py
_PREFLIGHT = (  # engine/preflight/
    Permission(
        ("plan", "apply"), ("iam:GetRole", "iam:SimulatePrincipalPolicy"), ("iam:role/*", "iam:user/*"), label="caller"
    ),
    Permission(
        ("plan", "apply"),
        (
            "ec2:DescribeAddresses", "ec2:DescribeInstanceTypes", "ec2:DescribeInstances",
            "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        ),
    ),
    Permission(
        ("plan", "apply"),
        ("elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTargetGroups"),
    ),
    Permission(("plan", "apply"), ("rds:DescribeDBInstances",), ("rds:db:*",)),
    Permission(("plan", "apply"), ("servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota")),
)  # fmt: skip
_WAYS_IN = (  # stacks/checks/: claims of 03_compute, which a deployment does not check
    to_look("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules"),
)
_CONTROLS = (  # stacks/checks/controls/: those of 04_deploy, beside what kinds declare
    to_look("cloudwatch:DescribeAlarms", on="cloudwatch:alarm:*"),
    to_look("logs:DescribeLogGroups"),
    to_look("iam:GetPolicy", "iam:GetPolicyVersion", on="iam:policy/*", label="policies"),
    to_look("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", on=ROLES),
    to_look("secretsmanager:DescribeSecret", on=("secretsmanager:secret:{env}/*", "secretsmanager:secret:rds!db-*")),
)
_MORE_CONTROLS = (  # those of the other notebooks
    to_look("ec2:DescribeFlowLogs", "ec2:DescribeVolumes", "ssm:DescribeInstanceInformation"),
    to_look("rds:DescribeEventSubscriptions", on="rds:es:*"),
    to_look("rds:DescribeDBSnapshotAttributes", "rds:DescribeDBSnapshots", on=("rds:db:*", "rds:snapshot:*")),
    to_look("s3:GetBucketAcl", "s3:GetBucketLogging", on="s3:{bucket}", label="bucket"),
)
_LOCK = (  # runs/lock.py
    # S3 says that an object is missing only to those who may list the bucket.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    to_look("s3:GetBucketVersioning", "s3:ListBucket", on="s3:{bucket}", label="bucket"),
    to_change("s3:DeleteObject", "s3:GetObject", "s3:PutObject", on="s3:{bucket}/lock.json", label="lock"),
)


def select_permissions(
    params: Params, resources: Iterable[Resource], levels: Iterable[Level], *, deploys: bool = False
) -> Iterator[Permission]:
    """Yield what the resources and the runs need for these levels, with all placeholders filled.

    Args:
        deploys: Whether only ``04_deploy`` is run.
    """
    wanted, place = set(levels), place_of(params)
    for resource in resources:
        for permission in resource.required_permissions():
            if wanted & set(permission.levels):
                yield permission.fill(place, resource)
    # A deployment creates nothing that has a quota, and its role is exactly what it needs: nothing is simulated.
    checks = (*_CHECKS, *_CONTROLS) if deploys else (*_CHECKS, *_WAYS_IN, *_CONTROLS, *_MORE_CONTROLS, *_PREFLIGHT)
    if params.compute.bastion == "instance_connect_endpoint":
        checks = (*checks, _ENDPOINT)
    for permission in (*_ORPHANS, *_TOPOLOGY, *checks, *_APPLIED, *_LOCK, *_evidence(params)):
        if wanted & set(permission.levels):
            yield permission.fill(place)


def deploy_permissions(
    params: Params, resources: Iterable[Resource], changed: Iterable[Resource]
) -> Iterator[Permission]:
    """Yield what an apply needs that looks at *resources*, and creates or updates only *changed*."""
    yield from select_permissions(params, resources, ["look"], deploys=True)
    yield from select_permissions(params, changed, ["look", "apply"], deploys=True)


def change_permissions(
    params: Params, changed: Iterable[Resource], removed: Iterable[Resource]
) -> Iterator[Permission]:
    """Yield what the writes of an apply need that creates or updates some resources, and deletes others."""
    place = place_of(params)
    for level, resources in (("apply", changed), ("destroy", removed)):
        for resource in resources:
            yield from (p.fill(place, resource) for p in resource.required_permissions() if level in p.levels)
    yield from (p.fill(place) for p in (*_APPLIED, *_LOCK, *_evidence(params)) if "apply" in p.levels)


def log_permissions(params: Params) -> Iterator[Permission]:
    """Yield what cli/logs.py needs: nothing that another verb needs, since what an application logs may be personal."""
    yield to_look("logs:DescribeLogStreams", "logs:FilterLogEvents", on="logs:log-group:/{env}/web/*").fill(
        place_of(params)
    )


def history_permissions(params: Params) -> Iterator[Permission]:
    """Yield what engine/history.py needs, in two regions: it only says who did it, so other verbs do without."""
    yield to_look("cloudtrail:LookupEvents").fill(place_of(params))


def place_of(params: Params) -> Place:
    """Where the environment is."""
    bucket = Bucket(name="runbook").name_in(params.env, params.account, params.region)
    return Place(params.env, params.region, params.account, bucket)


def _evidence(params: Params) -> Iterator[Permission]:
    """evidence/storage.py and evidence/attestation/keys.py; a plan and a verify neither store nor use the KMS key."""
    settings = params.evidence
    if settings.store == "bucket":
        retention = ("s3:PutObjectRetention",) if settings.object_lock else ()
        on = f"s3:{{bucket}}/{EVIDENCE}/*"
        yield to_change("s3:GetObject", "s3:PutObject", *retention, on=on, label="evidence")
    if settings.kms_key:
        yield to_change("kms:GetPublicKey", "kms:Sign", on=settings.kms_key, label="sign")
