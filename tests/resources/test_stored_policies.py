"""A policy that AWS gives back rewritten is no drift; one with another meaning is.

IAM unwraps lists of one and reorders others, and S3's order differs by account:
https://github.com/aws-controllers-k8s/community/issues/2875, https://github.com/hashicorp/terraform/issues/2432
"""

import json

import pytest

from runbook_lib.engine.plan import Action
from runbook_lib.resources.bucket import Bucket
from runbook_lib.stacks.stack import Stack, in_order
from tests.resources.cases_deploy import CASES

ROLE = CASES["federated role"][0]
BUCKET = Bucket(name="runbook", kept=False)


def rewritten(value):
    """As AWS gives a document back: lists of one as the value itself, other lists the other way round."""
    if isinstance(value, dict):
        return {key: rewritten(inner) for key, inner in value.items()}
    if isinstance(value, list):
        values = [rewritten(inner) for inner in reversed(value)]
        return values[0] if len(values) == 1 else values
    return value


@pytest.fixture
def role(engine, aws):
    """The role of the workflow is there; returns its trust policy, and how to store another one."""
    engine.apply(Stack("role", all=in_order([ROLE])))
    iam = aws.client("iam")
    name = engine.aws.name(ROLE)

    def store(document):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))

    return iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"], store


@pytest.fixture
def bucket(engine, aws):
    """The bucket is there; returns its policy, and how to store another one."""
    engine.apply(Stack("bucket", all=[BUCKET]))
    s3 = aws.client("s3")
    name = BUCKET.aws_name(engine.aws)

    def store(document):
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))

    return json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]), store


def actions(engine, resource):
    return {change.action for change in engine.plan(Stack("s", it=resource), refresh=True).changes}


def test_a_rewritten_trust_policy_is_no_drift(engine, role):
    """Today's subjects are a list of one, which comes back as text."""
    document, store = role
    assert rewritten(document) != document
    store(rewritten(document))
    assert actions(engine, ROLE) == {Action.KEEP}


def test_another_subject_is_drift(engine, role):
    """Somebody lets another repository assume the role."""
    document, store = role
    (statement,) = document["Statement"]
    subject = next(key for key in statement["Condition"]["StringEquals"] if key.endswith(":sub"))
    statement["Condition"]["StringEquals"][subject] = ["repo:else/where:ref:refs/heads/main"]
    store(document)
    assert actions(engine, ROLE) == {Action.UPDATE}


def test_a_rewritten_bucket_policy_is_no_drift(engine, bucket):
    """Statements and resources in another order."""
    document, store = bucket
    assert rewritten(document) != document
    store(rewritten(document))
    assert actions(engine, BUCKET) == {Action.KEEP}


def test_a_statement_less_is_drift(engine, bucket):
    """Somebody takes out that TLS is required."""
    document, store = bucket
    store({**document, "Statement": document["Statement"][1:]})
    assert actions(engine, BUCKET) == {Action.UPDATE}
