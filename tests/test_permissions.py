"""What docs/permissions.md asks for is what is really called."""

import ast
import json
import re
from pathlib import Path

import boto3
import pytest
from botocore import xform_name

import runbook_lib
from runbook_lib.aws.client import Aws
from runbook_lib.resources.federated_role import FederatedRole
from runbook_lib.resources.open_id_connect_provider import OpenIdConnectProvider

REPOSITORY = Path(runbook_lib.__file__).parents[1]
DOC = REPOSITORY / "docs" / "permissions.md"

# IAM's prefixes, by boto3's names; https://docs.aws.amazon.com/service-authorization/latest/reference/
PREFIX = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
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
# Asked for by AWS when another call is made, as the document says.
ALONG = re.compile(
    r"(?!\w+:List).*:(AddTags\w*|Tag(Resource|Role|InstanceProfile|OpenIDConnectProvider)|CreateTags|CreateOrUpdateTags)|iam:PassRole"
    r"|iam:CreateServiceLinkedRole|kms:.*|secretsmanager:RotateSecret|rds:CreateDBSnapshot|logs:\w+LogDelivery"
    r"|codedeploy:(\w+Revision|GetDeploymentConfig)"
)


def blocks():
    found = re.findall(r"```json\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    return [json.loads(block)["Statement"][0] for block in found]


def documented():
    look, change, _ = blocks()
    return set(look["Action"]), set(change["Action"])


def called():
    """Every operation that the library's source names, as IAM's actions: ``aws.ec2.create_vpc(...)`` and look-ups."""
    return {action for operation in raw_operations() for action in ACTIONS.get(operation, {operation})}


def raw_operations():
    """The same by the operations' own names, e.g. ``s3:ListBuckets``."""
    found = set()
    for source in sorted(REPOSITORY.glob("runbook_lib/**/*.py")):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            found |= set(_operations(node))
    return found


def _operations(node):
    match node:
        case ast.Call(func=ast.Attribute(attr=operation, value=ast.Attribute(attr=service))):
            yield from _action(service, operation)
        case ast.Call(func=ast.Attribute(attr="all" | "get" | "pages"), args=[service, operation, *_]) if all(
            isinstance(arg, ast.Constant) for arg in (service, operation)
        ):
            yield from _action(str(service.value), str(operation.value))
        case ast.Call(func=ast.Attribute(attr="find" | "tagged_with_env"), args=[ast.Constant(value=operation), *_]):
            yield from _action("ec2", operation)


SERVICES = {name: boto3.session.Session().client for name in boto3.session.Session().get_available_services()}


def _action(service, operation):
    if service not in SERVICES:
        return
    model = boto3.client(service, region_name="us-west-2", aws_access_key_id="-", aws_secret_access_key="-").meta
    names = {xform_name(name): name for name in model.service_model.operation_names}
    if operation in names:
        yield f"{PREFIX.get(service, service)}:{names[operation]}"


@pytest.fixture(scope="module")
def actions():
    return called()


def test_nothing_is_called_that_the_document_does_not_name(actions):
    """Who has these permissions is refused nothing."""
    look, change = documented()
    assert actions - look - change == set()


def test_nothing_is_named_that_is_not_called(actions):
    """No permission is asked for without need; what AWS asks for along with other calls is explained."""
    look, change = documented()
    assert {action for action in (look | change) - actions if not ALONG.fullmatch(action)} == set()


def test_who_only_looks_cannot_change():
    """The first role is safe to give to CI on a pull request."""
    look, change = documented()
    assert {a for a in look if not re.match(r"\w+:(Describe|Get|List|BatchGet)", a)} == set()
    assert look & change == set()
    assert "secretsmanager:GetSecretValue" not in look | change


def test_who_comes_from_github_is_trusted_as_the_library_does_it():
    """What a person copies for the first two roles is what `04_deploy` writes for the third."""
    provider = OpenIdConnectProvider(
        name="github", issuer="token.actions.githubusercontent.com", audience="sts.amazonaws.com"
    )
    role = FederatedRole(name="x", provider=provider, subjects=("repo:<owner>/<name>:environment:<env>-plan",))
    (ours,) = role.trust(Aws(env="x", region="us-west-2", account="<account>"))["Statement"]
    ours["Condition"]["StringEquals"][f"{provider.issuer}:sub"] = role.subjects[0]
    assert blocks()[2] == ours
