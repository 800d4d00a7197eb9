"""The server keeps nothing of what was deleted: it may stay up for weeks."""

import os

import psutil
import pytest

from embedded_aws.testing import eventually

MEGABYTE = 1_000_000
LARGE = 20 * MEGABYTE  # moto puts an object of that size into a file


@pytest.fixture
def server(aws):
    return psutil.Process(aws.address.process.pid)


def test_the_body_and_the_file_of_a_deleted_object_are_gone(aws, server):
    """Whether it was deleted, replaced, or a version of a bucket with versions."""
    s3 = aws.client("s3")
    for bucket in ("plain", "versioned"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})

    def use():
        for bucket in ("plain", "versioned", "plain"):
            version = s3.put_object(Bucket=bucket, Key="large", Body=os.urandom(LARGE)).get("VersionId")
            s3.delete_object(Bucket=bucket, Key="large", **({"VersionId": version} if version else {}))

    files, memory = server.num_fds(), server.memory_info().rss
    for _ in range(3):
        use()
    # Garbage is collected every ten seconds.
    eventually(lambda: server.num_fds() <= files, within=30)
    eventually(lambda: server.memory_info().rss < memory + 5 * LARGE, within=30)


def test_a_resource_that_was_deleted_is_gone(aws, server):
    ec2 = aws.client("ec2")

    def use(times):
        for _ in range(times):
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            ec2.delete_vpc(VpcId=vpc)

    use(20)
    memory = server.memory_info().rss
    use(60)
    assert server.memory_info().rss < memory + 3 * MEGABYTE
