"""The tagging API lists existing resources only."""

TAGS = [{"Key": "team", "Value": "blue"}]


def tagged(aws):
    pages = aws.client("resourcegroupstaggingapi").get_paginator("get_resources")
    entries = [one for page in pages.paginate(TagFilters=[{"Key": "team"}]) for one in page["ResourceTagMappingList"]]
    return {entry["ResourceARN"].split(":")[-1].split("/")[0] for entry in entries}


def test_a_terminated_instance_is_not_listed(aws):
    """So after a teardown nothing is left."""
    ec2 = aws.client("ec2")
    arm = [{"Name": "architecture", "Values": ["arm64"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=arm)["Images"][0]["ImageId"]
    spec = [{"ResourceType": "instance", "Tags": TAGS}]
    created = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t4g.nano", TagSpecifications=spec)
    assert tagged(aws) == {"instance"}
    ec2.terminate_instances(InstanceIds=[created["Instances"][0]["InstanceId"]])
    assert tagged(aws) == set()
