"""Policies are evaluated as IAM does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import pytest

from embedded_aws.authorization.policy import Policies, Question

QUEUE = "arn:aws:sqs:us-west-2:123456789012:orders"
ALLOW_ALL = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def statement(effect="Allow", action="sqs:SendMessage", resource=QUEUE, **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def reason(*statements, action="sqs:SendMessage", resource=QUEUE, limits=None, **context):
    asked = Question(action, resource, {key.replace("__", ":"): value for key, value in context.items()})
    return Policies([{"Statement": list(statements)}], limits or {}).reason_to_refuse(asked)


def allowed(*statements, **asked):
    return reason(*statements, **asked) == ""


NO_POLICY = "because no identity-based policy allows the sqs:SendMessage action"
DENIED = "with an explicit deny in an identity-based policy"


@pytest.mark.parametrize("action", ["sqs:SendMessage", "SQS:sendmessage", "sqs:Send*", "sqs:*", "*", "sqs:SendMessag?"])
def test_an_action_may_have_wildcards_and_any_case(action):
    assert allowed(statement(action=[action]))
    assert reason(statement(action="sqs:ReceiveMessage")) == NO_POLICY
    assert reason() == NO_POLICY


@pytest.mark.parametrize("resource", ["*", QUEUE, "arn:aws:sqs:*:*:ord*", "arn:aws:sqs:us-west-2:123456789012:order?"])
def test_a_resource_may_have_wildcards(resource):
    assert allowed(statement(resource=["arn:aws:sqs:::x", resource]))
    assert not allowed(statement(resource=resource.upper().replace("*", "x")))


def test_brackets_are_no_wildcards():
    assert not allowed(statement(resource="arn:aws:sqs:us-west-2:123456789012:[n-p]rders"))


def test_deny_wins():
    assert reason(statement(), statement("Deny", "*", "*")) == DENIED
    assert allowed(statement(), statement("Deny", resource="arn:aws:sqs:us-west-2:123456789012:other"))


def test_a_denial_whose_condition_does_not_hold_denies_nothing():
    denial = statement("Deny", "*", "*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert allowed(statement(), denial, aws__securetransport="true")
    assert reason(statement(), denial, aws__securetransport="false") == DENIED


def test_not_action_and_not_resource():
    others = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert allowed(others)
    assert not allowed(others, action="iam:CreateRole")
    elsewhere = {"Effect": "Allow", "Action": "*", "NotResource": QUEUE}
    assert not allowed(elsewhere)
    assert allowed(elsewhere, resource=f"{QUEUE}-2")


def test_a_boundary_and_a_session_policy_limit_what_is_allowed():
    limits = {"permissions boundary": {"Statement": statement(action="s3:*", resource="*")}}
    assert reason(statement(), limits=limits) == "because no permissions boundary allows the sqs:SendMessage action"
    limits = {"session policy": {"Statement": statement("Deny")}}
    assert reason(statement(), limits=limits) == "with an explicit deny in a session policy"
    assert allowed(statement(), limits={"permissions boundary": ALLOW_ALL})


def test_an_unknown_resource_matches_any_that_is_allowed_and_no_single_one_that_is_denied():
    assert allowed(statement(), statement("Deny", resource=f"{QUEUE}-2"), resource=None)
    assert reason(statement(), statement("Deny", resource="*"), resource=None) == DENIED


CONDITIONS = [
    ({"StringEquals": {"aws:ResourceTag/env": ["prod", "test"]}}, True),
    ({"StringEquals": {"AWS:resourcetag/ENV": "test"}}, True),
    ({"StringEquals": {"aws:ResourceTag/env": "prod"}}, False),
    ({"StringEqualsIgnoreCase": {"aws:ResourceTag/env": "TEST"}}, True),
    ({"StringNotEquals": {"aws:ResourceTag/env": ["prod", "dev"]}}, True),
    ({"StringNotEquals": {"aws:ResourceTag/env": ["prod", "test"]}}, False),
    ({"StringLike": {"aws:ResourceTag/env": "t*"}}, True),
    ({"StringNotLike": {"aws:ResourceTag/env": "t*"}}, False),
    ({"StringEquals": {"aws:RequestTag/owner": "me"}}, False),
    ({"StringEqualsIfExists": {"aws:RequestTag/owner": "me"}}, True),
    ({"StringNotEquals": {"aws:RequestTag/owner": "me"}}, True),
    ({"Null": {"aws:RequestTag/owner": "true"}}, True),
    ({"Null": {"aws:ResourceTag/env": "true"}}, False),
    ({"Bool": {"aws:SecureTransport": True}}, True),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app/*"}}, True),
    ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/app/web"}}, True),
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws:*:role/app/web"}}, False),
    ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app/*"}}, False),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b", "c"]}}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, False),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "z"]}}, True),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["z"]}}, False),
    ({"ForAllValues:StringEquals": {"aws:None": ["z"]}}, True),
    ({"ForAnyValue:StringEquals": {"aws:None": ["z"]}}, False),
    ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, True),
    ({"NumericGreaterThan": {"s3:max-keys": "10"}}, False),
    ({"NumericEquals": {"aws:ResourceTag/env": "10"}}, False),
    ({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, True),
    ({"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, False),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
    ({"StringEquals": {"aws:ResourceTag/env": "test", "aws:RequestTag/owner": "me"}}, False),
    ({"StringEquals": {"aws:ResourceTag/env": "${aws:PrincipalTag/env}"}}, True),
    ({"StringEquals": {"aws:ResourceTag/env": "${aws:username}"}}, False),
    ({"StringEquals": {"aws:ResourceTag/env": "${aws:username, 'test'}"}}, True),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS, ids=[str(one) for one, _ in CONDITIONS])
def test_conditions(condition, holds):
    context = {
        "aws:resourcetag/env": "test", "aws:principaltag/env": "test", "aws:securetransport": "true",
        "aws:principalarn": "arn:aws:iam::123456789012:role/app/web", "aws:tagkeys": ["a", "b"],
        "s3:max-keys": "10", "aws:currenttime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    assert (
        allowed(statement(Condition=condition), **{key.replace(":", "__"): value for key, value in context.items()})
        is holds
    )


def test_where_a_call_comes_from_refuses_nothing():
    denial = statement("Deny", Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    assert allowed(statement(), denial)


def test_a_resource_may_have_variables():
    home = "arn:aws:s3:::bucket/${aws:userid}/${*}"
    assert allowed(statement(resource=home), resource="arn:aws:s3:::bucket/AROA:i-1/*", aws__userid="AROA:i-1")
    assert not allowed(statement(resource=home), resource="arn:aws:s3:::bucket/AROA:i-1/x", aws__userid="AROA:i-1")
    assert not allowed(statement(resource=home), resource="arn:aws:s3:::bucket/AROA:i-1/*")
