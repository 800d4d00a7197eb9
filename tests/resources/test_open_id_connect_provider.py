"""A provider that the account had before is used as it is, and never ours to change or remove."""

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.errors import NotOwned
from runbook_lib.stacks.stack import Stack
from tests.resources.cases_deploy import provider, workflow

STACK = Stack("s", provider=provider, role=workflow)


@pytest.fixture
def theirs(aws):
    def make(*audiences):
        iam = aws.client("iam")
        made = iam.create_open_id_connect_provider(Url=f"https://{provider.issuer}", ClientIDList=list(audiences))
        return iam, made["OpenIDConnectProviderArn"]

    return make


def test_it_is_used_and_left(engine, calls, theirs):
    iam, arn = theirs("sts.amazonaws.com", "theirs")
    engine.apply(STACK)
    assert engine.plan(STACK, refresh=True).todo == ()
    assert [c.key for c in engine.destroy(STACK).todo] == ["federated_role.github-deploy"]
    (left,) = [c for c in engine.plan(STACK, present=False, refresh=True).changes if c.resource == provider]
    reason = f"left on purpose: the account had it before, for others too; its id is {arn}"
    assert (left.action, left.reason) == (Action.KEEP, reason)
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["sts.amazonaws.com", "theirs"]
    assert not any("OpenIDConnectProvider" in c.operation for c in calls if c.write)


def test_one_that_would_not_do_is_told_with_what_to_do(engine, theirs):
    """Nobody's provider is changed behind their back."""
    theirs("theirs")
    with pytest.raises(NotOwned, match=r"lacks the audience sts\.amazonaws\.com[\s\S]*Ask its owner"):
        engine.plan(STACK)


def test_the_role_trusts_exactly_its_subjects(engine, aws):
    """The token has to be meant for AWS and to come from a named place: no wildcard that a fork could match."""
    engine.apply(STACK)
    role = aws.client("iam").get_role(RoleName="test-github-deploy")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:example/web:environment:test",
            }
        },
    }
