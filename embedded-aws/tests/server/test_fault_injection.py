"""Calls fail on request: in each service's words, as often as requested, and no others."""

import threading
import time
from contextlib import suppress

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from embedded_aws.testing import eventually
from services.errors import raises

BUCKET = {"Bucket": "bucket", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}

# By protocol: a call, and how its service says that it is asked too often, and that it is broken.
CALLS = [
    ("ec2", "describe_vpcs", {}, ("RequestLimitExceeded", 503), ("InternalError", 500)),
    ("rds", "describe_db_instances", {}, ("Throttling", 400), ("InternalFailure", 500)),
    ("elbv2", "describe_load_balancers", {}, ("Throttling", 400), ("InternalFailure", 500)),
    ("ssm", "describe_parameters", {}, ("ThrottlingException", 400), ("InternalFailure", 500)),
    ("s3", "create_bucket", BUCKET, ("SlowDown", 503), ("InternalError", 500)),
    ("s3", "get_bucket_tagging", {"Bucket": "bucket"}, ("SlowDown", 503), ("InternalError", 500)),
    ("route53", "list_hosted_zones", {}, ("Throttling", 400), ("InternalFailure", 500)),
    ("lambda", "list_functions", {}, ("TooManyRequestsException", 429), ("InternalFailure", 500)),
    ("cloudwatch", "describe_alarms", {}, ("Throttling", 400), ("InternalFailure", 500)),
]


def answer(aws, service, method, arguments):
    """Return the error code and the HTTP status that a boto3 client gets."""
    with pytest.raises(ClientError) as raised:
        getattr(aws.client(service), method)(**arguments)
    meta = raised.value.response["ResponseMetadata"]
    assert "x-local-fault" in meta["HTTPHeaders"]
    return raised.value.response["Error"]["Code"], meta["HTTPStatusCode"]


def test_each_service_throttles_and_breaks_in_its_own_words(aws, faults):
    """botocore retries as on AWS, as it reads code and status of every protocol."""
    for service, method, arguments, throttled, broken in CALLS:
        operation = aws.client(service).meta.method_to_api_mapping[method]
        faults.add(f"{service}:{operation}", "throttle", times=1)
        faults.add(f"{service}:{operation}", "error", times=1)
        assert answer(aws, service, method, arguments) == throttled, operation
        assert answer(aws, service, method, arguments) == broken, operation


def test_a_head_request_gets_only_the_status(aws, faults):
    """A HEAD has no body on AWS, either."""
    faults.add("s3:Head*", "throttle", times=1)
    assert answer(aws, "s3", "head_bucket", {"Bucket": "bucket"}) == ("503", 503)
    faults.add("s3:Head*", "refuse", code="AccessDenied", times=1)
    assert answer(aws, "s3", "head_bucket", {"Bucket": "bucket"}) == ("403", 403)


def test_unavailable_is_the_other_server_error(aws, faults):
    """503, with EC2's code."""
    faults.add("ec2:DescribeVpcs", "error", status=503)
    assert answer(aws, "ec2", "describe_vpcs", {}) == ("Unavailable", 503)


def test_a_client_that_retries_gets_through(aws, faults):
    """A stock client takes the throttling for throttling."""
    number = faults.add("ec2:DescribeVpcs", "throttle", times=2)
    session = boto3.session.Session(aws.connection.access_key, aws.connection.secret_key, region_name="us-west-2")
    stock = session.client("ec2", endpoint_url=aws.connection.endpoint_url)
    assert stock.describe_vpcs()["ResponseMetadata"]["RetryAttempts"] == 2
    assert [found["number"] for found in faults.ask("GET", "faults")["faults"]] == [number]
    assert faults.counts() == [(3, 2)]


def test_any_code_can_be_injected(aws, faults):
    """With the HTTP status that such an error has."""
    faults.add("ec2:CreateVpc", "refuse", code="UnauthorizedOperation", message="Not you.")
    with raises("UnauthorizedOperation", "Not you."):
        aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    faults.add("iam:CreateRole", "refuse", code="LimitExceeded", status=409)
    assert answer(aws, "iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}) == (
        "LimitExceeded",
        409,
    )


def test_a_rejected_call_is_not_executed_and_a_lost_one_is(aws, faults):
    """A lost response says nothing about the call."""
    ec2 = aws.client("ec2")
    before = len(ec2.describe_vpcs()["Vpcs"])
    faults.add("ec2:CreateVpc", "error", times=1)
    faults.add("ec2:CreateVpc", "lost", times=1)
    with raises("InternalError"):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock="10.0.0.0/16")
    assert len(ec2.describe_vpcs()["Vpcs"]) == before + 1


def test_a_slow_call_is_late_and_blocks_no_other(aws, faults):
    ec2, s3 = aws.client("ec2"), aws.client("s3")
    faults.add("s3:CreateBucket", "slow", seconds=3.0)
    slow = threading.Thread(target=lambda: s3.create_bucket(**BUCKET))
    began = time.monotonic()
    slow.start()
    eventually(lambda: faults.counts() == [(1, 1)])
    ec2.describe_vpcs()
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert slow.is_alive()
    slow.join()
    assert time.monotonic() - began >= 3.0
    assert len(aws.client("s3").list_buckets()["Buckets"]) == 1


def test_skip_and_times_choose_which_calls_are_hit(aws, faults):
    """The third and the fourth, and no other."""
    faults.add("ec2:Describe*", "throttle", skip=2, times=2)
    ec2 = aws.client("ec2")

    def goes():
        try:
            ec2.describe_vpcs()
        except ClientError:
            return False
        return True

    assert [goes() for _ in range(6)] == [True, True, False, False, True, True]
    assert faults.counts() == [(6, 2)]


def test_the_same_seed_hits_the_same_calls(aws, faults):
    """A game day can be repeated."""
    ec2 = aws.client("ec2")

    def played(seed):
        faults.add("ec2:DescribeVpcs", "throttle", probability=0.5, seed=seed)
        hits = []
        for _ in range(12):
            before = faults.counts()[0][1]
            with suppress(ClientError):
                ec2.describe_vpcs()
            hits.append(faults.counts()[0][1] - before)
        faults.ask("DELETE", "faults")
        return hits

    first = played(1)
    assert 0 < sum(first) < 12
    assert played(1) == first != played(2)


def test_other_calls_are_not_hit(aws, faults):
    """Neither another operation, nor the same verb of another service, nor the control API."""
    faults.add("ec2:Create*", "throttle")
    aws.client("ec2").describe_vpcs()
    aws.client("s3").create_bucket(**BUCKET)
    aws.control("health")
    assert faults.counts() == [(0, 0)]


def test_a_pattern_can_match_every_service(aws, faults):
    faults.add("*:Describe*", "throttle", times=2)
    assert answer(aws, "ec2", "describe_vpcs", {})[0] == "RequestLimitExceeded"
    assert answer(aws, "rds", "describe_db_instances", {})[0] == "Throttling"


def test_an_emptied_account_has_no_faults(aws, faults):
    faults.add("ec2:*", "throttle")
    aws.reset()
    assert faults.counts() == []
    aws.client("ec2").describe_vpcs()
