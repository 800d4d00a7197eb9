"""The controls of S3, evaluated on what it would describe.

https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html
"""

import json

import pytest

from runbook_lib.resources.bucket import Bucket
from tests.stacks.checks.described import NUMBER, call, evaluate, wanted

NAME = "prod-x"
BLOCKS = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
ALL_BLOCKED = {"PublicAccessBlockConfiguration": dict.fromkeys(BLOCKS, True)}
OWNER = {"ID": "owner"}
EVERYBODY, ANY_USER = (
    f"http://acs.amazonaws.com/groups/global/{group}" for group in ("AllUsers", "AuthenticatedUsers")
)
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
GONE = {
    "block": ("get_public_access_block", "NoSuchPublicAccessBlockConfiguration"),
    "policy": ("get_bucket_policy", "NoSuchBucketPolicy"),
    "acl": ("get_bucket_acl", "NoSuchBucket"),
    "logging": ("get_bucket_logging", "NoSuchBucket"),
    "versioning": ("get_bucket_versioning", "NoSuchBucket"),
    "lifecycle": ("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration"),
}
"""Each call about a bucket, with the error where there is no such thing."""
CONTROLS = ["S3.2", "S3.3", "S3.5", "S3.6", "S3.8", "S3.9", "S3.12", "S3.13", "S3.20"]


def look(control, **described):
    """The offences of the bucket, which S3 describes so; by default, it has nothing."""
    calls = {call("s3", own, Bucket=NAME): described.get(each, gone) for each, (own, gone) in GONE.items()}
    looked_at, offences = evaluate(control, calls, wanted(Bucket))
    assert looked_at == [NAME]
    assert {(id_, key) for id_, _, key in offences} <= {(NAME, "own.x")}
    return [why for _, why, _ in offences]


def policy(*statements):
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [*statements]})}


def allow(action, principal="*", **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": f"arn:aws:s3:::{NAME}/*", **more}


def nearly(*actions, principal="*"):
    """A statement that allows all but some actions."""
    statement = allow(None, principal) | {"NotAction": actions[0] if len(actions) == 1 else [*actions]}
    return {name: value for name, value in statement.items() if name != "Action"}


def acl(*grants):
    """Grants to an id or to a group's URI."""
    of = [{"Grantee": {"URI" if who.startswith("http") else "ID": who}, "Permission": what} for who, what in grants]
    return {"Owner": OWNER, "Grants": of}


def unblocked(*names):
    return {"PublicAccessBlockConfiguration": {each: each not in names for each in BLOCKS}}


@pytest.mark.parametrize("control", CONTROLS)
def test_without_a_bucket_no_control_of_one_applies(control):
    none = "the environment has no bucket"
    assert evaluate(control) == none
    assert evaluate(control, {}, wanted(Bucket), absent=["own.x"]) == none


def test_the_whole_accounts_setting_is_not_the_environments():
    why = "a setting of the whole account; S3.8 looks at the environment's bucket"
    assert evaluate("S3.1", {}, wanted(Bucket)) == why


@pytest.mark.parametrize(
    ("control", "offences"),
    [
        ("S3.2", []), ("S3.3", []), ("S3.5", ["has no policy that denies requests without TLS"]), ("S3.6", []),
        ("S3.8", [f"does not set {', '.join(BLOCKS)}"]), ("S3.9", ["has no server access logs"]), ("S3.12", []),
        ("S3.13", ["has no lifecycle rule"]), ("S3.20", ["deletes versions without MFA"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("described", [{}, {each: {} for each in GONE}], ids=["errors", "empty answers"])
def test_a_bucket_that_has_nothing(control, offences, described):
    assert look(control, **described) == offences


@pytest.mark.parametrize(
    ("described", "offences"),
    [
        (ALL_BLOCKED, []), *((unblocked(each), [f"does not set {each}"]) for each in BLOCKS),
        (unblocked(BLOCKS[0], BLOCKS[2]), [f"does not set {BLOCKS[0]}, {BLOCKS[2]}"]),
        ({"PublicAccessBlockConfiguration": {}}, [f"does not set {', '.join(BLOCKS)}"]),
    ],
)  # fmt: skip
def test_all_kinds_of_public_access_must_be_blocked(described, offences):
    assert look("S3.8", block=described) == offences


READ, WRITE = ("s3:GetObject", "s3:ListBucket"), ("s3:PutObject", "s3:DeleteObject")


@pytest.mark.parametrize("control", ["S3.2", "S3.3"])
def test_what_a_statement_lets_anybody_do(control):
    own, others = (READ, WRITE) if control == "S3.2" else (WRITE, READ)
    told = [f"lets anybody {own[0]}"]
    cases = [
        ([allow(own[0])], told), ([allow(list(own))], [f"lets anybody {', '.join(own)}"]),
        ([allow([*others, own[1]])], [f"lets anybody {own[1]}"]), ([allow(list(others))], []),
        ([allow("s3:*")], ["lets anybody s3:*"]), ([allow("*")], ["lets anybody *"]),
        ([allow(own[0], {"AWS": "*"})], told), ([allow(own[0], {"AWS": [NUMBER, "*"]})], told),
        ([allow(own[0], {"AWS": NUMBER})], []), ([allow(own[0], {"Service": "*"})], []),
        ([allow(own[0], {"Federated": "x"}), allow(own[1])], [f"lets anybody {own[1]}"]),
        ([allow(own[0], Condition={"Bool": {"a": "b"}})], []), ([allow(own[0], Condition={})], told),
        ([allow(own[0], Effect="Deny")], []), ([allow(own[0]) | {"Effect": None}], []),
        ([allow(own[0], None)], []), ([allow(None)], []),
        ([allow(others[0]), allow(own[0]), allow(own[1])], [f"lets anybody {each}" for each in own]),
        # IAM ignores the case of actions, and takes wildcards anywhere in them.
        ([allow(own[0].upper())], [f"lets anybody {own[0].upper()}"]),
        ([allow(f"{own[0][:4]}*")], [f"lets anybody {own[0][:4]}*"]),
        ([allow("s3:*Object")], ["lets anybody s3:*Object"]), ([allow(f"{others[0][:6]}*")], []),
        ([allow("s3:?etObject")], ["lets anybody s3:?etObject"]), ([allow("ec2:*")], []),
        ([nearly("s3:X", "s3:PutBucketAcl")], ["lets anybody everything but s3:X, s3:PutBucketAcl"]),
        ([nearly("s3:X", principal={"AWS": NUMBER})], []),
        ([{**allow(own[0]), "NotPrincipal": {"AWS": NUMBER}}], told),
    ]  # fmt: skip
    for statements, offences in cases:
        assert look(control, policy=policy(*statements)) == offences, statements
        assert look(control, policy=policy(*statements), block=unblocked("BlockPublicPolicy")) == []


@pytest.mark.parametrize("control", ["S3.2", "S3.3"])
def test_what_an_acl_lets_anybody_do(control):
    own, other = ("READ", "WRITE") if control == "S3.2" else ("WRITE", "READ")

    def told(what):
        return f"has an ACL that grants {what} to anybody"

    cases = [
        (acl((EVERYBODY, own)), [told(own)]), (acl((ANY_USER, own)), [told(own)]), (acl((EVERYBODY, other)), []),
        (acl((EVERYBODY, "FULL_CONTROL")), [told("FULL_CONTROL")]), (acl((EVERYBODY, "READ_ACP")), []),
        (acl((LOG_DELIVERY, own)), []), (acl(("somebody", own)), []), (acl(("owner", "FULL_CONTROL")), []),
        (acl(("owner", own), (EVERYBODY, other), (ANY_USER, own), (EVERYBODY, "FULL_CONTROL")),
         [told(own), told("FULL_CONTROL")]),
    ]  # fmt: skip
    for described, offences in cases:
        assert look(control, acl=described) == offences, described
        assert look(control, acl=described, block=unblocked("BlockPublicAcls")) == []


@pytest.mark.parametrize("control", ["S3.2", "S3.3"])
def test_only_the_setting_for_it_stops_a_policy_or_an_acl(control):
    """RestrictPublicBuckets stops what a policy lets anybody do, IgnorePublicAcls what an ACL grants to anybody."""
    own = {"policy": policy(allow("s3:*")), "acl": acl((EVERYBODY, "FULL_CONTROL"))}
    of_policy, of_acl = "lets anybody s3:*", "has an ACL that grants FULL_CONTROL to anybody"
    assert look(control, **own) == [of_policy, of_acl]
    assert look(control, **own, block=unblocked("IgnorePublicAcls")) == [of_acl]
    assert look(control, **own, block=unblocked("RestrictPublicBuckets")) == [of_policy]
    assert look(control, **own, block=ALL_BLOCKED) == []


BUCKET, OBJECTS = f"arn:aws:s3:::{NAME}", f"arn:aws:s3:::{NAME}/*"
DENY = {
    "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [BUCKET, OBJECTS],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "denied"),
    [
        ({}, True), ({"Resource": [OBJECTS, "arn:aws:s3:::other", BUCKET]}, True), ({"Resource": "*"}, True),
        ({"Resource": ["*"]}, True), ({"Resource": BUCKET}, False), ({"Resource": OBJECTS}, False),
        ({"Resource": None}, False), ({"Principal": {"AWS": "*"}}, True), ({"Principal": {"AWS": NUMBER}}, False),
        ({"Principal": NUMBER}, False), ({"Principal": None}, False), ({"Action": "*"}, True),
        ({"Action": ["s3:GetObject", "s3:*"]}, True), ({"Action": "s3:GetObject"}, False), ({"Action": None}, False),
        ({"Effect": "Allow"}, False), ({"Effect": None}, False), ({"Condition": None}, False),
        ({"Condition": {}}, False),
        ({"Condition": {"Bool": None}}, False), ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}}}, True),
        ({"Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SecureTransport": "false"}}}, False),
    ],
)  # fmt: skip
def test_requests_without_tls_must_be_denied_to_all_for_all(changed, denied):
    statements = [allow("s3:*"), DENY | changed, allow("s3:GetObject", NUMBER)]
    offences = [] if denied else ["has no policy that denies requests without TLS"]
    assert look("S3.5", policy=policy(*statements)) == offences


RISKY = ["s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration",
         "s3:PutObjectAcl"]  # fmt: skip
STRANGER, SECOND = "arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:role/x"
OWN = f"arn:aws:iam::{NUMBER}:role/x"


@pytest.mark.parametrize(
    ("statements", "offences"),
    [
        *(([allow(each, STRANGER)], [f"lets {STRANGER} {each}"]) for each in (*RISKY, "s3:*", "*")),
        ([allow(RISKY[::-1], STRANGER)], [f"lets {STRANGER} {', '.join(RISKY)}"]),
        ([allow(["s3:GetObject", RISKY[1]], STRANGER)], [f"lets {STRANGER} {RISKY[1]}"]),
        ([allow("s3:GetObject", STRANGER)], []), ([allow(None, STRANGER)], []), ([allow(RISKY[0], None)], []),
        ([allow(RISKY[0], OWN)], []), ([allow(RISKY[0], {"AWS": [OWN]})], []), ([allow(RISKY[0], {"AWS": ""})], []),
        ([allow(RISKY[0], {"AWS": [STRANGER, OWN, SECOND]})], [f"lets {STRANGER}, {SECOND} {RISKY[0]}"]),
        ([allow(RISKY[0], {"AWS": 222222222222})], [f"lets 222222222222 {RISKY[0]}"]),
        ([allow(RISKY[0], {"Service": "logging.s3.amazonaws.com"})], []),
        ([allow(RISKY[0])], [f"lets * {RISKY[0]}"]), ([allow(RISKY[0], STRANGER, Effect="Deny")], []),
        ([allow(RISKY[0], STRANGER) | {"Effect": None}], []),
        *(([allow(each, STRANGER)], [f"lets {STRANGER} {each}"])
          for each in ("s3:PutBucket*", "S3:PUTBUCKETPOLICY", "s3:putobjectacl", "s3:Put?bjectAcl", "*:*")),
        ([allow("s3:Get*", STRANGER)], []), ([allow("s3:PutObject", STRANGER)], []),
        ([nearly("s3:PutObject", principal=STRANGER)], [f"lets {STRANGER} everything but s3:PutObject"]),
        ([allow(RISKY[0], f"arn:aws:iam::222222222222:role/for-{NUMBER}")],
         [f"lets arn:aws:iam::222222222222:role/for-{NUMBER} {RISKY[0]}"]),
        ([allow(RISKY[0], {"AWS": [NUMBER, "AIDAEXAMPLE"]})], [f"lets AIDAEXAMPLE {RISKY[0]}"]),
        ([allow(RISKY[0], OWN) | {"NotPrincipal": {"AWS": OWN}}], [f"lets * {RISKY[0]}"]),
        ([allow(RISKY[0], OWN), allow("s3:*", STRANGER), allow("s3:GetObject", SECOND), allow("*", SECOND)],
         [f"lets {STRANGER} s3:*", f"lets {SECOND} *"]),
    ],
)  # fmt: skip
def test_what_no_other_account_may_do(statements, offences):
    assert look("S3.6", policy=policy(*statements)) == offences


@pytest.mark.parametrize(
    ("control", "described", "offences"),
    [
        ("S3.9", {"logging": {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}}}, []),
        ("S3.9", {"logging": {"LoggingEnabled": {"TargetPrefix": "logs"}}}, ["has no server access logs"]),
        ("S3.12", {"acl": acl(("owner", "FULL_CONTROL"))}, []),
        ("S3.12", {"acl": acl(("a", "READ"), ("owner", "FULL_CONTROL"), (LOG_DELIVERY, "WRITE"))},
         ["has an ACL that grants READ to others", "has an ACL that grants WRITE to others"]),
        ("S3.13", {"lifecycle": {"Rules": [{"Status": "Disabled"}, {"Status": "Enabled"}]}}, []),
        ("S3.13", {"lifecycle": {"Rules": [{"Status": "Disabled"}]}}, ["has no lifecycle rule"]),
        ("S3.20", {"versioning": {"Status": "Enabled", "MFADelete": "Enabled"}}, []),
        ("S3.20", {"versioning": {"Status": "Enabled", "MFADelete": "Disabled"}}, ["deletes versions without MFA"]),
    ],
)  # fmt: skip
def test_what_a_bucket_has(control, described, offences):
    assert look(control, **described) == offences
