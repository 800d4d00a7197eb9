"""AWS rewrites a policy document when it stores it; only a change of its meaning is drift."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runbook_lib.aws.policy_document import is_same, normalize

ACCOUNTS = st.sampled_from(["123456789012", "210987654321", "000000000001"])
ACTIONS = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:*", "ec2:RunInstances", "sts:AssumeRole"])
ARNS = st.sampled_from(["arn:aws:s3:::a", "arn:aws:s3:::a/*", "arn:aws:s3:::b", "*"])
SUBJECTS = st.sampled_from(["repo:o/n:environment:dev", "repo:o/n:environment:prod", "true", "10.0.0.0/8"])


def some(values):
    """One value, or a list of one to three different ones."""
    return values | st.lists(values, min_size=1, max_size=3, unique=True)


PRINCIPALS = st.just("*") | st.fixed_dictionaries(
    {},
    optional={
        "AWS": some(ACCOUNTS),
        "Service": some(st.sampled_from(["ec2.amazonaws.com", "codedeploy.amazonaws.com"])),
        "Federated": st.just("arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"),
    },
)
CONDITIONS = st.dictionaries(
    st.sampled_from(["StringEquals", "StringLike", "Bool"]),
    st.dictionaries(st.sampled_from(["aws:SourceAccount", "sub", "aud"]), some(SUBJECTS), min_size=1, max_size=2),
    min_size=1,
    max_size=2,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Sid": st.sampled_from(["One", "Two"]),
        "Action": some(ACTIONS),
        "NotAction": some(ACTIONS),
        "Resource": some(ARNS),
        "NotResource": some(ARNS),
        "Principal": PRINCIPALS,
        "NotPrincipal": PRINCIPALS,
        "Condition": CONDITIONS,
    },
)
POLICIES = st.fixed_dictionaries(
    {"Version": st.sampled_from(["2012-10-17", "2008-10-17"])}
    | {"Statement": STATEMENTS | st.lists(STATEMENTS, min_size=1, max_size=3)}
)


def rewritten(draw, value, *, account=False):
    """The value as AWS may give it back: lists shuffled, lists of one unwrapped or wrapped, accounts as ARNs."""
    if isinstance(value, dict):
        kept = ("Version", "Effect", "Sid")
        items = [
            (k, v if k in kept else rewritten(draw, v, account=k == "AWS" or (account and k in ("Principal",))))
            for k, v in value.items()
        ]
        return dict(draw(st.permutations(items)))
    values = [
        rewritten(draw, each, account=account) if isinstance(each, dict) else _principal(draw, each, account)
        for each in (value if isinstance(value, list) else [value])
    ]
    values = draw(st.permutations(values))
    return values[0] if len(values) == 1 and draw(st.booleans()) else values


def _principal(draw, value, account):
    return f"arn:aws:iam::{value}:root" if account and draw(st.booleans()) else value


@given(POLICIES, st.data())
def test_what_aws_rewrites_is_the_same(policy, data):
    """In any order, with lists of one as values, with accounts as numbers or as ARNs."""

    def rewrite(document):
        statements = document["Statement"]
        statements = [
            {
                name: value if value == "*" and name.endswith("Principal") else rewritten(data.draw, value)
                for name, value in (each.items())
                if name not in ("Effect", "Sid")
            }
            | {name: each[name] for name in ("Effect", "Sid") if name in each}
            for each in (statements if isinstance(statements, list) else [statements])
        ]
        statements = data.draw(st.permutations(statements))
        return {"Statement": statements[0] if len(statements) == 1 else statements, "Version": document["Version"]}

    stored = rewrite(policy)
    assert is_same(policy, stored)
    assert is_same(json.dumps(policy), stored)
    assert normalize(normalize(policy)) == normalize(policy)


def meaning(policy):
    """Every sentence of a policy as a set: written independently of the code under test."""

    def values(value):
        return frozenset(value) if isinstance(value, list) else frozenset([value])

    def whole(statement):
        yield from ((n, statement[n]) for n in ("Effect", "Sid") if n in statement)
        for name in ("Action", "NotAction", "Resource", "NotResource"):
            if name in statement:
                yield name, values(statement[name])
        for name in ("Principal", "NotPrincipal"):
            if name in statement:
                who = statement[name]
                yield name, who if who == "*" else frozenset((k, values(v)) for k, v in who.items())
        if "Condition" in statement:
            tests = statement["Condition"].items()
            yield "Condition", frozenset((o, k, values(v)) for o, keys in tests for k, v in keys.items())

    statements = policy["Statement"]
    return policy["Version"], frozenset(
        frozenset(whole(each)) for each in (statements if isinstance(statements, list) else [statements])
    )


@given(POLICIES, POLICIES)
def test_nothing_else_is_the_same(one, other):
    """Two policies with another meaning never compare equal."""
    assume(meaning(one) != meaning(other))
    assert not is_same(one, other)


@given(POLICIES, st.data())
def test_a_small_change_is_drift(policy, data):
    """One more action, one resource less, another effect or version."""
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    place = data.draw(st.integers(0, len(statements) - 1))
    change = data.draw(st.sampled_from([{"Effect": "Other"}, {"Action": "iam:*"}, {"Sid": "Three"}, {"Resource": []}]))
    changed = [each | change if at == place else each for at, each in enumerate(statements)]
    assume(meaning({**policy, "Statement": changed}) != meaning(policy))
    assert not is_same(policy, {**policy, "Statement": changed})


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_an_account_is_its_root_user(partition):
    """In every partition; a role of that account is somebody else."""
    number = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "123456789012"}}}
    root = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": [f"arn:{partition}:iam::123456789012:root"]}}]}
    role = {"Statement": {"Effect": "Allow", "Principal": {"AWS": f"arn:{partition}:iam::123456789012:role/x"}}}
    assert is_same(number, root)
    assert not is_same(number, role)


@pytest.mark.parametrize("nothing", ["", "{}", {}])
def test_a_policy_that_is_not_there_has_no_statement(nothing):
    """AWS leaves the text empty."""
    assert normalize(nothing) == {"Statement": []}
    assert is_same(nothing, {"Statement": []})


def test_the_form_in_which_policies_are_compared():
    """Written out, since two forms that are wrong alike would also be equal."""
    number, root = "210987654321", "arn:aws:iam::123456789012:root"
    document = {
        "Version": "2012-10-17",
        "Id": "kept",
        "Statement": [
            {
                "Sid": "Two", "Effect": "Allow", "Action": ["s3:b", "s3:a", "s3:b"], "Resource": "*",
                "Principal": {"AWS": [number, root], "Service": "ec2.amazonaws.com"},
                "Condition": {"Bool": {"x": True}, "StringEquals": {"sub": ["b", "a"], "aud": "c"}},
            },
            {"Sid": "One", "Effect": "Deny", "NotAction": "s3:a", "NotResource": ("b", "a"), "NotPrincipal": "*"},
            {"Sid": "One", "NotAction": ["s3:a"], "NotResource": ["a", "b"], "NotPrincipal": "*", "Effect": "Deny"},
            {"Sid": "Three", "Effect": "Allow", "NotPrincipal": {"AWS": root}, "Principal": None, "Condition": None},
        ],
    }  # fmt: skip
    assert normalize(document) == {
        "Version": "2012-10-17",
        "Id": "kept",
        "Statement": [
            {
                "Sid": "Two", "Effect": "Allow", "Action": ["s3:a", "s3:b"], "Resource": ["*"],
                "Principal": {"AWS": ["123456789012", number], "Service": ["ec2.amazonaws.com"]},
                "Condition": {"Bool": {"x": [True]}, "StringEquals": {"sub": ["a", "b"], "aud": ["c"]}},
            },
            {"Sid": "Three", "Effect": "Allow", "NotPrincipal": {"AWS": ["123456789012"]}, "Principal": None,
             "Condition": None},
            {"Sid": "One", "Effect": "Deny", "NotAction": ["s3:a"], "NotResource": ["a", "b"], "NotPrincipal": "*"},
        ],
    }  # fmt: skip
    assert normalize(json.dumps(document)) == normalize(document)
    assert document["Statement"][0]["Action"] == ["s3:b", "s3:a", "s3:b"]


@pytest.mark.parametrize("values", [["b", "a"], ("b", "a"), {"b", "a"}, frozenset("ab"), ["a", "b", "a"]])
def test_a_set_of_values_is_written_in_any_form(values):
    assert normalize({"Statement": {"Action": values}}) == {"Statement": [{"Action": ["a", "b"]}]}


def test_values_of_several_types_have_an_order():
    condition = {"Bool": {"x": [True, 1, "a", "1"]}}
    (statement,) = normalize({"Statement": {"Condition": condition}})["Statement"]
    assert statement == {"Condition": {"Bool": {"x": ["1", "a", 1, True]}}}


@pytest.mark.parametrize(
    "who",
    [
        "arn:aws:iam::12345678901:root",
        "arn:aws:iam::1234567890123:root",
        "x-arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:root/x",
        "arn:aws:sts::123456789012:root",
        "arn:AWS:iam::123456789012:root",
        123456789012,
    ],
)
def test_who_is_no_root_user_stays_as_it_is(who):
    assert normalize({"Statement": {"Principal": {"AWS": who}}})["Statement"] == [{"Principal": {"AWS": [who]}}]


def test_the_order_within_a_value_and_of_statements_is_no_matter():
    one, other = {"Effect": "Allow", "Action": "a"}, {"Effect": "Deny", "Action": "b"}
    assert is_same({"Statement": [one, other]}, {"Statement": [dict(reversed(other.items())), one, one]})
    assert not is_same({"Statement": [one, other]}, {"Statement": [one]})
