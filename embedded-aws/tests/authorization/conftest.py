"""A role, and clients with its credentials."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from embedded_aws.settings import REGION
from tests.support.trusted_keys import trust


class Role:
    """A role `app` in an empty account, that the operator has assumed."""

    def __init__(self, aws, **more):
        self.aws, self.iam = aws, aws.client("iam")
        self.arn = self.iam.create_role(
            RoleName="app", Path="/runbook/", AssumeRolePolicyDocument=trust("ec2"), **more
        )["Role"]["Arn"]
        self.session = self.assume()

    def assume(self, **more):
        return self.aws.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="one", **more)["Credentials"]

    def client(self, service, session=None, **more):
        """A client with the role's credentials."""
        keys = session or self.session
        return boto3.client(
            service,
            endpoint_url=self.aws.connection.endpoint_url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=REGION,
            config=Config(retries={"total_max_attempts": 1}, **more),
        )

    def allow(self, actions, resources="*", effect="Allow", name="app", **more):
        """Give the role an inline policy of one statement."""
        statement = {"Effect": effect, "Action": actions, "Resource": resources, **more}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="app", PolicyName=name, PolicyDocument=document)


@pytest.fixture
def role(aws):
    return Role(aws)


@pytest.fixture
def refused():
    """Return a function that makes a call, and returns code, message and status of its refusal."""

    def call(method, **parameters):
        with pytest.raises(ClientError) as caught:
            method(**parameters)
        error = caught.value.response
        return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]

    return call
