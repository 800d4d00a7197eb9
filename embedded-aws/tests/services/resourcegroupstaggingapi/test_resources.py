"""The tagging API lists what is there."""

TAGS = [{"Key": "team", "Value": "blue"}]


def tagged(aws):
    pages = aws.client("resourcegroupstaggingapi").get_paginator("get_resources")
    found = [found for page in pages.paginate(TagFilters=[{"Key": "team"}]) for found in page["ResourceTagMappingList"]]
    return {entry["ResourceARN"].split(":")[-1].split("/")[0] for entry in found}


def test_what_has_ended_is_tagged_no_more(aws):
    """After a teardown nobody finds a trace; before it, everything is found."""
    ec2 = aws.client("ec2")
    arm = [{"Name": "architecture", "Values": ["arm64"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=arm)["Images"][0]["ImageId"]
    spec = [{"ResourceType": "instance", "Tags": TAGS}]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t4g.nano", TagSpecifications=spec)
    assert tagged(aws) == {"instance"}
    ec2.terminate_instances(InstanceIds=[made["Instances"][0]["InstanceId"]])
    assert tagged(aws) == set()
