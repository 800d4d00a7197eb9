"""The permissions that are declared beside the calls are those of the calls, and the document shows them."""

import ast
import json
import os
import re
import textwrap
from functools import cache
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore import xform_name
from click.testing import CliRunner

import runbook_lib
from runbook_lib.aws.client import Aws
from runbook_lib.aws.permissions import MANAGED_POLICY_LIMIT, policy, policy_size, split_policy
from runbook_lib.cli.main import main
from runbook_lib.params import Params, load, policy_linter
from runbook_lib.resources.federated_role import FederatedRole
from runbook_lib.resources.open_id_connect_provider import OpenIdConnectProvider
from runbook_lib.stacks.permissions import VERBS, statements_for
from tests.support.asked_permissions import ACTIONS, FREE, PREFIX

REPOSITORY = Path(runbook_lib.__file__).parents[1]
DOC = REPOSITORY / "docs" / "permissions.md"
# Checked by AWS when another call is made.
ALONG = re.compile(
    r"(?!\w+:List).*:(AddTags\w*|Tag(Resource|Role|InstanceProfile|OpenIDConnectProvider)|CreateTags|CreateOrUpdateTags)"
    r"|iam:(PassRole|CreateServiceLinkedRole)|kms:(CreateGrant|Decrypt|DescribeKey|GenerateDataKey)|logs:\w+LogDelivery"
    r"|codedeploy:(\w+Revision|GetDeploymentConfig)|rds:CreateDBSnapshot|ec2:DeleteSnapshot|s3:(PutObjectRetention|GetObjectRetention|GetObjectVersion)|ec2:\w+NetworkInterfaces?"
    r"|route53:AssociateVPCWithHostedZone"
)
KEY = "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:aws:iam::123456789012:policy/limit"
GITHUB = {"repository": "owner/name", "environments": ["prod-deploy"]}
LOCKED = {"store": "bucket", "kms_key": KEY, "object_lock": {"mode": "GOVERNANCE", "days": 30}}
APP_POLICIES = {
    "statements": [{"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:us-west-2:123456789012:jobs"]}],
    "managed": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
}
DAY = {"name": "day", "recurrence": "0 7 * * *", "minimum": 2, "maximum": 4}
VARIANTS = {
    "local": {},
    "elasticache": {"data": {"sessions": {"store": "elasticache"}}},
    "domain": {"compute": {"certificate": {"domain": "www.example.com", "hosted_zone": "Z0123456789EXAMPLE"}}},
    "arn": {"compute": {"certificate": {"arn": "arn:aws:acm:us-west-2:123456789012:certificate/1"}}},
    "app": {"app": {"secrets": {"A": "prod/a", "B": "/prod/b"}, "policies": APP_POLICIES}},
    "image": {"compute": {"image": "ami-0123456789abcdef0"}},
    "baked": {"compute": {"image": "baked"}},
    "github": {"github": GITHUB, "evidence": LOCKED, "guards": {"keep_bucket": True, "final_snapshot": True}},
    "boundary": {"permissions_boundary": BOUNDARY, "github": GITHUB},
    "rollback": {"deploy": {"rollback_function": True, "rollback_alarms": ["errors"]}},
    "additions": {
        "compute": {
            "scaling": {"metric": "requests_per_target", "target": 100},
            "schedules": [DAY],
            "bastion": "instance_connect_endpoint",
        },
        "alarms": {"topic": "arn:aws:sns:us-west-2:123456789012:alerts"},
        "dashboard": True,
        "network": {"nat": "none"},
        "data": {"sessions": {"store": "elasticache"}},
        "github": GITHUB,
    },
    "alarms": {"alarms": {"topic": "arn:aws:sns:us-west-2:123456789012:alerts"}, "compute": {"bastion": "ssm"}},
    "commit": {"github": GITHUB, "deploy": {"source": "github", "github": {"repository": "o/n", "commit": "c" * 40}}},
}


def parameters(variant):
    raw = load(REPOSITORY / "params" / "local.yaml").model_dump(mode="json")
    for section, values in VARIANTS[variant].items():
        merged = section in ("data", "compute", "guards", "deploy", "network")
        raw[section] = {**raw[section], **values} if merged else values
    return Params.model_validate(raw)


def declared():
    """Every action of every variant."""
    found = {s for variant in VARIANTS for s in statements_for(parameters(variant), list(VERBS))}
    return {action for statement in found for action in statement.actions}


def called():
    """Every operation that the library's source names, as IAM's actions: ``aws.ec2.create_vpc(...)`` and look-ups."""
    return {action for operation in raw_operations() for action in ACTIONS.get(operation, {operation})}


def raw_operations():
    """The same by the operations' own names, e.g. ``s3:ListBuckets``."""
    found = set()
    # Functions run in Lambda, with the rights of their own roles.
    ours = set(REPOSITORY.glob("runbook_lib/**/*.py")) - set(REPOSITORY.glob("runbook_lib/stacks/functions/*.py"))
    for source in sorted(ours):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            found |= set(_operations(node))
    return found


def _operations(node):
    match node:
        case ast.Call(func=ast.Attribute(attr="all" | "get" | "pages"), args=[service, operation, *_]) if all(
            isinstance(arg, ast.Constant) for arg in (service, operation)
        ):
            yield from _action(str(service.value), str(operation.value))
        case ast.Call(
            func=ast.Attribute(attr="find" | "candidates" | "tagged_with_env"), args=[ast.Constant(value=operation), *_]
        ):
            yield from _action("ec2", operation)
        case ast.Call(func=ast.Name(id="_Listed"), args=[_, ast.Constant(value=operation), *_]):
            yield from _action("ec2", operation)
        case ast.Call(func=ast.Attribute(attr=operation, value=ast.Attribute(attr=service))):
            yield from _action(service.strip("_"), operation)
        case ast.Call(func=ast.Attribute(attr=operation, value=ast.Name(id=service))):
            yield from _action(service, operation)


SERVICES = set(boto3.session.Session().get_available_services())


def _action(service, operation):
    if service in SERVICES and operation in _operation_names(service):
        yield f"{PREFIX.get(service, service)}:{_operation_names(service)[operation]}"


@cache
def _operation_names(service):
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): name for name in model.operation_names}


def test_what_is_called_is_declared_and_nothing_else():
    """But what AWS checks along with a call.  A new call needs its permission beside it."""
    ours, theirs = declared(), called()
    assert theirs - ours == {FREE}
    assert {action for action in ours - theirs if not ALONG.fullmatch(action)} == set()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("verbs", [["plan"], ["apply"], ["deploy"], ["destroy"], ["apply", "destroy"]], ids="+".join)
def test_parliament_finds_nothing(variant, verbs):
    """Known actions, on resources of their types, under conditions that they know; also when split."""
    document = policy(statements_for(parameters(variant), verbs))
    for one in (document, *split_policy(document)):
        assert policy_linter.findings(one) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_who_only_looks_reads_no_secret_signs_and_stores_nothing(variant):
    """The first role is safe to give to CI on a pull request.  Of the bucket it reads the applied parameters only."""
    statements = statements_for(parameters(variant), ["plan"])
    reads = {arn for statement in statements if "s3:GetObject" in statement.actions for arn in statement.on}
    assert reads == {"arn:aws:s3:::local-runbook-123456789012-us-west-2/applied.json"}
    actions = {action for statement in statements for action in statement.actions}
    assert {
        action for action in actions if not re.match(r"[\w-]+:(Describe|Get|List|BatchGet|Simulate)", action)
    } == set()
    assert actions & {"secretsmanager:GetSecretValue", "kms:Decrypt", "kms:GetPublicKey"} == set()
    places = {arn for s in statements for arn in s.on if any(map(re.compile("ssm:(?!Describe)").match, s.actions))}
    image = "arn:aws:ssm:us-west-2:*:parameter/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    pinned = variant == "image"
    assert places == {"arn:aws:ssm:us-west-2:123456789012:parameter/local/*"} | (set() if pinned else {image})


def test_logs_are_read_with_a_verb_of_its_own():
    """What an application logs may be personal: who plans or applies need not see it."""
    (statement,) = statements_for(parameters("local"), ["logs"])
    assert statement.actions == ("logs:DescribeLogStreams", "logs:FilterLogEvents")
    assert statement.on == ("arn:aws:logs:us-west-2:123456789012:log-group:/local/web/*",)
    others = statements_for(parameters("local"), [verb for verb in VERBS if verb != "logs"])
    assert "logs:FilterLogEvents" not in {action for one in others for action in one.actions}


def test_with_a_boundary_only_roles_that_have_it_may_be_given_anything():
    """So nobody can make himself more than the boundary allows; and nobody may take it away."""
    giving = {"iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"}
    document = policy(statements_for(parameters("boundary"), ["apply", "destroy"]))
    found = [one for one in document["Statement"] if giving & set(one["Action"])]
    assert {action for one in found for action in one["Action"]} == giving
    assert {one["Condition"]["ArnEquals"]["iam:PermissionsBoundary"] for one in found} == {BOUNDARY}


def test_each_document_fits_into_a_managed_policy():
    document = policy(statements_for(parameters("github"), ["apply", "destroy"]))
    documents = split_policy(document)
    assert policy_size(document) > MANAGED_POLICY_LIMIT
    assert max(policy_size(one) for one in documents) <= MANAGED_POLICY_LIMIT
    assert [s for one in documents for s in one["Statement"]] == document["Statement"]


def test_a_statement_that_is_too_large_alone_is_split_by_its_actions():
    statement = {
        "Sid": "Look",
        "Effect": "Allow",
        "Action": [f"ec2:Describe{n:03}" for n in range(90)],
        "Resource": "*",
    }
    documents = split_policy({"Version": "2012-10-17", "Statement": [statement]}, 600)
    assert max(policy_size(one) for one in documents) <= 600
    assert [a for one in documents for s in one["Statement"] for a in s["Action"]] == statement["Action"]
    assert len({s["Sid"] for one in documents for s in one["Statement"]}) == len(documents)


class TestTheCommand:
    def run(self, *words):
        return CliRunner().invoke(main, ["permissions", "--env", "dev", *words])

    @pytest.mark.parametrize("verb", VERBS)
    def test_it_prints_the_policy_of_a_verb(self, verb):
        result = self.run("--verb", verb)
        assert json.loads(result.stdout) == policy(statements_for(load(REPOSITORY / "params/dev.yaml"), [verb]))

    def test_it_says_what_does_not_fit_into_one_policy_and_writes_several(self, tmp_path):
        result = self.run()
        assert "a managed policy holds 6144. --into FOLDER writes it as 3 files." in result.stderr
        again = self.run("--into", str(tmp_path / "policies"))
        assert again.stdout == result.stdout
        files = sorted((tmp_path / "policies").iterdir())
        assert [file.name for file in files] == ["dev-change-1.json", "dev-change-2.json", "dev-change-3.json"]
        statements = [s for file in files for s in json.loads(file.read_text(encoding="utf-8"))["Statement"]]
        assert statements == json.loads(result.stdout)["Statement"]


# -------------------------------------------------------------------------------------------- the document


def shown():
    """The policies that the document shows, by the command that prints them."""
    found = re.findall(
        r"    runbook permissions ([^\n]*)\n\n```json\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL
    )
    return dict(found)


def as_text(document):
    """JSON with several actions on a line."""
    statements = []
    for one in document["Statement"]:
        lines = [f'"{name}": {_as_text(value)}' for name, value in one.items()]
        statements.append("    {\n      " + ",\n      ".join(lines) + "\n    }")
    return '{\n  "Version": "2012-10-17",\n  "Statement": [\n' + ",\n".join(statements) + "\n  ]\n}\n"


def _as_text(value):
    text = json.dumps(value)
    if len(text) < 90 or not isinstance(value, list):
        return text
    lines = textwrap.wrap(text[1:-1], 110, break_long_words=False, break_on_hyphens=False)
    return "[\n" + textwrap.indent("\n".join(lines), " " * 8) + "\n      ]"


def test_the_document_shows_what_the_command_prints():
    """Written anew with ``GOLDEN=write .venv/bin/pytest tests/test_permissions.py``."""
    blocks = shown()
    wanted = {}
    for words in blocks:
        result = CliRunner().invoke(main, ["permissions", *words.split()])
        wanted[words] = as_text(json.loads(result.stdout))
        assert json.loads(wanted[words]) == json.loads(result.stdout)
    if os.environ.get("GOLDEN") == "write":
        text = DOC.read_text(encoding="utf-8")
        for words, block in blocks.items():
            text = text.replace(f"{words}\n\n```json\n{block}", f"{words}\n\n```json\n{wanted[words]}")
        DOC.write_text(text, encoding="utf-8")
    assert list(blocks) == ["--env dev --verb plan", "--env dev", "--env dev --verb deploy"]
    assert shown() == wanted


def test_who_comes_from_github_is_trusted_as_the_library_does_it():
    """What a person copies for the first two roles is what `04_deploy` writes for the third."""
    provider = OpenIdConnectProvider(
        name="github", issuer="token.actions.githubusercontent.com", audience="sts.amazonaws.com"
    )
    role = FederatedRole(name="x", provider=provider, subjects=("repo:<owner>/<name>:environment:<env>-plan",))
    (ours,) = role.trust(Aws(env="x", region="us-west-2", account="<account>"))["Statement"]
    ours["Condition"]["StringEquals"][f"{provider.issuer}:sub"] = role.subjects[0]
    *_, copied = re.findall(r"```json\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert json.loads(copied)["Statement"] == [ours]
