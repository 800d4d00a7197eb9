"""The controls of IAM, KMS, Secrets Manager and CloudWatch, evaluated on what these would describe.

https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/secretsmanager-controls.html
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
"""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from runbook_lib.resources.federated_role import FederatedRole
from runbook_lib.resources.log_group import LogGroup
from runbook_lib.resources.role import Role
from runbook_lib.resources.secret import RandomSecret
from runbook_lib.resources.ssh_key import SshKey
from runbook_lib.stacks.checks.controls import secrets_and_logs
from tests.stacks.checks.described import NUMBER, call, evaluate, wanted

ROLES = [wanted(Role, "a"), wanted(Role, "b"), wanted(FederatedRole, "c")]
OF_AWS = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
GONE = "NoSuchEntity"


def document(*statements):
    """As IAM answers it: a policy document in the encoding of URLs."""
    return quote(json.dumps({"Statement": [*statements]}))


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def inline(role, **documents):
    answers = {call("iam", "list_role_policies", RoleName=f"prod-{role}"): {"PolicyNames": [*documents]}}
    for name, each in documents.items():
        answer = each if each == GONE else {"PolicyDocument": each}
        answers[call("iam", "get_role_policy", RoleName=f"prod-{role}", PolicyName=name)] = answer
    return answers


def arn(name):
    return f"arn:aws:iam::{NUMBER}:policy/{name}"


def attached(role, *arns, **documents):
    """Policies of AWS, and customer managed ones, whose default version is v2."""
    own = [{"PolicyArn": each} for each in (*arns, *map(arn, documents))]
    answers = {call("iam", "list_attached_role_policies", RoleName=f"prod-{role}"): {"AttachedPolicies": own}}
    for name, each in documents.items():
        policy = GONE if each is None else {"Policy": {"DefaultVersionId": "v2"}}
        version = GONE if each == GONE else {"PolicyVersion": {"Document": each}}
        answers[call("iam", "get_policy", PolicyArn=arn(name))] = policy
        answers[call("iam", "get_policy_version", PolicyArn=arn(name), VersionId="v2")] = version
    return answers


@pytest.mark.parametrize(
    ("control", "statement", "why"),
    [
        ("IAM.1", allow("*"), "allows * on *"), ("IAM.1", allow(["a:Get", "*"], ["x", "*"]), "allows * on *"),
        ("IAM.1", allow("*", "x"), ""), ("IAM.1", allow("s3:*"), ""), ("IAM.1", {"Effect": "Allow"}, ""),
        ("IAM.21", allow("s3:*", "x"), "allows s3:*"), ("IAM.21", allow("*", "x"), "allows *"),
        ("IAM.21", allow(["s3:Get*", "s3:*", "a:b", "*", "ec2:*"]), "allows s3:*, *, ec2:*"),
        ("IAM.21", allow(["s3:Get*", "s3:GetObject", "*:x"]), ""), ("IAM.21", {"Effect": "Allow"}, ""),
    ],
)  # fmt: skip
def test_what_no_policy_of_a_role_allows(control, statement, why):
    """Inline or customer managed; each statement is told, with the policy's name and the role's key."""
    fine, denied = allow("s3:GetObject", "x"), statement | {"Effect": "Deny"}
    answers = inline("a", p=document(fine, statement, denied, statement), q={"Statement": fine}, r=GONE)
    answers |= inline("b") | inline("c", p={"Statement": statement})
    answers |= attached("a", OF_AWS, own=document(statement), gone=GONE) | attached("b", OF_AWS)
    answers |= attached("c", fine=document(), none=None)
    names = ["prod-a/p", "prod-a/q", "prod-c/p", arn("own"), arn("fine")]
    offences = [
        (name, why, key)
        for name, key in (("prod-a/p", "own.a"), ("prod-a/p", "own.a"), ("prod-c/p", "own.c"), (arn("own"), "own.a"))
    ]
    assert evaluate(control, answers, *ROLES) == (names, offences if why else [])


ALL_KEYS = "arn:aws:kms:eu-central-1:111111111111:key/*"
ONE_KEY = "arn:aws:kms:eu-central-1:111111111111:key/1"
BOTH = "allows kms:Decrypt, kms:ReEncryptFrom with every key"
DECRYPT, FROM = (f"allows kms:{each} with every key" for each in ("Decrypt", "ReEncryptFrom"))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (allow("kms:Decrypt"), DECRYPT), (allow("kms:ReEncryptFrom"), FROM), (allow("KMS:decrypt"), DECRYPT),
        (allow("kms:*"), BOTH), (allow("*"), BOTH), (allow("kms:ReEncrypt*"), FROM), (allow("kms:De*"), DECRYPT),
        (allow(["s3:Get", "kms:Decrypt"]), DECRYPT), (allow(["kms:ReEncryptFrom", "kms:Decrypt"]), BOTH),
        (allow(["kms:Encrypt", "kms:ReEncryptTo", "s3:*"]), ""), ({"Effect": "Allow"}, ""), (allow(None), ""),
        *((allow("kms:Decrypt", each), DECRYPT)
          for each in (ALL_KEYS, [ONE_KEY, ALL_KEYS], [ONE_KEY, "*"], "arn:aws:kms:*", "arn:*:kms:*",
                       "arn:aws:kms:*:111111111111:*", "arn:aws:kms:*:*:key/*")),
        *((allow("kms:Decrypt", each), "")
          for each in (ONE_KEY, "arn:aws:kms:*:*:alias/*", "arn:aws:s3:::*", "arn:aws:s3:::x:key/*", None, "x")),
        (allow("kms:Decrypt", Effect="Deny"), ""), ({"Action": "kms:Decrypt", "Resource": "*"}, ""),
    ],
)  # fmt: skip
def test_no_role_decrypts_with_every_key(statement, why):
    own = document(statement)
    answers = inline("a", p=own) | inline("b") | inline("c") | attached("a", x=own) | attached("b") | attached("c")
    for control, name in (("KMS.1", arn("x")), ("KMS.2", "prod-a/p")):
        assert evaluate(control, answers, *ROLES) == ([name], [(name, why, "own.a")] if why else [])


@pytest.mark.parametrize("control", ["IAM.1", "IAM.21", "KMS.1", "KMS.2"])
def test_without_a_policy(control):
    """Of roles that do not exist, nothing is asked."""
    absent = "the environment has no role with a policy"
    if control == "KMS.1":
        absent = "no role of the environment has a customer managed policy"
    assert evaluate(control) == evaluate(control, {}, *ROLES, absent=["own.a", "own.b", "own.c"]) == absent
    answers = {**inline("c"), **attached("c", OF_AWS, OF_AWS)}
    assert evaluate(control, answers, *ROLES, absent=["own.a", "own.b"]) == absent


def test_a_policy_of_aws_hides_none_after_it():
    answers = attached("a", OF_AWS, x=document(allow("kms:Decrypt")), y=document()) | attached("b") | attached("c")
    assert evaluate("KMS.1", answers, *ROLES)[0] == [arn("x"), arn("y")]


NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECOND, DAYS = timedelta(seconds=1), timedelta(days=90)
NOT_FOUND = "ResourceNotFoundException"
SECRETS = [wanted(RandomSecret, "a"), wanted(RandomSecret, "b"), wanted(SshKey, "key")]
MASTER = {"MasterUserSecret": {"SecretArn": "arn:master"}}


@pytest.fixture
def _noon(monkeypatch):
    monkeypatch.setattr(secrets_and_logs, "datetime", SimpleNamespace(now=lambda zone: NOW if zone else None))


def secrets(*described):
    """What Secrets Manager tells of the four; an error for those of which nothing is said."""
    answers = {}
    for at, name in enumerate(("prod/a", "prod/b", "prod/key", "arn:master")):
        own = described[at] if at < len(described) else None
        tags = [{"Key": "runbook:key", "Value": f"own.{at}"}] if at else []
        answer = NOT_FOUND if own is None else {"Name": f"secret-{at}", "Tags": tags, **own}
        answers[call("secretsmanager", "describe_secret", SecretId=name)] = answer
    return answers


ROTATED, OLD = {"RotationEnabled": True}, NOW - DAYS - SECOND
NEVER, LATE = "was never rotated", "should have been rotated at"


@pytest.mark.usefixtures("_noon")
@pytest.mark.parametrize(
    ("control", "described", "why"),
    [
        ("SecretsManager.1", ROTATED, ""), ("SecretsManager.1", {}, "is not rotated automatically"),
        ("SecretsManager.1", {"RotationEnabled": False}, "is not rotated automatically"),
        ("SecretsManager.2", ROTATED, ""), ("SecretsManager.2", ROTATED | {"NextRotationDate": NOW}, ""),
        ("SecretsManager.2", ROTATED | {"NextRotationDate": NOW - SECOND}, f"{LATE} 2026-11-28"),
        ("SecretsManager.2", ROTATED | {"NextRotationDate": NOW + SECOND}, ""),
        ("SecretsManager.3", {}, ""), ("SecretsManager.3", {"CreatedDate": NOW - DAYS}, ""),
        ("SecretsManager.3", {"CreatedDate": OLD}, "was last used at 2026-08-30"),
        ("SecretsManager.3", {"CreatedDate": OLD, "LastAccessedDate": NOW}, ""),
        ("SecretsManager.3", {"CreatedDate": NOW, "LastAccessedDate": OLD}, "was last used at 2026-08-30"),
        ("SecretsManager.4", {}, NEVER), ("SecretsManager.4", ROTATED, NEVER),
        ("SecretsManager.4", {"OwningService": "rds"}, NEVER),
        ("SecretsManager.4", ROTATED | {"OwningService": "rds"}, ""),
        ("SecretsManager.4", {"LastRotatedDate": OLD}, "was last rotated at 2026-08-30"),
        ("SecretsManager.4", {"LastRotatedDate": NOW - DAYS}, ""), ("SecretsManager.4", {"LastRotatedDate": NOW}, ""),
    ],
)  # fmt: skip
def test_what_a_control_finds_at_a_secret(control, described, why):
    """Those of the stacks, and that of the database; one that is being deleted is none."""
    gone = described | {"DeletedDate": NOW}
    found = evaluate(control, secrets(described, None, described, described), *SECRETS, database=MASTER)
    names = ["secret-0", "secret-2", "secret-3"]
    assert found == (names, [(f"secret-{n}", why, f"own.{n}" if n else "") for n in (0, 2, 3)] if why else [])
    for database in (None, {}, {"MasterUserSecret": {}}, {"MasterUserSecret": None}):
        found = evaluate(control, secrets(gone, described), *SECRETS, database=database)
        assert found == (["secret-1"], [("secret-1", why, "own.1")] if why else [])
    none = "no secret is rotated automatically" if control == "SecretsManager.2" else "the environment has no secret"
    assert evaluate(control, secrets(gone), *SECRETS) == evaluate(control) == none


def test_a_secret_that_is_not_rotated_is_never_late():
    due = {"NextRotationDate": NOW - DAYS}
    assert evaluate("SecretsManager.2", secrets(due), *SECRETS) == "no secret is rotated automatically"
    assert evaluate("SecretsManager.2", secrets(due, ROTATED), *SECRETS) == (["secret-1"], [])


def test_how_long_log_groups_keep_events():
    """Only the environment's; without a period they keep events for ever."""
    days = {"flow": 364, "web": 365, "db": 366, "old": None, "new": 1}
    groups = [wanted(LogGroup, name, path=f"/runbook/prod/{name}") for name in (*days, "gone")]
    listed = [
        {"logGroupName": f"/runbook/prod/{name}", **({"retentionInDays": n} if n else {})} for name, n in days.items()
    ]
    neighbours = [
        {"logGroupName": f"/runbook/prod/{name}", "retentionInDays": 7} for name in ("flow-2", "we", "own/web")
    ]
    asked = call("logs", "describe_log_groups", logGroupNamePrefix="/runbook/prod/")
    answers = {asked: {"logGroups": [*neighbours, *listed]}}
    offences = [
        (f"/runbook/prod/{name}", f"keeps events for {days[name]} days", f"own.{name}") for name in ("flow", "new")
    ]
    assert evaluate("CloudWatch.16", answers, *groups) == ([f"/runbook/prod/{name}" for name in days], offences)
    none = "the environment has no log group"
    assert evaluate("CloudWatch.16") == evaluate("CloudWatch.16", {asked: {"logGroups": neighbours}}, *groups) == none


@pytest.mark.parametrize(
    ("control", "fine", "wrong", "why"),
    [
        ("CloudWatch.15", {"AlarmActions": ["arn:topic"]}, {"AlarmActions": []}, "does nothing"),
        ("CloudWatch.17", {"ActionsEnabled": True}, {"ActionsEnabled": False}, "has its actions switched off"),
    ],
)
def test_alarms_do_something(control, fine, wrong, why):
    asked = call("cloudwatch", "describe_alarms", AlarmNamePrefix="prod-")
    alarms = [fine, wrong, {}, fine]
    own = [
        {"AlarmName": f"prod-{n}", "Tags": [{"Key": "runbook:key", "Value": f"a.{n}"}]} | a
        for n, a in enumerate(alarms)
    ]
    offences = [("prod-1", why, "a.1"), ("prod-2", why, "a.2")]
    assert evaluate(control, {asked: {"MetricAlarms": own}}) == ([f"prod-{n}" for n in range(4)], offences)
    assert evaluate(control, {asked: {"MetricAlarms": []}}) == "the environment has no alarm"
