"""What IAM would check for a call: actions, each with a resource and a context, as policies are held against them.

Derived from the request alone, by the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tests.support.stack_runs import PARAMS

REGION, ACCOUNT = PARAMS.region, PARAMS.account
HERE = f"{REGION}:{ACCOUNT}"
Request = dict[str, Any]

# IAM's prefixes, by boto3's names; https://docs.aws.amazon.com/service-authorization/latest/reference/
PREFIX = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag", "service-quotas": "servicequotas"}
# Where the action is called otherwise than the operation: all of S3's list of exceptions.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
ACTIONS = {
    "s3:ListBuckets": {"s3:ListAllMyBuckets"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:GetBucketEncryption": {"s3:GetEncryptionConfiguration"},
    "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
    "s3:GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
    "s3:GetBucketLifecycleConfiguration": {"s3:GetLifecycleConfiguration"},
    "s3:PutBucketLifecycleConfiguration": {"s3:PutLifecycleConfiguration"},
    "s3:DeleteBucketLifecycle": {"s3:PutLifecycleConfiguration"},
    "s3:GetObjectLockConfiguration": {"s3:GetBucketObjectLockConfiguration"},
    "s3:PutObjectLockConfiguration": {"s3:PutBucketObjectLockConfiguration"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
}
# No permission is needed to be told who one is:
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = "sts:GetCallerIdentity"
GROUP = f"arn:aws:codedeploy:{HERE}:deploymentgroup:local-web/local-web"
APPLICATION = f"arn:aws:codedeploy:{HERE}:application:local-web"
TAGGING = {
    "acm": "AddTagsToCertificate", "autoscaling": "CreateOrUpdateTags", "cloudwatch": "TagResource",
    "codedeploy": "TagResource",
    "elasticache": "AddTagsToResource", "elbv2": "AddTags", "logs": "TagResource", "rds": "AddTagsToResource",
    "secretsmanager": "TagResource", "ssm": "AddTagsToResource",
}  # fmt: skip
TAGGING_IN_IAM = {
    "CreateRole": "TagRole",
    "CreateInstanceProfile": "TagInstanceProfile",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
}
# EC2's types by the beginning of an id.
EC2_TYPES = {
    "vpc": "vpc", "subnet": "subnet", "igw": "internet-gateway", "nat": "natgateway", "eipalloc": "elastic-ip",
    "rtb": "route-table", "vpce": "vpc-endpoint", "eice": "instance-connect-endpoint",
    "sg": "security-group", "sgr": "security-group-rule",
    "lt": "launch-template", "ami": "image", "i": "instance", "fl": "vpc-flow-log",
    "eni": "network-interface", "vol": "volume", "pl": "prefix-list",
}  # fmt: skip
# What is checked although no id in the request names it.
EC2_MORE = {"RunInstances": ("instance", "volume", "network-interface"), "ReplaceRouteTableAssociation": ("subnet",),
            "DisassociateRouteTable": ("route-table", "subnet")}  # fmt: skip


class Asked(NamedTuple):
    """One thing that IAM is asked."""

    action: str
    arn: str
    context: frozenset[tuple[str, str]] = frozenset()


class Statement(NamedTuple):
    """One statement of a policy that allows something."""

    name: str
    actions: tuple[str, ...]
    on: tuple[str, ...]
    when: dict[str, dict[str, Any]]

    def allows(self, asked: Asked, region: str = REGION) -> bool:
        context = {**dict(asked.context), "aws:RequestedRegion": region}
        for operator, conditions in self.when.items():
            for key, wanted in conditions.items():
                assert operator in ("StringEquals", "StringLike", "ArnEquals")
                if not any(fnmatchcase(context.get(key, ""), value) for value in _many(wanted)):
                    return False
        return asked.action in self.actions and any(fnmatchcase(asked.arn, pattern) for pattern in self.on)


def statements_of(document: dict[str, Any], name: str = "") -> list[Statement]:
    """A policy document's statements; all of them allow."""
    found = []
    for one in document["Statement"]:
        assert one["Effect"] == "Allow"
        on = tuple(_many(one["Resource"]))
        found.append(Statement(name or one["Sid"], tuple(_many(one["Action"])), on, one.get("Condition", {})))
    return found


def asked_by(service: str, operation: str, request: Request) -> set[Asked]:
    """What IAM is asked when AWS receives this request."""
    context = frozenset(_context(request).items())
    return {Asked(action, arn, context) for action, arn in _asked_by(service, operation, request)}


def _asked_by(service: str, operation: str, request: Request) -> Iterator[tuple[str, str]]:
    name = f"{PREFIX.get(service, service)}:{operation}"
    arns = ARNS.get(service, _anywhere)(operation, request)
    arns = [arn if arn == "*" or arn.startswith("arn:") else _arn(service, arn) for arn in _many(arns)]
    for action in ACTIONS.get(name, {name}):
        for arn in arns:
            yield action, arn
    if request.get("Tags") or request.get("tags"):
        tagging = TAGGING_IN_IAM.get(operation, "") if service == "iam" else TAGGING.get(service, "")
        if tagging and operation != tagging:
            yield f"{PREFIX.get(service, service)}:{tagging}", TAGGED.get(operation, lambda _: arns[0])(request)
    if service in ("ec2", "rds", "codedeploy") or operation == "AddRoleToInstanceProfile":
        yield from _passed_roles(operation, request)
    if "ObjectLockMode" in request:  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
        yield "s3:PutObjectRetention", arns[0]
    for spec in request.get("TagSpecifications", ()):
        yield "ec2:CreateTags", _ec2_arn(spec["ResourceType"], request.get("KeyName", "new"))
    yield from ALONG.get(name, lambda _: ())(request)


def _passed_roles(operation: str, request: Request) -> Iterator[tuple[str, str]]:
    for role in re.findall(r"arn:aws:iam::\d+:role/[\w/-]+", json.dumps(request, default=str)):
        if operation not in ("CreateRole",):
            yield "iam:PassRole", role
    if operation in ("RunInstances", "AddRoleToInstanceProfile"):
        # Our profiles have the names of their roles.
        name = request.get("RoleName") or request["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        yield "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/runbook/local/{name}"


def _context(request: Request) -> dict[str, str]:
    keys = {"PolicyArn": "iam:PolicyARN", "PermissionsBoundary": "iam:PermissionsBoundary"}
    return {key: request[field] for field, key in keys.items() if field in request}


# --------------------------------------------------------------------------------------------- by service


def _anywhere(operation: str, request: Request) -> str:
    return "*"


def _ec2(operation: str, request: Request) -> list[str]:
    if operation.startswith("Describe") and operation != "DescribeVpcAttribute":
        return ["*"]
    found = {EC2_TYPES[i.partition("-")[0]]: i for i in _strings(request) if i.partition("-")[0] in EC2_TYPES
             and re.fullmatch(r"[a-z]+-[0-9a-f]{8,}", i)}  # fmt: skip
    found |= {spec["ResourceType"]: "new" for spec in request.get("TagSpecifications", ())}
    found |= dict.fromkeys(EC2_MORE.get(operation, ()), "new")
    if "KeyName" in request:
        found["key-pair"] = request["KeyName"]
    assert found, (operation, request)
    return [_ec2_arn(kind, one) for kind, one in found.items()]


def _ec2_arn(kind: str, one: str) -> str:
    return f"arn:aws:ec2:{REGION}:{'' if kind == 'image' else ACCOUNT}:{kind}/{one}"


def _autoscaling(operation: str, request: Request) -> str:
    if operation.startswith("Describe"):
        return "*"
    return f"autoScalingGroup:1-2:autoScalingGroupName/{request['AutoScalingGroupName']}"


def _launches(request: Request) -> Iterator[tuple[str, str]]:
    if "LaunchTemplate" in request:
        for kind in ("launch-template", "image", "instance", "network-interface", "security-group", "subnet", "volume"):
            yield "ec2:RunInstances", _ec2_arn(kind, "new")
        yield "ec2:CreateTags", _ec2_arn("instance", "new")


def _balancers(operation: str, request: Request) -> list[str] | str:
    if operation.startswith("Describe"):
        return "*"
    match operation:
        case "CreateLoadBalancer":
            return f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/{request['Name']}/1a"
        case "CreateTargetGroup":
            return f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/{request['Name']}/1a"
    fields = ("ListenerArn", "LoadBalancerArn", "TargetGroupArn")
    return next(request[field] for field in fields if field in request)


def _listener(request: Request) -> str:
    return f"{request['LoadBalancerArn'].replace(':loadbalancer/', ':listener/')}/1a"


def _certificates(operation: str, request: Request) -> str:
    if operation in ("ListCertificates", "RequestCertificate"):
        return "*"
    return request.get("CertificateArn", "certificate/new")


def _watched(operation: str, request: Request) -> list[str] | str:
    if "ResourceARN" in request:
        return str(request["ResourceARN"])
    dashboards = request.get("DashboardNames") or [request["DashboardName"]] if "Dashboard" in operation else []
    if operation == "DescribeAlarms":
        return "alarm:*"
    alarms = request.get("AlarmNames") or [request.get("AlarmName")]
    named = [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}" for name in dashboards]
    return named or [f"alarm:{name}" for name in alarms if name]


def _logs(operation: str, request: Request) -> str:
    if operation == "DescribeLogGroups":
        return "*"
    return request.get("resourceArn") or f"log-group:{request['logGroupName']}:log-stream:"


def _secrets(operation: str, request: Request) -> str:
    if operation == "ListSecrets":
        return "*"
    name = request.get("Name") or request["SecretId"]
    return name if name.startswith("arn:") else f"secret:{name}-AbCdEf"


def _stored(operation: str, request: Request) -> list[str] | str:
    if operation == "ListBuckets":
        return "*"
    if operation == "DeleteObjects":
        return [f"arn:aws:s3:::{request['Bucket']}/{one['Key']}" for one in request["Delete"]["Objects"]]
    return f"arn:aws:s3:::{'/'.join(request[field] for field in ('Bucket', 'Key') if field in request)}"


def _identity(operation: str, request: Request) -> str:
    if (role := request.get("RoleName", "")).startswith("AWSServiceRoleFor"):
        service = role.removeprefix("AWSServiceRoleFor").lower()
        return f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}.amazonaws.com/{role}"
    if operation == "CreateServiceLinkedRole":
        return f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{request['AWSServiceName']}/new"
    for field, place in {"InstanceProfileName": "instance-profile", "RoleName": "role"}.items():
        if field in request:
            return f"arn:aws:iam::{ACCOUNT}:{place}/runbook/local/{request[field]}"
    if operation == "SimulatePrincipalPolicy":
        return str(request["PolicySourceArn"])
    if operation == "CreateOpenIDConnectProvider":
        return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{request['Url'].removeprefix('https://')}"
    return request.get("OpenIDConnectProviderArn", "*")


def _deployment(operation: str, request: Request) -> str:
    match operation, request:
        case (("ListApplications" | "ListDeploymentTargets" | "BatchGetDeploymentTargets"), _):
            return "*"
        case (("BatchGetDeployments" | "GetDeployment" | "StopDeployment"), _):
            return GROUP
        case _, {"ResourceArn": arn}:
            return arn
        case "UpdateDeploymentGroup", {"currentDeploymentGroupName": group, "applicationName": application}:
            return f"deploymentgroup:{application}/{group}"
        case _, {"applicationName": application, "deploymentGroupName": group}:
            return f"deploymentgroup:{application}/{group}"
    return f"application:{request['applicationName']}"


def _revision(request: Request) -> Iterator[tuple[str, str]]:
    """Along with a deployment, below the table of

    https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
    """
    yield "codedeploy:GetDeploymentConfig", f"arn:aws:codedeploy:{HERE}:deploymentconfig:CodeDeployDefault.OneAtATime"
    yield "codedeploy:GetApplicationRevision", APPLICATION
    yield "codedeploy:RegisterApplicationRevision", APPLICATION


_DATABASE = {"DBInstanceIdentifier": "db", "DBSubnetGroupName": "subgrp", "DBParameterGroupName": "pg"}
_CACHES = {"ReplicationGroupId": "replicationgroup", "CacheSubnetGroupName": "subnetgroup"}


def _named(kinds: dict[str, str], lists: dict[str, str]) -> Callable[[str, Request], list[str] | str]:
    def arns(operation: str, request: Request) -> list[str] | str:
        if "ResourceName" in request:
            return str(request["ResourceName"])
        found = [f"{kind}:{request[field]}" for field, kind in kinds.items() if field in request]
        return found or (f"{lists[operation]}:*" if operation in lists else "*")

    return arns


def _parameter(operation: str, request: Request) -> str:
    if operation == "DescribeInstanceInformation":
        return _anywhere(operation, request)
    (name,) = (request[field] for field in ("Name", "Path", "ResourceId") if field in request)
    return f"arn:aws:ssm:{REGION}::parameter{name}" if name.startswith("/aws/") else f"parameter{name}"


def _zone(operation: str, request: Request) -> str:
    return f"arn:aws:route53:::hostedzone/{(request.get('HostedZoneId') or request['Id']).rpartition('/')[2]}"


ARNS: dict[str, Callable[[str, Request], list[str] | str]] = {
    "acm": _certificates,
    "autoscaling": _autoscaling,
    "cloudwatch": _watched,
    "codedeploy": _deployment,
    "ec2": _ec2,
    "elasticache": _named(
        _CACHES,
        {
            "DescribeCacheClusters": "cluster",
            "DescribeCacheSubnetGroups": "subnetgroup",
            "DescribeReplicationGroups": "replicationgroup",
        },
    ),
    "elbv2": _balancers,
    "iam": _identity,
    "kms": lambda operation, request: request["KeyId"],
    "logs": _logs,
    "rds": _named(
        _DATABASE,
        {
            "DescribeDBInstances": "db",
            "DescribeDBParameterGroups": "pg",
            "DescribeDBSubnetGroups": "subgrp",
            "DescribeEventSubscriptions": "es",
        },
    ),
    "route53": _zone,
    "s3": _stored,
    "secretsmanager": _secrets,
    "sns": lambda operation, request: request["TopicArn"],
    "ssm": _parameter,
}
TAGGED: dict[str, Callable[[Request], str]] = {
    "CreateListener": _listener,
    "RequestCertificate": lambda request: f"arn:aws:acm:{HERE}:certificate/new",
}
ALONG: dict[str, Callable[[Request], Any]] = {
    "autoscaling:CreateAutoScalingGroup": _launches,
    "autoscaling:UpdateAutoScalingGroup": _launches,
    "codedeploy:CreateDeployment": _revision,
    "rds:CreateDBInstance": lambda request: [("rds:CreateDBInstance", f"arn:aws:rds:{HERE}:og:default:mysql-8-4")],
}


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{PREFIX.get(service, service)}:{HERE}:{resource}"


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, str):
        yield value


def _many(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)
