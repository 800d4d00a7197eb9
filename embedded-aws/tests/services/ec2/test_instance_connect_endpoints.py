"""EC2 Instance Connect Endpoints: one in a VPC, with an interface in its subnet, until it is deleted."""

import pytest

from services.errors import raises


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def subnet(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


def created(ec2, subnet):
    tags = [{"ResourceType": "instance-connect-endpoint", "Tags": [{"Key": "team", "Value": "web"}]}]
    answer = ec2.create_instance_connect_endpoint(SubnetId=subnet, TagSpecifications=tags)
    return answer["InstanceConnectEndpoint"]["InstanceConnectEndpointId"]


def test_it_is_found_by_its_tags_and_has_an_interface(ec2, subnet):
    own = created(ec2, subnet)
    found = ec2.describe_instance_connect_endpoints(Filters=[{"Name": "tag:team", "Values": ["web"]}])
    (endpoint,) = found["InstanceConnectEndpoints"]
    assert (endpoint["InstanceConnectEndpointId"], endpoint["State"]) == (own, "create-complete")
    assert endpoint["SubnetId"] == subnet
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=endpoint["NetworkInterfaceIds"])[
        "NetworkInterfaces"
    ]
    assert interface["SubnetId"] == subnet
    assert [group["GroupId"] for group in interface["Groups"]] == endpoint["SecurityGroupIds"]
    ec2.create_tags(Resources=[own], Tags=[{"Key": "more", "Value": "1"}])
    (endpoint,) = ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"]
    assert {tag["Key"] for tag in endpoint["Tags"]} == {"team", "more"}


def test_a_vpc_has_one(ec2, subnet):
    created(ec2, subnet)
    with raises("InstanceConnectEndpointLimitExceeded"):
        created(ec2, subnet)


def test_a_deleted_one_leaves_nothing(ec2, subnet):
    own = created(ec2, subnet)
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=own)
    assert ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"] == []
    ec2.delete_subnet(SubnetId=subnet)
    with raises("InvalidInstanceConnectEndpointId.NotFound"):
        ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=own)
