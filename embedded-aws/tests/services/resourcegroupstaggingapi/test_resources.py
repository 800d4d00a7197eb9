"""The tagging API lists existing resources only, of all types that AWS lists, in full pages."""

from services.network import Network

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


def test_what_aws_lists_is_listed_with_its_types(aws):
    """So what a run leaves behind is reported, whatever it is."""
    ec2, network = aws.client("ec2"), Network(aws)
    vpc, subnets = network.vpc, network.subnets

    def tag(kind):
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": TAGS}]}

    ec2.allocate_address(Domain="vpc", **tag("elastic-ip"))
    ec2.create_key_pair(KeyName="web", **tag("key-pair"))
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={}, **tag("launch-template"))
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-west-2.s3", **tag("vpc-endpoint"))
    ec2.create_network_interface(SubnetId=subnets[0], **tag("network-interface"))
    aws.client("s3").create_bucket(Bucket="of-flow-logs", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    ec2.create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
        LogDestination="arn:aws:s3:::of-flow-logs", **tag("vpc-flow-log"),
    )  # fmt: skip
    aws.client("iam").create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    rds = aws.client("rds")
    rds.create_db_subnet_group(DBSubnetGroupName="web", DBSubnetGroupDescription="web", SubnetIds=subnets, Tags=TAGS)
    rds.create_db_parameter_group(
        DBParameterGroupName="web", DBParameterGroupFamily="mysql8.4", Description="web", Tags=TAGS
    )
    elb = aws.client("elbv2")
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets, Scheme="internal")["LoadBalancers"][0]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    arn = balancer["LoadBalancerArn"]
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[answer], Tags=TAGS)
    assert tagged(aws) == {
        "elastic-ip", "key-pair", "launch-template", "vpc-endpoint", "network-interface", "vpc-flow-log", "web",
        "listener",
    }  # fmt: skip
    listed = aws.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team"}])
    arns = {mapping["ResourceARN"].partition("123456789012:")[2] for mapping in listed["ResourceTagMappingList"]}
    assert {"subgrp:web", "pg:web"} <= arns


def test_a_page_is_full_however_many_tags_there_are(aws):
    """AWS counts tags only where a caller limits them."""
    ec2 = aws.client("ec2")
    many = [*TAGS, *({"Key": f"key-{n}", "Value": "x"} for n in range(20))]
    for _ in range(5):
        ec2.create_internet_gateway(TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": many}])
    page = aws.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team"}], ResourcesPerPage=100)
    assert len(page["ResourceTagMappingList"]) == 5
