"""A bucket whose versioning is suspended keeps its versions, and each of them can be deleted."""

import pytest

BUCKET = "suspended-versions"


@pytest.fixture
def s3(aws):
    """A bucket with a version and a delete marker from before its versioning was suspended."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"one")
    s3.delete_object(Bucket=BUCKET, Key="a")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    return s3


def listed(s3):
    found = s3.list_object_versions(Bucket=BUCKET)
    return [
        {"Key": one["Key"], "VersionId": one["VersionId"]}
        for one in found.get("Versions", []) + found.get("DeleteMarkers", [])
    ]


def test_it_is_emptied_version_by_version(s3):
    """As Terraform empties a bucket, whose versioning it has suspended first."""
    first, *others = listed(s3)
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [first]})
    assert listed(s3) == others
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": others})
    assert listed(s3) == []
    s3.delete_bucket(Bucket=BUCKET)


def test_a_delete_without_a_version_leaves_the_others(s3):
    """It adds a delete marker, whose version is null."""
    before = listed(s3)
    answer = s3.delete_object(Bucket=BUCKET, Key="a")
    assert (answer["VersionId"], answer["DeleteMarker"]) == ("null", True)
    assert sorted(one["VersionId"] for one in listed(s3)) == sorted(["null", *(one["VersionId"] for one in before)])
