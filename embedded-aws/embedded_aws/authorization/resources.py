"""The resources of a call, by service.

Each function takes an operation and its parameters. It returns the ARNs, `*` for an operation that has no resource, or
nothing where they cannot be told.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedded_aws.account import backends
from embedded_aws.settings import REGION

Parameters = Mapping[str, Any]
Resources = list[str]
ALL = ["*"]

# The type of an EC2 resource, by the beginning of its id.
EC2_TYPES = {
    "vpc": "vpc", "subnet": "subnet", "igw": "internet-gateway", "nat": "natgateway", "eipalloc": "elastic-ip",
    "rtb": "route-table", "vpce": "vpc-endpoint", "eice": "instance-connect-endpoint",
    "sg": "security-group", "sgr": "security-group-rule",
    "lt": "launch-template", "ami": "image", "i": "instance", "fl": "vpc-flow-log", "eni": "network-interface",
    "vol": "volume", "snap": "snapshot",
}  # fmt: skip


def resources_of(service: str, prefix: str, operation: str, parameters: Parameters) -> Resources:
    """Return the resources of a call; empty where they cannot be told.

    Args:
        service: boto3's name of the service.
        prefix: The service's name in IAM.
    """
    if service in BY_SERVICE:
        return BY_SERVICE[service](operation, parameters)
    own = f"arn:aws:{prefix}:"
    return [text for value in parameters.values() for text in _texts(value) if text.startswith(own)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def arn(prefix: str, resource: str) -> str:
    """Return the ARN of a resource in this account and region."""
    return (
        resource
        if resource.startswith("arn:")
        else f"arn:aws:{prefix}:{REGION}:{backends.current_account()}:{resource}"
    )


def _s3(operation: str, parameters: Parameters) -> Resources:
    bucket, key = parameters.get("Bucket"), parameters.get("Key")
    if bucket is None:
        return ALL
    if operation == "DeleteObjects":
        return [f"arn:aws:s3:::{bucket}/{one['Key']}" for one in parameters["Delete"]["Objects"]]
    return [f"arn:aws:s3:::{bucket}" if key is None else f"arn:aws:s3:::{bucket}/{key}"]


def _secrets(operation: str, parameters: Parameters) -> Resources:
    if operation in ("ListSecrets", "BatchGetSecretValue", "GetRandomPassword"):
        return ALL
    name = str(parameters.get("SecretId") or parameters.get("Name"))
    secret = backends.backend("secretsmanager").secrets.get(name)
    # The ARN of a secret ends with six random characters; one that does not exist has none yet.
    return [str(secret.arn) if secret else arn("secretsmanager", f"secret:{name}-??????".replace("?", "x"))]


def _parameters(operation: str, parameters: Parameters) -> Resources:
    if "DocumentName" in parameters or "InstanceId" in parameters:
        return []
    names: list[str] = parameters.get("Names") or [
        parameters[field] for field in ("Name", "Path", "ResourceId") if isinstance(parameters.get(field), str)
    ]
    return [_parameter(name) for name in names] or (ALL if operation.startswith(("Describe", "List")) else [])


def _parameter(name: str) -> str:
    if name.startswith("arn:"):
        return name
    name = name.partition(":")[0]  # without version or label
    account = "" if name.startswith("/aws/") else backends.current_account()
    return f"arn:aws:ssm:{REGION}:{account}:parameter/{name.removeprefix('/')}"


def _queues(operation: str, parameters: Parameters) -> Resources:
    name = parameters.get("QueueName") or str(parameters.get("QueueUrl", "")).rpartition("/")[2]
    if operation == "ListQueues":
        return ALL
    return [arn("sqs", name)] if name else [text for text in _texts(parameters) if text.startswith("arn:aws:sqs:")]


def _topics(operation: str, parameters: Parameters) -> Resources:
    if operation == "CreateTopic":
        return [arn("sns", parameters["Name"])]
    named = [parameters[field] for field in ("TopicArn", "TargetArn", "ResourceArn") if parameters.get(field)]
    return named or ALL


def _tables(operation: str, parameters: Parameters) -> Resources:
    if operation in ("ListTables", "DescribeLimits", "DescribeEndpoints", "ListBackups"):
        return ALL
    if operation.startswith("Transact"):
        items = [one for item in parameters["TransactItems"] for one in item.values()]
        return [_table(item["TableName"]) for item in items]
    if requested := parameters.get("RequestItems"):
        return [_table(name) for name in requested]
    if name := parameters.get("TableName"):
        index = parameters.get("IndexName")
        return [f"{_table(name)}/index/{index}" if index else _table(name)]
    return [parameters["ResourceArn"]] if "ResourceArn" in parameters else []


def _table(name: str) -> str:
    return name if name.startswith("arn:") else arn("dynamodb", f"table/{name}")


def _keys(operation: str, parameters: Parameters) -> Resources:
    if operation in ("ListKeys", "ListAliases", "CreateKey", "GenerateRandom"):
        return ALL
    wanted = parameters.get("KeyId") or parameters.get("TargetKeyId")
    return [key_arn(str(wanted))] if wanted else []


def key_arn(wanted: str) -> str:
    """Return the ARN of a key that is named by its id, its ARN or an alias."""
    kms = backends.backend("kms")
    alias = wanted if wanted.startswith("alias/") else wanted.rpartition(":")[2]
    if alias.startswith("alias/"):
        known = next((key for key in kms.keys.values() if alias in key.aliases), None)
        return str(known.arn) if known else arn("kms", alias)
    return wanted if wanted.startswith("arn:") else arn("kms", f"key/{wanted}")


def _logs(operation: str, parameters: Parameters) -> Resources:
    """Name a group or a stream; https://github.com/aws/aws-cdk/issues/7016 (AWS's form in its messages)."""
    if "resourceArn" in parameters:
        return [parameters["resourceArn"]]
    identifier = parameters.get("logGroupIdentifier") or ""
    group = parameters.get("logGroupName") or identifier.partition(":log-group:")[2].removesuffix(":*") or identifier
    if not group and not operation.startswith("Describe"):
        return []
    return [arn("logs", f"log-group:{group}:log-stream:{parameters.get('logStreamName', '')}")]


def _alarms(operation: str, parameters: Parameters) -> Resources:
    if "ResourceARN" in parameters:
        return [parameters["ResourceARN"]]
    dashboards = parameters.get("DashboardNames") or [parameters.get("DashboardName")]
    if any(dashboards):
        return [f"arn:aws:cloudwatch::{backends.current_account()}:dashboard/{name}" for name in dashboards]
    if operation == "DescribeAlarms":
        return [arn("cloudwatch", "alarm:*")]
    named = parameters.get("AlarmNames") or [parameters.get("AlarmName")]
    return [arn("cloudwatch", f"alarm:{name}") for name in named if name] or ALL


def _events(operation: str, parameters: Parameters) -> Resources:
    if operation == "PutEvents":
        buses = {entry.get("EventBusName") or "default" for entry in parameters.get("Entries", [])}
        return [arn("events", name if name.startswith("arn:") else f"event-bus/{name}") for name in sorted(buses)]
    rule, bus = parameters.get("Rule") or parameters.get("Name"), parameters.get("EventBusName", "default")
    if operation.startswith("List") or not rule:
        return []
    return [arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")]


def _tokens(operation: str, parameters: Parameters) -> Resources:
    return [parameters["RoleArn"]] if "RoleArn" in parameters else ALL


def _ec2(operation: str, parameters: Parameters) -> Resources:
    if operation.startswith(("Describe", "Get")):
        return ALL
    ids = [text for text in _texts(parameters) if re.fullmatch(r"[a-z]+-[0-9a-f]{8,}", text)]
    kinds = {one: EC2_TYPES[one.partition("-")[0]] for one in ids if one.partition("-")[0] in EC2_TYPES}
    return [
        f"arn:aws:ec2:{REGION}:{'' if kind == 'image' else backends.current_account()}:{kind}/{one}"
        for one, kind in kinds.items()
    ]


def _groups(operation: str, parameters: Parameters) -> Resources:
    if operation.startswith("Describe"):
        return ALL
    scaling = backends.backend("autoscaling")
    known = scaling.autoscaling_groups.get(parameters.get("AutoScalingGroupName"))
    return [str(known.arn)] if known else []


def _functions(operation: str, parameters: Parameters) -> Resources:
    name = parameters.get("FunctionName")
    return [arn("lambda", f"function:{name}")] if name else []


BY_SERVICE: dict[str, Callable[[str, Parameters], Resources]] = {
    "autoscaling": _groups,
    "cloudwatch": _alarms,
    "dynamodb": _tables,
    "ec2": _ec2,
    "events": _events,
    "kms": _keys,
    "lambda": _functions,
    "logs": _logs,
    "s3": _s3,
    "secretsmanager": _secrets,
    "sns": _topics,
    "sqs": _queues,
    "ssm": _parameters,
    "sts": _tokens,
}


def tags_of(resource: str) -> Mapping[str, str]:
    """Return the tags of a resource; the lock of the account must be held."""
    prefix = resource.split(":")[2] if resource.startswith("arn:") else ""
    if prefix == "ssm":
        parameter = stored_parameter(resource)
        return dict(backends.backend("ssm")._resource_tags["Parameter"][parameter.name]) if parameter else {}
    for services in TAGGED.get(prefix, ()):
        for backend in backends.existing(services):
            for one in backend.iter_tagged_resources():
                if one.arn == resource:
                    return dict(one.tags)
    return {}


def stored_parameter(resource: str) -> Any:
    """Return moto's parameter of an ARN; None where there is none. The ARN of `/a` and of `a` is the same."""
    name = resource.partition(":parameter/")[2]
    stored = backends.backend("ssm")._parameters
    return next((stored[one][-1] for one in (f"/{name}", name) if stored.get(one)), None)


# moto's names of the services whose resources' tags a policy may name, by IAM's names.
TAGGED = {
    "dynamodb": ("dynamodb",), "ec2": ("ec2",), "events": ("events",), "kms": ("kms",), "lambda": ("lambda",),
    "logs": ("logs",), "rds": ("rds",), "secretsmanager": ("secretsmanager",), "sns": ("sns",), "sqs": ("sqs",),
    "autoscaling": ("autoscaling",), "cloudwatch": ("cloudwatch",),
    "elasticloadbalancing": ("elbv2",), "elasticache": ("elasticache",),
}  # fmt: skip
