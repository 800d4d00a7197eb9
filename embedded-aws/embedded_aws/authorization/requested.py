"""What IAM is asked for a call: actions, each on a resource and with the values of condition keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model

from embedded_aws.account import backends
from embedded_aws.authorization.conditions import Context
from embedded_aws.authorization.policy import Question
from embedded_aws.authorization.resources import key_arn, resources_of, stored_parameter, tags_of
from embedded_aws.error_responses import operation_of, service_of
from embedded_aws.settings import REGION

# IAM's prefixes, where they are not boto3's names.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
PREFIXES = {
    "elbv2": "elasticloadbalancing", "elb": "elasticloadbalancing", "resourcegroupstaggingapi": "tag",
    "stepfunctions": "states", "efs": "elasticfilesystem", "opensearch": "es", "emr": "elasticmapreduce",
    "service-quotas": "servicequotas",
}  # fmt: skip

# Actions with another name than their operation.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html, list_amazonsqs.html,
# list_amazonsns.html, list_awslambda.html
ACTIONS = {
    "s3:ListBuckets": ("s3:ListAllMyBuckets",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:ListParts": ("s3:ListMultipartUploadParts",),
    "s3:CreateMultipartUpload": ("s3:PutObject",),
    "s3:UploadPart": ("s3:PutObject",),
    "s3:UploadPartCopy": ("s3:PutObject",),
    "s3:CompleteMultipartUpload": ("s3:PutObject",),
    "s3:CopyObject": ("s3:PutObject",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:GetObjectAttributes": ("s3:GetObject",),
    "s3:SelectObjectContent": ("s3:GetObject",),
    "s3:DeleteObjects": ("s3:DeleteObject",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:DeleteBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:DeleteBucketLifecycle": ("s3:PutLifecycleConfiguration",),
    "s3:GetBucketCors": ("s3:GetBucketCORS",),
    "s3:PutBucketCors": ("s3:PutBucketCORS",),
    "s3:DeleteBucketCors": ("s3:PutBucketCORS",),
    "s3:DeleteBucketTagging": ("s3:PutBucketTagging",),
    "s3:GetObjectLockConfiguration": ("s3:GetBucketObjectLockConfiguration",),
    "s3:PutObjectLockConfiguration": ("s3:PutBucketObjectLockConfiguration",),
    "s3:GetBucketNotificationConfiguration": ("s3:GetBucketNotification",),
    "s3:PutBucketNotificationConfiguration": ("s3:PutBucketNotification",),
    "sqs:SendMessageBatch": ("sqs:SendMessage",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sqs:ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    "sns:PublishBatch": ("sns:Publish",),
    "lambda:Invoke": ("lambda:InvokeFunction",),
    "lambda:InvokeAsync": ("lambda:InvokeFunction",),
    "kms:ReEncrypt": ("kms:ReEncryptFrom", "kms:ReEncryptTo"),
    "dynamodb:ExecuteStatement": ("dynamodb:PartiQLSelect",),
    "dynamodb:TransactGetItems": ("dynamodb:GetItem",),
}
TRANSACTION_ACTIONS = {
    "Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}  # fmt: skip

# No permission is needed: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html,
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
FREE = {"sts:GetCallerIdentity", "sts:GetSessionToken", "sts:GetAccessKeyInfo"}


@dataclass(frozen=True)
class Call:
    """A call as it was sent."""

    service: str
    operation: str
    parameters: Mapping[str, Any]

    @property
    def prefix(self) -> str:
        """The service's name in IAM."""
        return PREFIXES.get(self.service, self.service)


def read_call(environ: dict[str, Any]) -> Call:
    """Return service, operation and parameters of a call; without parameters where they cannot be read."""
    service, stream = service_of(environ), environ["wsgi.input"]
    body = stream.getvalue()
    operation = operation_of(environ, service, body)
    try:
        stream.seek(0)
        request = Request(environ)
        model = get_service_model(service)
        known, path_values = get_service_router(service).match(request)
        parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](known)
        streamed = service == "s3" and known.has_streaming_input  # an object's content is no parameter
        parameters = parser.parse(
            {
                "method": request.method, "values": request.values, "headers": request.headers,
                "body": b"" if streamed else body, "url_path": request.path, "url_params": path_values,
            }
        )  # fmt: skip
        return Call(service, str(known.name), parameters)
    except Exception:  # noqa: BLE001 - moto answers a call that cannot be read, if IAM lets it through
        return Call(service, operation, {})
    finally:
        stream.seek(0)


def questions(call: Call, principal: Context) -> Iterator[Question]:
    """Yield what IAM is asked; the lock of the account must be held.

    Args:
        principal: The values of condition keys that the caller has.
    """
    name = f"{call.prefix}:{call.operation}"
    if name in FREE:
        return
    base = {**principal, **_context(call)}
    for action, resource in _asked(call, name):
        tags = tags_of(resource) if resource else {}
        named = {f"{owner}:resourcetag/{key}".lower(): value for key, value in tags.items() for owner in
                 ("aws", call.prefix)}  # fmt: skip
        yield Question(action, resource, {**base, **named})


def _asked(call: Call, name: str) -> Iterator[tuple[str, str | None]]:
    parameters = call.parameters
    resources: list[str | None] = [*resources_of(call.service, call.prefix, call.operation, parameters)] or [None]
    if call.operation == "TransactWriteItems":
        actions = [TRANSACTION_ACTIONS[kind] for item in parameters["TransactItems"] for kind in item]
        yield from zip(actions, resources, strict=True)
        return
    for action in ACTIONS.get(name, (name,)):
        if name in ("s3:GetObject", "s3:HeadObject") and parameters.get("VersionId"):
            action = "s3:GetObjectVersion"
        for resource in resources:
            yield action, resource
    yield from _also_asked(call, name, resources[0])


def _also_asked(call: Call, name: str, resource: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield what the call needs beside its own action."""
    parameters = call.parameters
    if name in ("s3:CopyObject", "s3:UploadPartCopy"):
        source = parameters.get("CopySource", "")
        path = source if isinstance(source, str) else f"{source.get('Bucket')}/{source.get('Key')}"
        yield "s3:GetObject", f"arn:aws:s3:::{path.removeprefix('/').partition('?')[0]}"
    if call.service == "s3" and call.operation.startswith(("PutObject", "CopyObject", "CreateMultipart")):
        if parameters.get("Tagging") and call.operation != "PutObjectTagging":
            yield "s3:PutObjectTagging", resource
        if parameters.get("ACL") and call.operation != "PutObjectAcl":
            yield "s3:PutObjectAcl", resource
    if (
        call.prefix in ("sqs", "sns", "secretsmanager", "dynamodb", "kms")
        and call.operation.startswith("Create")
        and _request_tags(parameters)
    ):
        yield {"sqs": "sqs:TagQueue"}.get(call.prefix, f"{call.prefix}:TagResource"), resource
    if name == "ssm:PutParameter" and parameters.get("Tags"):
        yield "ssm:AddTagsToResource", resource
    yield from _decrypted_with(name, resource, parameters)


def _decrypted_with(name: str, resource: str | None, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the use of a customer's own key; AWS's keys need no permission.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html,
    https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
    """
    key = None
    if name == "secretsmanager:GetSecretValue" and resource:
        secret = backends.backend("secretsmanager").secrets.get(resource)
        key = secret.kms_key_id if secret else None
    if name in ("ssm:GetParameter", "ssm:GetParameters") and resource and parameters.get("WithDecryption"):
        parameter = stored_parameter(resource)
        key = parameter.keyid if parameter and parameter.parameter_type == "SecureString" else None
    if key and "alias/aws/" not in key:
        yield "kms:Decrypt", key_arn(key)


def _context(call: Call) -> dict[str, str | list[str]]:
    """Return the values of global condition keys, and of those that policies often use.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. Calls arrive by HTTP
    here, and by HTTPS on AWS: aws:SecureTransport is what it will be there.
    """
    now = datetime.now(UTC)
    context: dict[str, str | list[str]] = {
        "aws:requestedregion": REGION,
        "aws:securetransport": "true",
        "aws:currenttime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:viaawsservice": "false",
    }
    tags = _request_tags(call.parameters)
    context |= {f"aws:requesttag/{key}".lower(): value for key, value in tags.items()}
    if tags:
        context["aws:tagkeys"] = list(tags)
    fields = {
        "s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys", "s3:versionid": "VersionId",
        "s3:x-amz-server-side-encryption": "ServerSideEncryption", "s3:x-amz-acl": "ACL",
        "cloudwatch:namespace": "Namespace", "secretsmanager:versionstage": "VersionStage",
        "sns:protocol": "Protocol", "sns:endpoint": "Endpoint",
    }  # fmt: skip
    for key, name in fields.items():
        if key.partition(":")[0] == call.prefix and call.parameters.get(name) is not None:
            context[key] = str(call.parameters[name])
    if call.operation in ("ListObjects", "ListObjectsV2", "ListObjectVersions"):
        context.setdefault("s3:prefix", "")
    return context


def _request_tags(parameters: Mapping[str, Any]) -> dict[str, str]:
    tags = parameters.get("Tags") or parameters.get("tags") or {}
    specified = [tag for spec in parameters.get("TagSpecifications") or [] for tag in spec.get("Tags", [])]
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag.get("Key") or tag.get("TagKey")): str(tag.get("Value") or tag.get("TagValue") or "")
            for tag in [*tags, *specified] if isinstance(tag, Mapping)}  # fmt: skip
