"""The role of a GitHub workflow: it can deploy another revision, and nothing else.

Actions are limited to the environment's own resources where AWS supports that.  Reads of the
whole account are limited to the region, except in services without regions.
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..params import Params
from ..params.model import NEWEST
from ..resources.base import Resource
from ..resources.bucket import EVIDENCE, Bucket
from ..resources.deployment_group import DeploymentGroup
from ..resources.federated_role import FederatedRole
from ..resources.open_id_connect_provider import OpenIdConnectProvider
from ..resources.role_policy import On, RolePolicy
from ..resources.stored_bundle import FOLDER

# https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
_ISSUER, _AUDIENCE = "token.actions.githubusercontent.com", "sts.amazonaws.com"

_REGIONAL = (
    "autoscaling:DescribeAutoScalingGroups", "codedeploy:BatchGetDeploymentTargets",
    "ec2:DescribeAddresses", "ec2:DescribeInstances", "ec2:DescribeInternetGateways",
    "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeLaunchTemplates", "ec2:DescribeNatGateways",
    "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth", "logs:DescribeLogGroups", "tag:GetResources",
)  # fmt: skip
_GLOBAL = ("iam:ListRoles",)
_BUCKET = (
    "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:ListBucket",
)  # fmt: skip
_IDENTITIES = (
    "iam:GetInstanceProfile", "iam:GetOpenIDConnectProvider", "iam:GetRole", "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
)  # fmt: skip
_DATA = (
    "logs:ListTagsForResource", "rds:DescribeDBInstances", "rds:DescribeDBParameterGroups", "rds:DescribeDBParameters",
    "rds:DescribeDBSubnetGroups", "rds:ListTagsForResource",
)  # fmt: skip
_CACHE = (
    "elasticache:DescribeCacheClusters", "elasticache:DescribeCacheSubnetGroups",
    "elasticache:DescribeReplicationGroups", "elasticache:ListTagsForResource",
)  # fmt: skip
_PARAMETERS = ("ssm:GetParametersByPath", "ssm:ListTagsForResource")
_REVISIONS = (
    "codedeploy:GetApplicationRevision", "codedeploy:ListTagsForResource", "codedeploy:RegisterApplicationRevision",
)  # fmt: skip
_RELEASE = (
    "codedeploy:CreateDeployment", "codedeploy:GetDeployment", "codedeploy:GetDeploymentGroup",
    "codedeploy:ListDeploymentTargets", "codedeploy:ListDeployments", "codedeploy:ListTagsForResource",
)  # fmt: skip


def github(params: Params, bucket: Bucket, group: DeploymentGroup) -> tuple[Resource, ...]:
    """The provider, the role and its policies; empty when the parameters name no repository."""
    if params.github is None:
        return ()
    provider = OpenIdConnectProvider(name="github", issuer=_ISSUER, audience=_AUDIENCE)
    repository, environments = params.github.repository, params.github.environments
    subjects = tuple(f"repo:{repository}:environment:{each}" for each in environments)
    role = FederatedRole(name="github-deploy", provider=provider, subjects=subjects)
    role = replace(role, inline_policies=tuple(policy.name for policy in _policies(params, role, bucket, group)))
    return provider, role, *_policies(params, role, bucket, group)


def _policies(params: Params, role: FederatedRole, bucket: Bucket, group: DeploymentGroup) -> Iterator[RolePolicy]:
    yield from _read_policies(params, role, bucket)
    yield from _deploy_policies(params, role, bucket, group)


def _read_policies(params: Params, role: FederatedRole, bucket: Bucket) -> Iterator[RolePolicy]:
    """The reads of a survey of `04_deploy`, which includes all dependencies of the servers."""
    env, region = params.env, f"{params.region}:{params.account}"

    def policy(name: str, actions: tuple[str, ...], *on: On, **more: Any) -> RolePolicy:
        return RolePolicy(name=f"github-{name}", role=role, actions=actions, on=on, **more)

    here = (("StringEquals", "aws:RequestedRegion", params.region),)
    images = ("ec2:DescribeImages",) if params.compute.image is None else ()
    yield policy("look", (*_REGIONAL, *images), "*", when=here)
    yield policy("look-global", _GLOBAL, "*")
    locks = ("s3:GetBucketObjectLockConfiguration",) if bucket.object_lock else ()
    yield policy("look-bucket", (*locks, *_BUCKET), ("arn:aws:s3:::{}", bucket))
    iam = f"arn:aws:iam::{params.account}"
    ours = (f"{iam}:role/runbook/{env}/*", f"{iam}:instance-profile/runbook/{env}/*")
    yield policy("look-iam", _IDENTITIES, *ours, f"{iam}:role/aws-service-role/*", ("{}", role.provider))
    # Orphans may have any path.
    yield policy("look-roles", ("iam:ListRoleTags",), f"{iam}:role/{env}-*", f"{iam}:role/*/{env}-*")
    databases = tuple(f"arn:aws:rds:{region}:{kind}:*" for kind in ("db", "pg", "subgrp"))
    logs = f"arn:aws:logs:{region}:log-group:/aws/rds/instance/{env}-database/*"
    yield policy("look-data", _DATA, *databases, logs)
    if params.data.sessions.store == "elasticache":
        kinds = ("cluster", "replicationgroup", "subnetgroup")
        yield policy("look-cache", _CACHE, *(f"arn:aws:elasticache:{region}:{kind}:*" for kind in kinds))
    yield policy("look-secrets", ("secretsmanager:DescribeSecret",), f"arn:aws:secretsmanager:{region}:secret:{env}/*")
    yield policy("look-parameters", _PARAMETERS, f"arn:aws:ssm:{region}:parameter/{env}/*")
    if params.compute.image in (None, NEWEST):
        image = f"arn:aws:ssm:{params.region}::parameter/aws/service/ami-amazon-linux-latest/*"
        yield policy("look-image", ("ssm:GetParameter",), image)


def _deploy_policies(
    params: Params, role: FederatedRole, bucket: Bucket, group: DeploymentGroup
) -> Iterator[RolePolicy]:
    """Upload the bundle, take the environment's lock, and deploy to the one group.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
    """

    def policy(name: str, actions: tuple[str, ...], *on: On) -> RolePolicy:
        return RolePolicy(name=f"github-{name}", role=role, actions=actions, on=on)

    codedeploy = f"arn:aws:codedeploy:{params.region}:{params.account}"
    web = f"{params.env}-{group.application.name}"
    yield policy("applications", ("codedeploy:ListApplications",), f"{codedeploy}:application:*")
    yield policy("revisions", _REVISIONS, f"{codedeploy}:application:{web}")
    yield policy("release", _RELEASE, f"{codedeploy}:deploymentgroup:{web}/{params.env}-{group.name}")
    pace = f"{codedeploy}:deploymentconfig:{group.configuration}"
    yield policy("pace", ("codedeploy:GetDeploymentConfig",), pace)
    if params.deploy.source == "s3":
        yield policy("bundle", ("s3:PutObject",), (f"arn:aws:s3:::{{}}/{FOLDER}/*", bucket))
    if params.evidence.store == "bucket":
        retention = ("s3:PutObjectRetention",) if params.evidence.object_lock else ()
        keep = ("s3:GetObject", "s3:PutObject", *retention)
        yield policy("evidence", keep, (f"arn:aws:s3:::{{}}/{EVIDENCE}/*", bucket))
    if params.evidence.kms_key:
        yield policy("sign", ("kms:GetPublicKey", "kms:Sign"), params.evidence.kms_key)
    lock = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
    yield policy("lock", lock, ("arn:aws:s3:::{}/lock.json", bucket))
