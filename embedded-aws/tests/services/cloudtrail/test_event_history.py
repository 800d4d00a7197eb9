"""CloudTrail's event history: who wrote to what, by the names of things; never what was written."""

import json
from datetime import UTC, datetime, timedelta


def events(aws, key, value, **more):
    wanted = [{"AttributeKey": key, "AttributeValue": value}]
    return aws.client("cloudtrail").lookup_events(LookupAttributes=wanted, **more)["Events"]


def test_writes_are_found_by_what_they_name_the_newest_first(aws):
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": False})
    ec2.describe_vpcs(VpcIds=[vpc])
    newest, first = events(aws, "ResourceName", vpc)
    assert (newest["EventName"], first["EventName"]) == ("ModifyVpcAttribute", "CreateVpc")
    assert (newest["ReadOnly"], newest["EventSource"]) == ("false", "ec2.amazonaws.com")
    details = json.loads(newest["CloudTrailEvent"])
    assert details["userIdentity"]["arn"] == aws.client("sts").get_caller_identity()["Arn"]
    assert "Boto3" in details["userAgent"]
    assert events(aws, "ResourceName", vpc, EndTime=datetime.now(UTC) - timedelta(hours=1)) == []
    assert [event["EventName"] for event in events(aws, "EventName", "CreateVpc")] == ["CreateVpc"]


def test_every_protocol_is_read_and_no_value_is_kept(aws):
    """A secret in a request is in no event, and neither are objects and log lines."""
    aws.client("secretsmanager").create_secret(Name="one/two", SecretString="wholly-secret")
    s3, here = aws.client("s3"), {"LocationConstraint": "us-west-2"}
    s3.create_bucket(Bucket="a-bucket", CreateBucketConfiguration=here)
    s3.delete_bucket_tagging(Bucket="a-bucket")
    s3.put_object(Bucket="a-bucket", Key="k", Body=b"x")
    assert [event["EventName"] for event in events(aws, "ResourceName", "one/two")] == ["CreateSecret"]
    named = [event["EventName"] for event in events(aws, "ResourceName", "a-bucket")]
    assert named == ["DeleteBucketTagging", "CreateBucket"]
    assert "wholly-secret" not in str(aws.client("cloudtrail").lookup_events()["Events"])


def test_a_refused_call_changed_nothing(aws):
    client = aws.client("iam")
    try:
        client.delete_role(RoleName="nobody")
    except client.exceptions.NoSuchEntityException:
        assert events(aws, "ResourceName", "nobody") == []


def test_there_are_pages(aws):
    for number in range(3):
        aws.client("logs").create_log_group(logGroupName=f"/group/{number}")
    pages = aws.client("cloudtrail").get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["Events"]) for page in pages] == [2, 1]
