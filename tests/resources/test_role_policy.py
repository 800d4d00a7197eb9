"""What an inline policy allows, as it is written and as it is read."""

import json
from types import SimpleNamespace

import pytest

from runbook_lib.resources.base import Observed, Unknown
from runbook_lib.resources.role_policy import RolePolicy
from tests.resources.cases_network import logs, role

ARN = "arn:aws:logs:us-west-2:123456789012:log-group:/x"
IDS = {role: "role-1", logs: ARN}
WHEN = (
    ("StringEquals", "aws:SourceAccount", "123456789012"),
    ("StringEquals", "aws:SourceRegion", "us-west-2"),
    ("ArnLike", "aws:SourceArn", ARN),
)
CONDITION = {
    "StringEquals": {"aws:SourceAccount": "123456789012", "aws:SourceRegion": "us-west-2"},
    "ArnLike": {"aws:SourceArn": ARN},
}


def policy(**changes):
    given = {"actions": ("logs:PutLogEvents", "logs:CreateLogStream"), "on": (("{}:*", logs), "arn:aws:a")}
    return RolePolicy(name="flow-logs", role=role, **given | changes)


def statement(**changes):
    given = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"]}
    return given | {"Resource": ["arn:aws:a", f"{ARN}:*"]} | changes


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements or [statement()])}


ALLOWS = {
    "effect": "Allow", "actions": {"logs:CreateLogStream", "logs:PutLogEvents"}, "on": {"arn:aws:a", f"{ARN}:*"}
}  # fmt: skip


class Account(SimpleNamespace):
    """Notes what is sent to IAM; answers with the stored document, or with nothing."""

    def __init__(self, stored=None):
        super().__init__(sent=[], stored=stored, iam=self)

    def name(self, resource):
        return f"test-{resource.name}"

    def __getattr__(self, operation):
        return lambda **request: self.sent.append((operation, request))


class Look:
    """What is asked about one policy only, not in a survey."""

    is_survey = False

    def __init__(self, stored=None):
        self.aws, self.stored = Account(), stored

    def get(self, service, operation, missing=(), **request):
        assert (service, operation) == ("iam", "get_role_policy")
        assert (request["RoleName"], request["PolicyName"]) == ("test-flow-logs", "test-flow-logs")
        return None if self.stored is None else {"PolicyDocument": self.stored}


@pytest.mark.parametrize("act", ["create", "update"])
@pytest.mark.parametrize(("when", "more"), [((), {}), (WHEN, {"Condition": CONDITION})])
def test_a_policy_is_written_as_one_statement_in_one_order(act, when, more):
    aws, wanted = Account(), policy(when=when)
    wanted.create(aws, IDS) if act == "create" else wanted.update(aws, IDS, Observed("x", {}), frozenset({"allows"}))
    ((operation, request),) = aws.sent
    assert (operation, request["RoleName"], request["PolicyName"]) == (
        "put_role_policy", "test-flow-logs", "test-flow-logs"
    )  # fmt: skip
    assert json.loads(request["PolicyDocument"]) == document(statement(**more))


def test_a_policy_is_deleted_from_its_role():
    aws = Account()
    policy().delete(aws, IDS, Observed("x", {}))
    assert aws.sent == [("delete_role_policy", {"RoleName": "test-flow-logs", "PolicyName": "test-flow-logs"})]


def test_what_is_wanted_is_readable_and_names_what_is_not_there_yet():
    assert policy().desired(IDS) == {"role": "role-1", "allows": ALLOWS}
    assert policy(when=WHEN).desired(IDS)["allows"] == ALLOWS | {"when": CONDITION}
    assert policy().desired({}) == {
        "role": Unknown(role.key), "allows": ALLOWS | {"on": {"arn:aws:a", f"{logs.key}:*"}}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "allows"),
    [
        (document(), ALLOWS),
        (document(statement(Condition=CONDITION)), ALLOWS | {"when": CONDITION}),
        (document(statement(Action="logs:*", Resource="*")), {"effect": "Allow", "actions": {"logs:*"}, "on": {"*"}}),
        (document(statement(Effect="Deny")), ALLOWS | {"effect": "Deny"}),
        (
            document(statement(Condition={"StringLike": {"a": ["x", "y"], "b": ["z"]}})),
            ALLOWS | {"when": {"StringLike": {"a": ["x", "y"], "b": "z"}}},
        ),
    ],
)
def test_a_policy_is_read_in_the_same_form(stored, allows):
    assert policy().observe(Look(stored), IDS) == Observed(
        "role-1 test-flow-logs", {"role": "role-1", "allows": allows}
    )


@pytest.mark.parametrize(
    "stored",
    [
        document(statement(), statement(Effect="Deny")),
        document(statement(Sid="x")),
        document(statement(NotAction=["a"])),
        document({"Effect": "Allow", "NotAction": ["a"], "Resource": ["*"]}),
        document({"Effect": "Allow", "Action": ["a"]}),
    ],
)
def test_a_policy_of_another_form_is_shown_as_it_is(stored):
    assert policy().observe(Look(stored), IDS).state["allows"] == json.dumps(stored, sort_keys=True)


def test_without_its_role_or_in_it_a_policy_is_not_there():
    assert policy().observe(Look(document()), {logs: ARN}) is None
    assert policy().observe(Look(), IDS) is None


def test_whoever_writes_it_may_also_give_the_role_what_it_allows():
    assert policy().required_permissions() == (*RolePolicy.needs, role.to_give("iam:PutRolePolicy"))
    assert policy().is_eventual("NoSuchEntity", "The role cannot be found.")
    assert (policy().immutable, policy().owner_field) == ({"role"}, "role")
