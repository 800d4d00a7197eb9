"""Policies come back in AWS's form: lists of one as the value itself, other lists in another order."""

import json

import pytest

from services.errors import raises

ROLE = "workflow"
ACTIONS = ["sts:AssumeRoleWithWebIdentity"]
SUBJECTS = ["repo:a", "repo:b"]
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.example.com"


def trust(subjects):
    condition = {"StringEquals": {"token.example.com:sub": subjects}}
    statement = {"Effect": "Allow", "Principal": {"Federated": [PROVIDER]}, "Action": ACTIONS, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(aws):
    iam = aws.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust(SUBJECTS[:1]))
    return iam


def test_a_trust_policy_is_rewritten(iam):
    """https://github.com/aws-controllers-k8s/community/issues/2875."""

    def stored():
        return iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]

    assert stored()["Action"] == ACTIONS[0]
    assert stored()["Principal"] == {"Federated": PROVIDER}
    assert stored()["Condition"] == {"StringEquals": {"token.example.com:sub": SUBJECTS[0]}}
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=trust(SUBJECTS))
    assert stored()["Condition"] == {"StringEquals": {"token.example.com:sub": SUBJECTS[::-1]}}


def test_an_inline_policy_is_rewritten(iam):
    statement = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="read", PolicyDocument=document)
    (stored,) = iam.get_role_policy(RoleName=ROLE, PolicyName="read")["PolicyDocument"]["Statement"]
    assert stored == {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::a"]}


def test_a_bucket_policy_is_rewritten(aws):
    """https://github.com/hashicorp/terraform/issues/2432."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="with-a-policy", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    resources = ["arn:aws:s3:::with-a-policy", "arn:aws:s3:::with-a-policy/*"]
    insecure = {"Bool": {"aws:SecureTransport": ["false"]}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": ["s3:*"], "Resource": resources, "Condition": insecure}
    s3.put_bucket_policy(Bucket="with-a-policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": deny}))
    (stored,) = json.loads(s3.get_bucket_policy(Bucket="with-a-policy")["Policy"])["Statement"]
    assert (stored["Action"], stored["Resource"]) == ("s3:*", resources[::-1])
    assert stored["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_refusals_have_aws_words(iam):
    """As recorded from the real AWS."""
    with raises("NoSuchEntity", "The role with name nobody cannot be found."):
        iam.get_role(RoleName="nobody")
    with raises("NoSuchEntity", "Instance Profile nobody cannot be found."):
        iam.delete_instance_profile(InstanceProfileName="nobody")
    with raises("ValidationError", "Invalid ARN:  Could not be parsed!"):
        iam.attach_role_policy(RoleName=ROLE, PolicyArn="longpolicynamebutnoarn")
    with raises("MalformedPolicyDocument", "This policy contains invalid Json"):
        iam.create_role(RoleName="another", AssumeRolePolicyDocument='{"Version"}')
